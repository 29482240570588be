"""What the callbacks of both Trainers do, whatever calls them."""

import contextlib
import os
from typing import TYPE_CHECKING, Unpack

from .options import RecorderOptions, check_options, checked_probe
from .probe import Probe
from .recorder import AttentionRecorder
from .schedule import at_epochs

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class InTraining:
    """Has a recorder while a training is under way."""

    def __init__(
        self,
        probe: Probe | None = None,
        *,
        module: str = "",
        logdir: "str | os.PathLike[str] | SummaryWriter | None" = None,
        **options: Unpack[RecorderOptions],
    ) -> None:
        check_options(**options)
        self._probe = checked_probe(probe, none=True)
        self._module = module
        self._logdir = logdir
        self._options = options
        self._recorder: AttentionRecorder | None = None
        self._batch = contextlib.ExitStack()  # while a batch is trained on

    def _begin_batch(self, step: int) -> None:
        if self._recorder is not None:
            self._batch.close()
            self._batch.enter_context(self._recorder.batch(step))

    def _end_epoch(self, step: int) -> None:
        if at_epochs(self._options.get("every")):
            self._record_once(step)
        elif at_epochs(self._options.get("health_every")) and self._recorder is not None:
            self._recorder.record_health(step)

    def _record_once(self, step: int) -> None:
        if self._recorder is not None and self._recorder.last_step != step:
            self._recorder.record(step)

    def _close(self) -> None:
        self._batch.close()
        if self._recorder is not None:
            self._recorder.close()
            self._recorder = None
