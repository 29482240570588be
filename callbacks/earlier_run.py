"""Earlier run: what a directory holds when a training begins to record there, and whether it is the same training."""

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tb_attnviz.events import Checkpoint, EventLog, Layer, Samples, read_samples

Float32 = npt.NDArray[np.float32]

_ROUNDING = 1e-2  # times the longest vector: samples are stored in 16 bits, and another machine rounds otherwise


class EarlierRun:
    """The newest part of the run in `directory`, as it was before this training. Empty where there is none to read."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._checkpoints: dict[int, Checkpoint] = {}
        if not os.path.isdir(directory):
            return
        try:
            segments = EventLog(directory).load().segments
        except (ValueError, OSError):  # what cannot be read cannot be compared with
            return
        if segments:
            self._checkpoints = dict(segments[-1].checkpoints)

    @property
    def steps(self) -> list[int]:
        return sorted(self._checkpoints)

    def differs(self, step: int, layers: Sequence[Layer], samples: Sequence[Samples]) -> bool:
        """Whether the model had other queries or keys at `step` than `samples` [layers]: then it is another training.

        Layers of other names or sizes, and samples that cannot be read, are not compared.
        """
        checkpoint = self._checkpoints.get(step)
        if checkpoint is None or [layer.identity for layer in checkpoint.layers] != [
            layer.identity for layer in layers
        ]:
            return False
        for index in {0, len(layers) - 1}:
            try:
                found = read_samples(self.directory, checkpoint.file, checkpoint.locations[index])
            except (ValueError, OSError):
                continue
            own = samples[index]
            if not all(_alike(a, b) for a, b in ((found.queries, own.queries), (found.keys, own.keys))):
                return True
        return False

    def begins_at(self, step: int) -> bool:
        """Whether `step` is its first one, and not its only one: a training that is resumed begins later."""
        return step == self.steps[0] < self.steps[-1]

    def left_for(self, beside: str, why: str) -> str:
        """The warning that a training is recorded into `beside` instead."""
        return (
            f"logdir {self.directory!r} holds a run already (steps {self.steps[0]} to {self.steps[-1]}), {why}: it is "
            f"recorded into {beside!r}. Give each training a directory of its own; resume=True goes on with a run"
        )

    def forgotten(self, step: int) -> str:
        """The warning that it went another way from `step` on, and that it is this training's from there."""
        return (
            f"at step {step} the model is another than the one recorded in logdir {self.directory!r} before: this "
            f"training's steps take the place of those that were there from {step} to {self.steps[-1]}"
        )

    def doubt(self, step: int) -> str | None:
        """The warning for a first `step` that is among those of the run, and has nothing to be compared with."""
        if not self.steps or step > self.steps[-1] or step in self._checkpoints:
            return None
        return (
            f"logdir {self.directory!r} holds a run up to step {self.steps[-1]}, and step {step} is recorded as part "
            "of it: if this is another training, give it a directory of its own (or resume=False)"
        )


def next_to(directory: str) -> str:
    """The first of `directory`-2, -3, … that does not exist."""
    number = 2
    while os.path.exists(beside := f"{directory.rstrip(os.sep)}-{number}"):
        number += 1
    return beside


def _alike(a: Float32, b: Float32) -> bool:
    if a.shape != b.shape:
        return True  # another probe: a part of its own, with nothing to compare
    finite = np.isfinite(a) & np.isfinite(b)
    size = np.abs(b[finite]).max(initial=0.0)
    return bool((np.abs(a - b)[finite] <= _ROUNDING * size).all())
