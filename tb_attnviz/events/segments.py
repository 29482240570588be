"""What the summaries of a run say, in segments: a run goes on for as long as its probe and its layers stay the same."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from tb_attnviz.events.probe_record import ProbeRecord
from tb_attnviz.events.schema import AlertRecord, Checkpoint, Layer, kept_from_json, layers_from_json
from tb_attnviz.events.summaries import ALERT_TAG, CHECKPOINT_TAG, HEALTH_PREFIX, KEPT_TAG, LAYERS_TAG, PROBE_TAG

Float32 = npt.NDArray[np.float32]


@dataclasses.dataclass
class Segment:
    """What was recorded with one probe and one set of layers. A step written twice counts as its latest writing."""

    probe: ProbeRecord | None = None
    announced: tuple[Layer, ...] = ()
    checkpoints: dict[int, Checkpoint] = dataclasses.field(default_factory=dict)
    health: dict[str, dict[int, Float32]] = dataclasses.field(default_factory=dict)  # figure → step → [heads]
    alerts: dict[int, AlertRecord] = dataclasses.field(default_factory=dict)

    @property
    def steps(self) -> list[int]:
        """The steps with samples, ascending."""
        return sorted(self.checkpoints)

    @property
    def health_steps(self) -> list[int]:
        """The steps with health figures, ascending."""
        return sorted(set().union(*self.health.values()))

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers of the newest checkpoint; before the first, those that the recorder announced."""
        return self.checkpoints[max(self.checkpoints)].layers if self.checkpoints else self.announced

    @property
    def is_empty(self) -> bool:
        return not self.checkpoints and not self.health


@dataclasses.dataclass
class Records:
    """What the summaries of one run say, taken in in the order of their writing. The newest segment is the run's."""

    segments: list[Segment] = dataclasses.field(default_factory=lambda: [Segment()])

    def add(self, tag: str, step: int, array: npt.NDArray[Any]) -> None:
        """Take in one summary, its tensor as TensorBoard hands it over; tags that are not ours are passed over."""
        if tag == PROBE_TAG:
            self._meet_probe(ProbeRecord.from_json(array.item().decode()))
        elif tag == LAYERS_TAG:
            self._meet_layers(layers_from_json(array.item().decode()))
        elif tag == CHECKPOINT_TAG:
            checkpoint = Checkpoint.from_json(array.item().decode())
            self._meet_layers(checkpoint.layers)
            self.newest.checkpoints[step] = checkpoint
        elif tag == ALERT_TAG:
            self.newest.alerts[step] = AlertRecord.from_json(array.item().decode())
        elif tag == KEPT_TAG:
            self._keep(kept_from_json(array.item().decode()))
        elif tag.startswith(HEALTH_PREFIX):
            by_step = self.newest.health.setdefault(tag.removeprefix(HEALTH_PREFIX), {})
            by_step[step] = array.astype(np.float32)

    def purge(self, step: int) -> None:
        """Forget what was recorded at `step` and after: the training was restarted from there."""
        for segment in self.segments:
            segment.checkpoints = {at: value for at, value in segment.checkpoints.items() if at < step}
            segment.alerts = {at: value for at, value in segment.alerts.items() if at < step}
            for figure, by_step in list(segment.health.items()):
                segment.health[figure] = {at: values for at, values in by_step.items() if at < step}
                if not segment.health[figure]:
                    del segment.health[figure]
        left = [segment for segment in self.segments if not segment.is_empty]
        self.segments = left or self.segments[-1:]

    @property
    def newest(self) -> Segment:
        return self.segments[-1]

    @property
    def probe(self) -> ProbeRecord | None:
        """The probe of the newest segment."""
        return self.newest.probe

    @property
    def checkpoints(self) -> dict[int, Checkpoint]:
        """Those of the newest segment."""
        return self.newest.checkpoints

    @property
    def health(self) -> dict[str, dict[int, Float32]]:
        """That of the newest segment: figure → step → [heads of all layers]."""
        return self.newest.health

    @property
    def alerts(self) -> dict[int, AlertRecord]:
        """Those of the newest segment."""
        return self.newest.alerts

    @property
    def steps(self) -> list[int]:
        """The steps with samples of the newest segment, ascending."""
        return self.newest.steps

    def _meet_probe(self, probe: ProbeRecord) -> None:
        if probe != self.newest.probe:
            self._begin(Segment(probe))
        self.newest.probe = probe  # the same tokens may have got other labels

    def _meet_layers(self, layers: tuple[Layer, ...]) -> None:
        known = self.newest.layers
        if _identities(layers) != _identities(known):
            if known:
                self._begin(Segment(self.newest.probe, layers))
            self.newest.announced = layers

    def _begin(self, segment: Segment) -> None:
        if self.newest.is_empty:
            self.segments.pop()
        self.segments.append(segment)

    def _keep(self, files: frozenset[str]) -> None:
        for segment in self.segments:
            segment.checkpoints = {step: at for step, at in segment.checkpoints.items() if at.file in files}


def in_order_of_writing(
    summaries: Iterable[tuple[float, str, int, npt.NDArray[Any]]],
) -> list[tuple[str, int, npt.NDArray[Any]]]:
    """Summaries (wall time, tag, step, tensor) that come tag by tag, as `Records.add` wants them."""
    ranks = {PROBE_TAG: 0, LAYERS_TAG: 1, CHECKPOINT_TAG: 3, KEPT_TAG: 4}  # health figures: 2
    ordered = sorted(summaries, key=lambda summary: (summary[0], ranks.get(summary[1], 2)))
    return [(tag, step, array) for _, tag, step, array in ordered]


def _identities(layers: tuple[Layer, ...]) -> list[tuple[object, ...]]:
    return [layer.identity for layer in layers]
