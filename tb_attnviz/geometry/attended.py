"""Whether what is near on screen attends: where the key that a query attends to most stands among its nearest."""

import dataclasses

import numpy as np
import numpy.typing as npt

from tb_attnviz.array_types import Bool, Float64, Int64

NEAREST = 3
_ALIKE = 1e-5  # of the most attention: what gets no less is attended to as much


@dataclasses.dataclass(frozen=True)
class TopKeys:
    """Of some queries: how near on screen, among the keys that it sees, is the one that it attends to most."""

    keys: Int64  # [queries]: which one it is; of several, the nearest of them
    ranks: Int64  # [queries]: how many are nearer, and itself: from 1 on; equally near ones share the better rank
    counts: Int64  # [queries]: how many it sees

    @property
    def told(self) -> Bool:
        """Of which queries that says something: those that see more keys than NEAREST, [queries]."""
        return self.counts > NEAREST

    @property
    def found(self) -> Bool:
        """Whether it is among the NEAREST, [queries]."""
        return self.ranks <= NEAREST

    @property
    def missed(self) -> Float64:
        """How far behind the NEAREST it stands, from 0, among them, to 1, the last of all; NaN unless told."""
        behind = np.maximum(self.ranks - NEAREST, 0) / np.maximum(self.counts - NEAREST, 1)
        return np.where(self.told, behind, np.nan)


def top_keys(attention: npt.NDArray[np.floating], visible: Bool, closeness: Float64) -> TopKeys:
    """Of some queries; attention, what they see, and closeness on screen (larger is nearer): [queries, n_key] each."""
    seen_attention = np.where(visible, attention, -1.0)
    seen_closeness = np.where(visible, closeness, -np.inf)
    top = seen_attention.max(axis=1, keepdims=True, initial=-1.0)
    is_top = visible & (seen_attention >= top * (1 - _ALIKE))
    of_top = np.where(is_top, closeness, -np.inf)
    keys = of_top.argmax(axis=1) if of_top.shape[1] else np.zeros(len(of_top), np.int64)
    nearest = of_top.max(axis=1, keepdims=True, initial=-np.inf)
    ranks = 1 + np.count_nonzero(seen_closeness > nearest, axis=1)
    counts = np.where(np.isfinite(top[:, 0]) & (top[:, 0] > 0), np.count_nonzero(visible, axis=1), 0)
    return TopKeys(keys, ranks, counts)
