"""Attributing: when a recorder asks for importance and connections, and what becomes of it when that fails."""

import warnings
from typing import Literal

from torch import nn

from .attribution.attribution import Attribution
from .attribution.losses import Loss, LossError
from .capture import Recording
from .capture.recording import Forward
from .failures import Failures
from .probe import Probe
from .schedule import Schedule, as_schedule


class Attributing:
    """Adds importance and connections to recordings where they are due; one that fails is recorded without them.

    Options are those of AttentionRecorder. A failure is warned of once, or raised where `on_error` says so.
    """

    def __init__(
        self,
        model: nn.Module,
        probe: Probe,
        *,
        loss: Loss | None,
        ablate_every: int | Schedule | None,
        connections_every: int | Schedule | None,
        forward: Forward,
        batch_size: int,
        on_error: Literal["warn", "raise"],
    ) -> None:
        self._ablate = None if ablate_every is None else as_schedule(ablate_every, "ablate_every")
        self._connect = None if connections_every is None else as_schedule(connections_every, "connections_every")
        self._failures = Failures(
            on_error, "All else is recorded; later failures of this kind are not reported.", depth=4
        )
        self._asked: tuple[int, tuple[bool, bool]] | None = None
        wanted = loss is not None or self._connect is not None
        self._attribution = (
            Attribution(model, probe, loss=loss, forward=forward, batch_size=batch_size) if wanted else None
        )

    def begin(self, first: Recording) -> None:
        """Try it, and say in the log what it will take. Raises LossError."""
        if self._attribution is None:
            return
        try:
            ablates, connects = self._ablate is not None, self._connect is not None
            refused = self._attribution.begin(first, ablates=ablates, connects=connects)
        except LossError:
            raise
        except Exception as error:
            self._failures.tell(error, "importance and connections of heads cannot be recorded")
            return
        if refused:
            named = "; ".join(f"{name}: {why}" for name, why in refused.items())
            warnings.warn(f"layers without importance: {named}", RuntimeWarning, stacklevel=4)

    def is_due(self, step: int) -> bool:
        """Whether something is wanted at `step`, a checkpoint or not."""
        return any(self._due(step))

    def _due(self, step: int) -> tuple[bool, bool]:
        """Whether exact importance is due, and connections. Schedules are asked once a step: they may count."""
        if self._asked is None or self._asked[0] != step:
            self._asked = step, (self._failures.is_due(self._ablate, step), self._failures.is_due(self._connect, step))
        return self._asked[1]

    def added(self, step: int, recording: Recording, *, checkpoint: bool, ablate: bool) -> Recording:
        """`recording` with what is due; without, where that fails. `ablate`: exact importance in any case."""
        if self._attribution is None:
            return recording
        exact, connect = self._due(step)
        ablate = ablate or exact
        try:
            return self._attribution.added(recording, weigh=checkpoint, ablate=ablate, connect=connect)
        except Exception as error:
            self._failures.tell(error, f"importance and connections of heads were not recorded at step {step}")
            return recording
