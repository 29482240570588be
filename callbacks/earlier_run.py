"""Earlier run: what a directory holds when a training begins to record there, and whether it is the same training."""

import contextlib
import os
from collections.abc import Mapping, Sequence

import numpy as np

from tb_attnviz.array_types import Float32
from tb_attnviz.events import Alert, EventLog, Layer, ProbeRecord, Segment, read_samples
from tb_attnviz.events.files import is_remote, list_names

from .capture import Recording

_ROUNDING = 1e-2  # times the longest vector: samples are stored in 16 bits, and another machine rounds otherwise
_COMPARED = ("query_norm", "key_norm", "max_logit", "entropy")  # figures, of the probe alone


class EarlierRun:
    """The newest part of the run in `directory`, as it was before this training, which shows its model `probe`.

    Empty where there is none to read. `steps`: those at which anything was recorded, ascending.
    """

    def __init__(self, directory: str, probe: ProbeRecord) -> None:
        self.directory = directory
        self._segment = Segment()
        if is_remote(directory) or os.path.isdir(directory):
            with contextlib.suppress(ValueError, OSError):  # what cannot be read cannot be compared with
                self._segment = EventLog(directory).load().segments[-1]
        self.steps = sorted({*self._segment.checkpoints, *self._segment.recorded})
        self._has_probe = self._segment.probe is not None and _shown(self._segment.probe) == _shown(probe)

    def differs(self, step: int, recording: Recording) -> bool:
        """Whether the model was another one at `step` than in `recording`: then it is another training.

        Told by the queries and keys, or where figures alone were recorded by some of these. Layers of other names or
        sizes, figures of another probe, and what cannot be read, are not compared.
        """
        layers, samples = recording.layers, recording.samples
        checkpoint = self._segment.checkpoints.get(step)
        recorded = self._segment.announced if checkpoint is None else checkpoint.layers
        if [layer.identity for layer in recorded] != [layer.identity for layer in layers]:
            return False
        if checkpoint is None:
            return self._has_probe and self._has_other_figures(step, recording.figures)
        for index in {0, len(layers) - 1}:
            try:
                found = read_samples(self.directory, checkpoint.file, checkpoint.locations[index])
            except (ValueError, OSError):
                continue
            own = samples[index].as_read()
            if not all(_alike(a, b) for a, b in ((found.queries, own.queries), (found.keys, own.keys))):
                return True
        return False

    def _has_other_figures(self, step: int, figures: Mapping[str, Float32]) -> bool:
        if step not in self._segment.recorded:
            return False
        try:
            found = self._segment.health_at(step)
        except (ValueError, OSError):
            return False
        return not all(_alike(found[name], figures[name]) for name in _COMPARED if name in found and name in figures)

    def watched(self, step: int, layers: Sequence[Layer]) -> tuple[list[Alert], dict[str, Float32]]:
        """The alerts before `step`, in their order, and the last figures before it; none of other `layers`."""
        of = self._segment
        if [layer.identity for layer in of.layers] != [layer.identity for layer in layers]:
            return [], {}
        alerts = [alert for at in sorted(of.alerts) if at < step for alert in of.alerts[at].alerts]
        last = max((at for at in of.health_steps if at < step), default=None)
        with contextlib.suppress(ValueError, OSError):
            return alerts, {} if last is None else of.health_at(last)
        return alerts, {}

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
        if not self.steps or step > self.steps[-1] or step in self.steps:
            return None
        return (
            f"logdir {self.directory!r} holds a run up to step {self.steps[-1]}, and step {step} is recorded as part "
            "of it: if this is another training, give it a directory of its own (or resume=False)"
        )


def next_to(directory: str) -> str:
    """The first of `directory`-2, -3, … that does not exist; in an object store, that has no files."""
    number = 2
    while _exists(beside := f"{directory.rstrip('/' if is_remote(directory) else os.sep)}-{number}"):
        number += 1
    return beside


def _exists(directory: str) -> bool:
    return bool(list_names(directory)) if is_remote(directory) else os.path.exists(directory)


def _shown(probe: ProbeRecord) -> list[object]:
    """What a model is shown, without what is said of it (labels, repeats)."""
    sides = [side for s in probe.sequences for side in (s, s.key_tokens)]
    return [side and (side.tokens, side.image) for side in sides]


def _alike(a: Float32, b: Float32) -> bool:
    if a.shape != b.shape:
        return True  # another probe: a part of its own, with nothing to compare
    finite = np.isfinite(a) & np.isfinite(b)
    size = np.abs(b[finite]).max(initial=0.0)
    return bool((np.abs(a - b)[finite] <= _ROUNDING * size).all())
