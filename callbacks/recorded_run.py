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
        self._logdir = logdir
        self._probe = probe
        self._max_bytes = max_bytes
        found = EarlierRun(directory_of(logdir), probe.record)
        self._earlier = found if found.steps and resume is not False else None  # still to be compared with
        self._is_told = resume is True
        self._newest: int | None = None  # step
        self._left_error: Exception | None = None  # of a writer that another one has taken the place of
        self._writer = self._open(logdir)
        if found.steps and resume is False:
            self._move_beside(found, "and resume=False says that this is another training", depth=4)

    def tell_trainings_apart(self, step: int, recording: Recording) -> EarlierRun | None:
        """Where the directory held a run already: whether its later steps, too, are this training's.

        Returns the run that this training goes on with, as far as its steps reach; None where there is none.
        """
        earlier, where = self._earlier, self._writer
        self._tell_apart(step, recording)
        return earlier if where is self._writer else None

    def _tell_apart(self, step: int, recording: Recording) -> None:
        earlier, newest = self._earlier, self._newest
        self._newest = step if newest is None else max(step, newest)
        if earlier is None or (newest is not None and step <= newest):
            return
        if step > earlier.steps[-1]:
            self._earlier = None
            return
        differs = earlier.differs(step, recording)
        if newest is not None:
            if differs:
                self._forget_from(step, earlier)
        elif self._is_told:
            return
        elif differs:
            self._move_beside(earlier, f"and at step {step} the model was another one", depth=5)
        elif earlier.begins_at(step):
            self._move_beside(earlier, f"and this training begins at step {step} again", depth=5)
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
        """As of BackgroundWriter, those of a run that was left among them."""
        error, self._left_error = self._left_error, None
        return error or self._writer.take_error()

    def _open(
        self, logdir: "str | os.PathLike[str] | SummaryWriter", *, purge_step: int | None = None
    ) -> BackgroundWriter:
        return BackgroundWriter(open_run(logdir, max_bytes=self._max_bytes, purge_step=purge_step), self._probe)

    def _move_beside(self, earlier: EarlierRun, why: str, *, depth: int) -> None:
        beside = next_to(earlier.directory)
        self._leave_for(beside)
        warnings.warn(earlier.left_for(beside, why), RuntimeWarning, stacklevel=depth)

    def _forget_from(self, step: int, earlier: EarlierRun) -> None:
        self._leave_for(self._logdir, purge_step=step)
        warnings.warn(earlier.forgotten(step), RuntimeWarning, stacklevel=5)

    def _leave_for(self, logdir: "str | os.PathLike[str] | SummaryWriter", *, purge_step: int | None = None) -> None:
        """Close the run, and open another. Where that fails nothing more is written: what is there is another's."""
        self._earlier = None
        self._writer.close()
        self._left_error = self._writer.take_error()
        self._writer = self._open(logdir, purge_step=purge_step)
