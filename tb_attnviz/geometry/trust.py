"""Trust: how far a picture of a head's queries and keys can be believed.

logit_faithfulness  Spearman's correlation of what is near on screen with what the head computes, the centred logits
                    s·q·(k - k̄), over the pairs that attention sees
motion_agreement    whether the points that move on screen are those that move in all dimensions
cosine_agreement    the statistic by which AttentionViz chose its coordinates (arXiv 2305.03210)

They rank, which the array API standard has no words for: NumPy only. Whatever has no answer (nothing is finite, all
points coincide, too few of them) is NaN; nothing raises. `neighbourhoods` has what concerns neighbours.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Literal, cast

import numpy as np
import numpy.typing as npt

from tb_attnviz.array_types import Bool, Float64

Rows = slice | npt.NDArray[np.integer]
Progress = Callable[[int, int], None]  # done, total
Closeness = Literal["dot", "distance", "cosine"]

MOST_PAIRS = 1_000_000  # of so many a rank correlation is off by about 0.001

_BLOCK = 2**20  # numbers of one array that are worked on at once: 8 MB


@dataclasses.dataclass(frozen=True)
class VisiblePairs:
    """Which query sees which key, where tokens lie sequence after sequence; no other pair has a logit.

    Of more than `most` pairs, a random sample of about that many stands for all, the same one each time.
    """

    lengths: tuple[int, ...]  # queries of each sequence
    causal: bool = False  # keys after the query are hidden
    bias: npt.NDArray[np.floating] | None = None  # [sequences or windows or 1, longest, longest]: -inf hides a pair
    key_lengths: tuple[int, ...] | None = None  # keys of each sequence; as many as queries unless given
    windows: npt.NDArray[np.integer] | None = None  # [windows, n]: the tokens of each sequence that see one another
    most: int = MOST_PAIRS

    @property
    def share(self) -> float:
        """How much of all pairs is looked at."""
        if self.windows is not None:
            pairs = len(self.lengths) * self.windows.size * len(self.windows[0])
        else:
            both = zip(self.lengths, self._key_lengths, strict=True)
            pairs = sum(n * (n + 1) // 2 if self.causal else n * n_key for n, n_key in both)
        return min(1.0, self.most / max(pairs, 1))

    def blocks(self) -> Iterator[tuple[Rows, Rows, Bool]]:
        """Some queries, the keys that they may see, and which of their pairs count."""
        chosen = np.random.default_rng(0)
        for queries, keys, counted in self._whole_blocks():
            if self.share < 1:
                counted &= chosen.random(counted.shape, np.float32) < self.share
            yield queries, keys, counted

    @property
    def _key_lengths(self) -> tuple[int, ...]:
        return self.lengths if self.key_lengths is None else self.key_lengths

    def _whole_blocks(self) -> Iterator[tuple[Rows, Rows, Bool]]:
        start = key_start = 0
        for sequence, (length, keys) in enumerate(zip(self.lengths, self._key_lengths, strict=True)):
            for number, window in enumerate(() if self.windows is None else self.windows):
                tokens = start + window
                yield tokens, tokens, self._seen(number, slice(0, len(window)), len(window))
            rows = max(1, _BLOCK // max(keys, 1))
            for first in range(0, length if self.windows is None else 0, rows):
                part = slice(first, min(first + rows, length))
                counted = self._seen(sequence, part, keys)
                yield slice(start + part.start, start + part.stop), slice(key_start, key_start + keys), counted
            start += length
            key_start += keys

    def _seen(self, index: int, rows: slice, keys: int) -> Bool:
        """Which of `keys` each of some queries of a sequence, or window, sees."""
        seen = np.tri(rows.stop - rows.start, keys, rows.start if self.causal else max(keys, rows.stop), dtype=bool)
        if self.bias is not None:
            seen &= self.bias[min(index, len(self.bias) - 1)][rows, :keys] > -np.inf
        return seen


def logit_faithfulness(
    queries: Float64,
    keys: Float64,
    shown: Float64,
    pairs: VisiblePairs,
    *,
    closeness: Closeness,
    on_progress: Progress | None = None,
) -> float:
    """Spearman's correlation of closeness on screen with the centred logits of all `pairs`, from -1 to 1.

    queries [n_query, d], keys [n_key, d]; shown [n_query + n_key, dims], queries first, NaN for points that are not on
    screen: pairs with them do not count. `closeness` on screen is the dot product (for a biplot), or minus the
    Euclidean or cosine distance. The logits' scale is left out: ranks do not know it.
    """
    centred = keys - keys.mean(axis=0) if len(keys) else keys
    n = len(queries)
    return _over_pairs(queries, centred, shown[:n], shown[n:], pairs, closeness, on_progress)


def cosine_agreement(queries: Float64, keys: Float64, pairs: VisiblePairs) -> float:
    """Spearman's correlation of cosine distance with dot product in all dimensions: -1 is best.

    queries, keys [n, d], normalised as AttentionViz does. Of its models it reports -0.938 (BERT), -0.792 (GPT-2),
    -0.873 and -0.884 (ViT); arXiv 2305.03210.
    """
    return -_over_pairs(queries, keys, queries, keys, pairs, "cosine", None)


def motion_agreement(before: Float64, after: Float64, shown_before: Float64, shown_after: Float64) -> float:
    """Spearman's correlation over points of ‖Δ in all dimensions‖ with ‖Δ on screen‖ between two steps, from -1 to 1.

    before, after [n, d], aligned with one another; shown_before, shown_after [n, dims].
    """
    with np.errstate(invalid="ignore", over="ignore"):
        real = np.linalg.norm(after - before, axis=-1)
        return spearman(real, np.linalg.norm(shown_after - shown_before, axis=-1))


def spearman(x: Float64, y: Float64) -> float:
    """Spearman's rank correlation of x and y [n], ties at their mean rank; NaN where one is constant or not finite."""
    if len(x) < 2 or not (np.isfinite(x).all() and np.isfinite(y).all()):
        return float("nan")
    a, b = (ranks - ranks.mean() for ranks in (_ranks(x), _ranks(y)))
    spread = np.sqrt(a @ a) * np.sqrt(b @ b)
    return float(np.clip(a @ b / spread, -1, 1)) if spread > 0 else float("nan")


