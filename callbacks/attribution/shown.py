"""Shown: the model, what it is shown, and the loss of what it gives: what all passes have in common."""

import dataclasses
from collections.abc import Sequence

from torch import Tensor, nn

from ..capture.recording import Forward, device_of
from ..probe import Probe
from ..probes.batch import Batch
from .losses import Loss, losses_of


@dataclasses.dataclass(frozen=True)
class Shown:
    """A model and a probe."""

    model: nn.Module
    probe: Probe
    forward: Forward
    batch_size: int
    loss: Loss | None = None
    is_decoder: bool = False

    def batches(self) -> Sequence[Batch]:
        return list(self.probe.batches(self.batch_size, device=device_of(self.model)))

    def losses(self, output: object, batch: Batch) -> Tensor:
        assert self.loss is not None
        return losses_of(self.loss, output, batch, is_decoder=self.is_decoder)
