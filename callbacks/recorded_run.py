"""Recorded run: the run that a recorder writes, in the directory that it was given or beside another training's."""

import os
import warnings
from typing import TYPE_CHECKING

from tb_attnviz.events import AlertRecord

from .capture import Recording
from .earlier_run import EarlierRun, next_to
from .probe import Probe
from .run_directory import directory_of, open_run
from .writing import BackgroundWriter

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class RecordedRun:
    """Writes recordings of `probe`. logdir, resume and max_bytes are those of AttentionRecorder."""

    def __init__(
        self,
        logdir: "str | os.PathLike[str] | SummaryWriter",
        probe: Probe,
        *,
        resume: bool | None,
        max_bytes: int | None,
    ) -> None:
        self._probe = probe
        self._max_bytes = max_bytes
        earlier = EarlierRun(directory_of(logdir)) if resume is not True else None
        found = earlier if earlier is not None and earlier.steps else None
        self._earlier = found if resume is None else None  # still to be compared with
        self._writer = self._open(logdir)
        if found is not None and resume is False:
            self._move_beside(found, "and resume=False says that this is another training", depth=4)

    def tell_trainings_apart(self, step: int, recording: Recording) -> None:
        """At the first recording in a directory that holds a run: whether it is the same training's."""
        earlier, self._earlier = self._earlier, None
        if earlier is None:
            return
        if earlier.differs(step, recording.layers, recording.samples):
            self._move_beside(earlier, f"and at step {step} the model was another one", depth=5)
        elif (doubt := earlier.doubt(step)) is not None:
            warnings.warn(doubt, RuntimeWarning, stacklevel=4)

    def write(self, step: int, recording: Recording, alerts: AlertRecord, *, samples: bool) -> None:
        """As of BackgroundWriter."""
        self._writer.write(step, recording, alerts, samples=samples)

    def flush(self) -> None:
        """As of BackgroundWriter."""
        self._writer.flush()

    def close(self) -> None:
        """As of BackgroundWriter."""
        self._writer.close()

    def take_error(self) -> Exception | None:
        """As of BackgroundWriter."""
        return self._writer.take_error()

    def _open(self, logdir: "str | os.PathLike[str] | SummaryWriter") -> BackgroundWriter:
        return BackgroundWriter(open_run(logdir, max_bytes=self._max_bytes), self._probe)

    def _move_beside(self, earlier: EarlierRun, why: str, *, depth: int) -> None:
        self._writer.close()
        beside = next_to(earlier.directory)
        self._writer = self._open(beside)
        warnings.warn(earlier.left_for(beside, why), RuntimeWarning, stacklevel=depth)