def _ranks(x: Float64) -> Float64:
    """Of each value [n], from 1 on; equal ones share the mean of theirs."""
    _, places, counts = np.unique(x, return_inverse=True, return_counts=True)
    ranks: Float64 = np.cumsum(counts) - (counts - 1) / 2
    return ranks[places]


def _over_pairs(
    queries: Float64,
    keys: Float64,
    shown_queries: Float64,
    shown_keys: Float64,
    pairs: VisiblePairs,
    closeness: Closeness,
    on_progress: Progress | None,
) -> float:
    """Spearman's correlation over `pairs` of closeness on screen with dot products in all dimensions."""
    products: list[Float64] = []
    nearness: list[Float64] = []
    done = 0
    on_screen_queries, on_screen_keys = _on_screen(shown_queries), _on_screen(shown_keys)
    with np.errstate(invalid="ignore", over="ignore"):  # what is not finite makes the result NaN
        for some, all_keys, counted in pairs.blocks():
            counted &= on_screen_queries[some][:, None] & on_screen_keys[all_keys]
            products.append((queries[some] @ keys[all_keys].T)[counted])
            nearness.append(_closeness(shown_queries[some], shown_keys[all_keys], closeness)[counted])
            done += len(counted)
            if on_progress:
                on_progress(done, len(queries))
    if not products:
        return float("nan")
    return spearman(np.concatenate(products), np.concatenate(nearness))


def _on_screen(points: Float64) -> Bool:
    return cast(Bool, np.isfinite(points).all(axis=1))


def _closeness(queries: Float64, keys: Float64, kind: Closeness) -> Float64:
    """[n_query, n_key]: larger is nearer."""
    if kind == "distance":
        squared = np.zeros((len(queries), len(keys)))
        for x, y in zip(queries.T, keys.T, strict=True):
            squared += (x[:, None] - y) ** 2
        return -squared  # ordered as the distances are
    if kind == "cosine":
        queries, keys = unit_length(queries), unit_length(keys)
    return queries @ keys.T


def unit_length(vectors: Float64) -> Float64:
    """`vectors` [n, d], each divided by its length; 0 stays 0."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1.0)
