"""Importance of heads over a run: what the loss owes to each, and which could be pruned. docs/importance.md."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tb_attnviz.array_types import Float32
from tb_attnviz.events import Layer
from tb_attnviz.geometry import spearman

NOTHING = 0.001
"""A head costs nothing to remove where the loss rises by no more than this share of itself."""
AGREES = 0.8
"""From this correlation on, first order ranks heads as taking them out does."""
CHECKPOINTS = 3
"""At how many of the newest checkpoints that must hold, for the head to be a candidate for pruning."""


@dataclasses.dataclass(frozen=True)
class HeadImportance:
    """One head, by the model's own numbers; figures are of the newest step that has them, in the loss's unit."""

    layer: int
    head: int
    name: str  # of the layer
    first_order: float  # NaN where it was not recorded
    exact: float
    prunable: bool
    """Whether it cost nothing to remove at each of the newest checkpoints: exactly so, where that was measured."""


@dataclasses.dataclass(frozen=True)
class Importance:
    """Importance at some steps, NaN where it was not recorded."""

    steps: tuple[int, ...]
    loss: Float32  # [steps], of the probe
    first_order: Float32  # [steps, heads of all layers]
    exact: Float32  # [steps, heads of all layers]: rise of the loss when the head gives its mean everywhere
    agreement: Float32  # [steps]: Spearman's correlation of the two over the heads
    heads: tuple[HeadImportance, ...]

    @property
    def trust(self) -> str:
        """How far the ranking by first order can be believed here, in one sentence."""
        known = np.flatnonzero(~np.isnan(self.agreement))
        if not known.size:
            return "how well first order ranks these heads is not known: ablate_every= measures it"
        newest = float(self.agreement[known[-1]])
        measured = f"at step {self.steps[known[-1]]} its Spearman correlation with exact importance is {newest:.2f}"
        if newest >= AGREES:
            return f"first order ranks these heads well: {measured}"
        return f"first order is no more than a first look: {measured}, below {AGREES}: go by exact importance"

    @property
    def prunable(self) -> tuple[HeadImportance, ...]:
        """The candidates for pruning, the least important first."""
        chosen = [head for head in self.heads if head.prunable]
        return tuple(sorted(chosen, key=lambda head: head.first_order if np.isnan(head.exact) else head.exact))


def importance_of(
    steps: Sequence[int], layers: Sequence[Layer], loss: Float32, first_order: Float32, exact: Float32
) -> Importance:
    """loss [steps]; first_order and exact [steps, heads of all layers], NaN where they were not recorded."""
    agreement = np.array([_spearman(a, b) for a, b in zip(first_order, exact, strict=True)], np.float32)
    cheap = _costs_nothing(loss, first_order, exact)
    numbers = [(*layer.in_model(n, head), layer.name) for n, layer in enumerate(layers) for head in range(layer.heads)]
    heads = [
        HeadImportance(*numbers[n], _newest(first_order[:, n]), _newest(exact[:, n]), bool(cheap[n]))
        for n in range(len(numbers))
    ]
    return Importance(tuple(steps), loss, first_order, exact, agreement, tuple(heads))


def _costs_nothing(loss: Float32, first_order: Float32, exact: Float32) -> npt.NDArray[np.bool_]:
    """[heads]: by what was measured where there are enough checkpoints of that, else to first order."""
    for cost in (exact, first_order):
        measured = ~np.isnan(cost).all(axis=1)
        if measured.sum() >= CHECKPOINTS:
            newest = np.flatnonzero(measured)[-CHECKPOINTS:]
            most = NOTHING * np.abs(loss[newest, None])
            return np.asarray((cost[newest] <= most).all(axis=0), np.bool_)
    return np.zeros(exact.shape[1], np.bool_)


def _newest(values: Float32) -> float:
    known = values[~np.isnan(values)]
    return float(known[-1]) if len(known) else float("nan")


def _spearman(a: Float32, b: Float32) -> float:
    """NaN unless both are known of three heads and differ between them."""
    known = ~(np.isnan(a) | np.isnan(b))
    if known.sum() < 3:
        return float("nan")
    return spearman(a[known].astype(np.float64), b[known].astype(np.float64))
