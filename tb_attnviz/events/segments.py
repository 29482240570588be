"""What the summaries of a run say, in segments: a run goes on for as long as its probe and its layers stay the same."""

import dataclasses
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from tensorboard.compat.proto.tensor_pb2 import TensorProto

from tb_attnviz.events.document_shapes import MOST_HEADS
from tb_attnviz.events.documents import FormatError, VersionError
from tb_attnviz.events.probe_record import ProbeRecord
from tb_attnviz.events.schema import AlertRecord, Checkpoint, Layer, kept_from_json, layers_from_json
from tb_attnviz.events.shapes import shown
from tb_attnviz.events.summaries import ALERT_TAG, CHECKPOINT_TAG, HEALTH_PREFIX, KEPT_TAG, LAYERS_TAG, PROBE_TAG
from tb_attnviz.events.tensors import as_array, document_text

Float32 = npt.NDArray[np.float32]
Tensor: TypeAlias = TensorProto | npt.NDArray[Any]

_MOST_FIGURES = 64  # of health: each is held at every step that any of them has
_MOST_DAMAGED = 1000  # sentences that are kept
_NEEDED = (PROBE_TAG, LAYERS_TAG)  # without which a run cannot be shown


@dataclasses.dataclass
class Segment:
    """What was recorded with one probe and one set of layers. A step written twice counts as its latest writing."""

    probe: ProbeRecord | None = None
    announced: tuple[Layer, ...] = ()
    checkpoints: dict[int, Checkpoint] = dataclasses.field(default_factory=dict)
    health: dict[str, dict[int, Float32]] = dataclasses.field(default_factory=dict)  # figure → step → [heads]
    alerts: dict[int, AlertRecord] = dataclasses.field(default_factory=dict)
    damaged: dict[tuple[str, int], str] = dataclasses.field(default_factory=dict)  # (tag, step) → why it is left out

    @property
    def steps(self) -> list[int]:
        """The steps with samples, ascending."""
        return sorted(self.checkpoints)

    @property
    def damaged_checkpoints(self) -> dict[int, str]:
        """Why the checkpoints at these steps are left out, ascending."""
        return {step: why for (tag, step), why in sorted(self.damaged.items()) if tag == CHECKPOINT_TAG}

    @property
    def health_steps(self) -> list[int]:
        """The steps with health figures, ascending."""
        return sorted(set().union(*self.sound_health.values()))

    @property
    def heads(self) -> int:
        """Of all layers."""
        return sum(layer.heads for layer in self.layers)

    @property
    def figures(self) -> list[str]:
        """The names of the health figures, sorted."""
        heads = self.heads
        return sorted(name for name, of in self.health.items() if any(len(values) == heads for values in of.values()))

    @property
    def sound_health(self) -> dict[str, dict[int, Float32]]:
        """Of `health` what has a figure for each head, as it should."""
        heads = self.heads
        sound = {
            figure: {step: values for step, values in by_step.items() if len(values) == heads}
            for figure, by_step in self.health.items()
        }
        return {figure: by_step for figure, by_step in sound.items() if by_step}

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

    def add(self, tag: str, step: int, tensor: Tensor, *, where: str = "") -> None:
        """Take in one summary; tags that are not ours are passed over, and what is damaged costs its own step only.

        `where` it was found, for people. Raises VersionError for a document of another version, FormatError where the
        probe or the layers are damaged: nothing can be shown without them.
        """
        try:
            self._add(tag, step, as_array(tensor) if isinstance(tensor, TensorProto) else tensor)
        except VersionError:
            raise
        except FormatError as error:
            sentence = f"{error} (step {step}{where and f', {where}'})"
            if tag in _NEEDED:
                raise FormatError(sentence) from None
            if len(self.newest.damaged) < _MOST_DAMAGED:
                self.newest.damaged[tag, step] = sentence
        else:
            self.newest.damaged.pop((tag, step), None)

    def _add(self, tag: str, step: int, array: npt.NDArray[Any]) -> None:
        if tag == PROBE_TAG:
            self._meet_probe(ProbeRecord.from_json(document_text(array)))
        elif tag == LAYERS_TAG:
            self._meet_layers(layers_from_json(document_text(array)))
        elif tag == CHECKPOINT_TAG:
            checkpoint = Checkpoint.from_json(document_text(array))
            _check_step("checkpoint", checkpoint.step, step)
            self._meet_layers(checkpoint.layers)
            self.newest.checkpoints[step] = checkpoint
        elif tag == ALERT_TAG:
            alerts = AlertRecord.from_json(document_text(array))
            _check_step("alert record", alerts.step, step)
            self.newest.alerts[step] = alerts
        elif tag == KEPT_TAG:
            self._keep(kept_from_json(document_text(array)))
        elif tag.startswith(HEALTH_PREFIX):
            self._meet_figure(tag.removeprefix(HEALTH_PREFIX), step, array)

    def purge(self, step: int) -> None:
        """Forget what was recorded at `step` and after: the training was restarted from there."""
        for segment in self.segments:
            segment.checkpoints = {at: value for at, value in segment.checkpoints.items() if at < step}
            segment.alerts = {at: value for at, value in segment.alerts.items() if at < step}
            segment.damaged = {at: value for at, value in segment.damaged.items() if at[1] < step}
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

    def _meet_figure(self, figure: str, step: int, values: npt.NDArray[Any]) -> None:
        if values.ndim != 1 or values.dtype.kind != "f" or not 1 <= len(values) <= MOST_HEADS or len(figure) > 200:
            raise FormatError(f"the figure {shown(figure)} is damaged: it is no list of numbers, one for each head")
        health = self.newest.health
        if figure not in health and len(health) >= _MOST_FIGURES:
            raise FormatError(f"the figure {shown(figure)} is one more than the {_MOST_FIGURES} that a run may have")
        health.setdefault(figure, {})[step] = values.astype(np.float32)

    def _begin(self, segment: Segment) -> None:
        if self.newest.is_empty:
            self.segments.pop()
        self.segments.append(segment)

    def _keep(self, files: frozenset[str]) -> None:
        for segment in self.segments:
            segment.checkpoints = {step: at for step, at in segment.checkpoints.items() if at.file in files}


def in_order_of_writing(
    summaries: Iterable[tuple[float, str, int, Tensor]],
) -> list[tuple[str, int, Tensor]]:
    """Summaries (wall time, tag, step, tensor) that come tag by tag, as `Records.add` wants them."""
    ranks = {PROBE_TAG: 0, LAYERS_TAG: 1, CHECKPOINT_TAG: 3, KEPT_TAG: 4}  # health figures: 2
    ordered = sorted(summaries, key=lambda summary: (summary[0], ranks.get(summary[1], 2)))
    return [(tag, step, tensor) for _, tag, step, tensor in ordered]


def _check_step(what: str, said: int, step: int) -> None:
    if said != step:
        raise FormatError(f"the {what} is damaged: it says that it is of step {said}")


def _identities(layers: tuple[Layer, ...]) -> list[tuple[object, ...]]:
    return [layer.identity for layer in layers]
