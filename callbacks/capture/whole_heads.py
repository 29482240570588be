"""Whole heads: those of a layer that is split over several processes (tensor parallelism), brought together.

All processes of such a layer make the pass together and see its attention at the same places, so what is gathered
here keeps none of them waiting that the layer itself would not.
"""

import contextlib
import dataclasses
import sys
from typing import Any

from torch import Tensor, nn
from torch.distributed import ProcessGroup

from ..tracing.attention_call import AttentionCall
from ..tracing.module_names import named_modules
from ..tracing.whole_tensors import whole
from .batch_recording import BatchRecording
from .gathered import are_same, gathered_call, gathered_heads
from .guarded_observer import GuardedObserver
from .selection import Selection
from .split_by_hand import SplitByHand

_NO_VALUES = (
    "its heads are split over processes by the model's own code, where values are gathered of "
    "scaled_dot_product_attention alone"
)


class WholeHeads(GuardedObserver):
    """An observer that is told of all heads of a layer, also where this process has some of them only."""

    def __init__(
        self, recording: BatchRecording, select: Selection | None, model: nn.Module, by_hand: SplitByHand
    ) -> None:
        super().__init__(recording, select)
        self._modules = dict(named_modules(model)) if _is_split(model) else {}
        self._groups: dict[str, ProcessGroup] = {}  # attention → the processes that its heads are split over
        self._by_hand = by_hand

    @property
    def is_split(self) -> bool:
        """Whether parameters are DTensors: what is made with them goes out of sight."""
        return bool(self._modules)

    def mixed_tensors(self) -> contextlib.AbstractContextManager[None]:
        """Within it what is made of a model's DTensors may be computed with tensors that all processes have alike."""
        if not self._modules:
            return contextlib.nullcontext()
        from torch.distributed.tensor.experimental import implicit_replication

        return implicit_replication()

    def take(self, call: AttentionCall) -> None:
        found: AttentionCall | str | None = self._whole(call) if self._modules else call
        if found is call and call.name not in self._groups:
            found = self._by_hand.whole(call.name, call, self._recording.device)
        if isinstance(found, AttentionCall):
            super().take(found)
        elif found is not None:
            super().refuse(call.name, found)

    def refuse(self, name: str, why: str) -> None:
        super().refuse(name, why)
        self._by_hand.whole(name, None, self._recording.device)

    def keeps_weights(self, name: str, before: Tensor, after: Tensor) -> bool:
        return super().keeps_weights(name, whole(before), whole(after))

    def rows(self, name: str, count: int) -> Tensor | None:
        """All, where processes could come to different findings: each has to gather what the others do."""
        return None if self._modules or self._by_hand.groups else super().rows(name, count)

    def take_values(self, name: str, values: Tensor) -> None:
        values = whole(values)
        if name in self._groups:
            values = gathered_heads(values, self._groups[name])
        if self._by_hand.is_split(name):
            self._recording.leave_values_out(name, _NO_VALUES)
        else:
            super().take_values(name, values)

    def finish(self) -> None:
        """The pass is over: what another process has refused of heads that are split is refused here, too."""
        for name, why in self._by_hand.refused_elsewhere(self._recording.skipped, self._recording.device).items():
            super().refuse(name, why)

    def _whole(self, call: AttentionCall) -> AttentionCall | str | None:
        parts = {field.name: getattr(call, field.name) for field in dataclasses.fields(call)}
        joined: dict[str, Any] = {name: whole(x) for name, x in parts.items() if isinstance(x, Tensor)}
        if joined["queries"] is not call.queries:  # the model computes with tensors that know of all processes
            return dataclasses.replace(call, **joined)
        module = self._modules.get(call.name.partition("#")[0])
        group = None if module is None else _group(module)
        if group is None or are_same(call.queries, group):  # sharded elsewhere than by heads
            return call
        self._groups[call.name] = group
        found = gathered_call(call, group, self._recording.device)
        return found.problem or found.call


def _is_split(model: nn.Module) -> bool:
    if "torch.distributed.tensor" not in sys.modules:  # then nothing is
        return False
    from torch.distributed.tensor import DTensor

    return any(isinstance(parameter, DTensor) for parameter in model.parameters())


def _group(module: nn.Module) -> ProcessGroup | None:
    """The processes over which `module` is split while it runs; None where it is whole (as FSDP has it then)."""
    return next((group for x in module.parameters() if (group := _split_over(x)) is not None), None)


def _split_over(parameter: Tensor) -> ProcessGroup | None:
    from torch.distributed.tensor import DTensor

    if not isinstance(parameter, DTensor):
        return None
    mesh = parameter.device_mesh
    split = [
        axis for axis, placement in enumerate(parameter.placements) if placement.is_shard() and mesh.size(axis) > 1
    ]
    return mesh.get_group(split[-1]) if split else None  # the last: data are parallel along those before it
