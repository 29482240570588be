"""How far pictures of a head can be believed: two figures, the same for ours and for those of other libraries."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tb_attnviz.geometry import canonical_axes
from tb_attnviz.geometry.neighbourhoods import neighbourhoods
from tb_attnviz.geometry.trust import Closeness, VisiblePairs, logit_faithfulness
from tb_attnviz.projection.projection import Method
from tb_attnviz.run import Run

Float64 = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Head:
    """One head at one step, in all dimensions."""

    queries: Float64  # [n, d]
    keys: Float64  # [n, d]
    coordinates: Float64  # [2n, d], canonical, queries first
    pairs: VisiblePairs

    def faithfulness(self, shown: npt.NDArray[np.floating], method: Method) -> float:
        """Spearman of closeness on screen [2n, dims] (the biplot's dot product, else -distance) with centred logits."""
        closeness: Closeness = "dot" if method == "biplot" else "distance"
        return logit_faithfulness(self.queries, self.keys, shown.astype(np.float64), self.pairs, closeness=closeness)

    def trustworthiness(self, shown: npt.NDArray[np.floating]) -> float:
        """Of the 12 neighbours on screen [2n, dims], against those in canonical coordinates."""
        return neighbourhoods(self.coordinates, shown.astype(np.float64)).trustworthiness


def heads_at(run: Run, step: int, layer: int) -> list[Head]:
    """Every head of `layer` at `step`."""
    samples, described = run.samples(step, layer), run.layer(step, layer)
    queries, keys = samples.queries.astype(np.float64), samples.keys.astype(np.float64)  # (heads, n, d)
    axes = canonical_axes(queries, keys, scale=described.scale)
    centred = keys - axes.key_mean[:, None, :]
    coordinates = np.concatenate([queries @ axes.query_axes, centred @ axes.key_axes], axis=1)  # (heads, 2n, d)
    pairs = VisiblePairs(described.lengths(run.probe).queries, described.causal)
    return [Head(*arrays, pairs) for arrays in zip(queries, keys, coordinates, strict=True)]


def mean(values: Sequence[float]) -> float:
    """Of those that are there."""
    found = np.array(values)[np.isfinite(values)]
    return float(found.mean()) if len(found) else float("nan")
