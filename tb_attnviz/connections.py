"""Connections of heads over a run: which feeds which, by how much, and since when. docs/importance.md."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from tb_attnviz.events import Layer

Float32 = npt.NDArray[np.float32]
Way = Literal["queries", "keys"]

WAYS: tuple[Way, ...] = ("queries", "keys")
LEAST = 0.5
"""In logits a query: a head that contributes less feeds nobody."""
SHARE = 0.5
"""Of all that a head is fed in one way: a head that contributes less is one of many."""


@dataclasses.dataclass(frozen=True)
class Pair:
    """One head feeds another: layers and heads by the model's own numbers."""

    layer_from: int
    head_from: int
    layer_to: int
    head_to: int
    by: Way  # what the contribution goes through: the queries of the second head, or its keys
    contribution: float  # in logits a query
    share: float  # of all that is contributed to the second head in this way
    formed: int  # the first recorded step from which on it was at least half of this


@dataclasses.dataclass(frozen=True)
class Connections:
    """At one step: [heads_from, heads_to] over the heads of all layers, in logits a query; NaN where no way is."""

    step: int
    queries: Float32
    keys: Float32
    pairs: tuple[Pair, ...]
    """The pairs that stand out, the strongest first."""


def connections_of(step: int, by_step: Mapping[int, Mapping[Way, Float32]], layers: Sequence[Layer]) -> Connections:
    """Those of `step`; the steps before it say since when a pair is connected."""
    numbers = [layer.in_model(index, head) for index, layer in enumerate(layers) for head in range(layer.heads)]
    steps = sorted(known for known in by_step if known <= step)
    pairs: list[Pair] = []
    for by in WAYS:
        now = np.nan_to_num(by_step[step][by])
        shares = now / np.maximum(np.maximum(now, 0).sum(axis=0), 1e-12)
        for source, target in np.argwhere((now >= LEAST) & (shares >= SHARE)):
            over = [float(by_step[s][by][source, target]) for s in steps]
            late = [n for n, value in enumerate(over) if not value >= over[-1] / 2]
            formed = steps[late[-1] + 1] if late else steps[0]
            value, share = float(now[source, target]), float(shares[source, target])
            (layer_from, head_from), (layer_to, head_to) = numbers[source], numbers[target]
            pairs.append(Pair(layer_from, head_from, layer_to, head_to, by, value, share, formed))
    pairs.sort(key=lambda pair: -pair.contribution)
    return Connections(step, by_step[step]["queries"], by_step[step]["keys"], tuple(pairs))
