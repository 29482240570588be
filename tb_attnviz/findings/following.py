"""Following: which heads attend along which relations, and since when; docs/relations.md."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from tb_attnviz.array_types import Float32
from tb_attnviz.events import Layer
from tb_attnviz.findings.kinds import FOLLOWS, kinds_with
from tb_attnviz.findings.spans import lasting, spans


@dataclasses.dataclass(frozen=True)
class HeadRelation:
    """One head and one relation, by the model's own numbers: plain fields, which pandas takes."""

    step: int
    layer: int
    head: int
    name: str  # of the layer
    relation: str
    figure: float  # the newest that is known at `step`: see geometry.following
    since: int | None
    """The step from which on the head follows it, as findings have it; None where it does not at `step`."""


def head_relations(
    steps: Sequence[int], layers: Sequence[Layer], health: Mapping[str, Float32]
) -> tuple[HeadRelation, ...]:
    """At the last of `steps`, the clearest first, without heads that do not define a relation.

    health: figure → [steps, heads of all layers].
    """
    numbers = [(*layer.in_model(n, head), layer.name) for n, layer in enumerate(layers) for head in range(layer.heads)]
    figures = [name for name in health if name.startswith(FOLLOWS)]
    kinds = {kind.name: kind for kind in kinds_with(figures)}
    found = []
    for name in figures:
        of_spans = spans(lasting(health[name], on=kinds[name].on, off=kinds[name].off))
        begun = {head: steps[first] for head, first, end in of_spans.tolist() if end == len(steps)}
        for head, values in enumerate(health[name].T):
            known = values[~np.isnan(values)]
            if known.size:
                relation, since = name.removeprefix(FOLLOWS), begun.get(head)
                found.append(HeadRelation(steps[-1], *numbers[head], relation, float(known[-1]), since))
    return tuple(sorted(found, key=lambda one: -one.figure))
