"""Segment: what was recorded with one probe and one set of layers."""

import dataclasses

from tb_attnviz.array_types import Float32
from tb_attnviz.events.alert_record import AlertRecord
from tb_attnviz.events.figures import HEALTH, FiguresLocation, health_names, read_figures
from tb_attnviz.events.layers import Layer
from tb_attnviz.events.probe_record import ProbeRecord
from tb_attnviz.events.schema import Checkpoint


@dataclasses.dataclass
class Segment:
    """What was recorded with one probe and one set of layers. A step written twice counts as its latest writing.

    `recorded`: step → where its figures are; of version 1, figure → [heads].
    """

    probe: ProbeRecord | None = None
    announced: tuple[Layer, ...] = ()
    fingerprint: str | None = None  # of the probe, also where that could not be read
    checkpoints: dict[int, Checkpoint] = dataclasses.field(default_factory=dict)
    recorded: dict[int, FiguresLocation | dict[str, Float32]] = dataclasses.field(default_factory=dict)
    alerts: dict[int, AlertRecord] = dataclasses.field(default_factory=dict)

    @property
    def steps(self) -> list[int]:
        """The steps with samples, ascending."""
        return sorted(self.checkpoints)

    @property
    def health_steps(self) -> list[int]:
        """The steps with health figures of all heads, ascending."""
        heads = self.heads
        return sorted(step for step, of in self.recorded.items() if _of_heads(of, heads))

    @property
    def figures(self) -> list[str]:
        """The health figures that any step has, sorted."""
        heads = self.heads
        found = [of for of in self.recorded.values() if _of_heads(of, heads)]
        names = {of.names for of in found if not isinstance(of, dict)}  # few, of however many steps
        held = set().union(*(of for of in found if isinstance(of, dict)))
        return sorted(held.union(*map(health_names, names)))

    @property
    def health(self) -> dict[str, dict[int, Float32]]:
        """All health figures, read: figure → step → [heads]. Raises FormatError for a step that is damaged."""
        found: dict[str, dict[int, Float32]] = {}
        for step in self.health_steps:
            for name, values in self.health_at(step).items():
                found.setdefault(name, {})[step] = values
        return found

    def health_at(self, step: int) -> dict[str, Float32]:
        """The health figures of one step, [heads] each. Raises FormatError if they are damaged."""
        of = self.recorded[step]
        if isinstance(of, dict):
            return {name: values for name, values in of.items() if len(values) == self.heads}
        return {name.removeprefix(HEALTH): array for name, array in read_figures(of).items() if name.startswith(HEALTH)}

    @property
    def first_steps(self) -> dict[int, int]:
        """The start that wrote some of it → its first step, in the order of writing; none of version 1."""
        found: dict[int, int] = {}
        for step, of in self.recorded.items():
            if not isinstance(of, dict):
                found[of.start] = min(step, found.get(of.start, step))
        return dict(sorted(found.items()))

    @property
    def heads(self) -> int:
        """Of all layers."""
        return sum(layer.heads for layer in self.layers)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers of the newest checkpoint; before the first, those that the recorder announced."""
        return self.checkpoints[max(self.checkpoints)].layers if self.checkpoints else self.announced

    @property
    def is_empty(self) -> bool:
        return not self.checkpoints and not self.recorded

    def copy(self) -> "Segment":
        own = {"checkpoints": dict(self.checkpoints), "recorded": dict(self.recorded), "alerts": dict(self.alerts)}
        return dataclasses.replace(self, **own)  # type: ignore[arg-type]  # mypy takes every value for every field's

    def forget(self, step: int) -> None:
        """What was recorded at `step` and after."""
        for by_step in (self.checkpoints, self.recorded, self.alerts):
            for at in [at for at in by_step if at >= step]:
                del by_step[at]


def _of_heads(of: FiguresLocation | dict[str, Float32], heads: int) -> bool:
    """Whether these are figures of so many heads; others cannot be of this segment."""
    return any(len(values) == heads for values in of.values()) if isinstance(of, dict) else of.heads == heads
