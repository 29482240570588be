"""Measures of one layer at one step that need its samples: what kinds of tokens its heads attend to, and how still."""

import dataclasses

import numpy as np
import numpy.typing as npt

from tb_attnviz.array_types import Bool, Float32, Float64
from tb_attnviz.comparison import RecordedLayer
from tb_attnviz.events import Samples, Sequence
from tb_attnviz.findings import chance, tokens
from tb_attnviz.findings.kinds import STILL, STILL_SIDES
from tb_attnviz.recompute import Rows, attention_rows

MEASURES = ("delimiter", "punctuation", "same_token", "label", "one_key")
_MOST_WEIGHTS = 2**27  # of a layer: of longer sequences every n-th query stands for all
_FEWEST_QUERIES = 8  # that a measure is a mean of
_FEWEST_LATER = 6  # queries that must see a key for it to be one that all attend to
_PARTS = 4  # that numbers, such as brightness, are sorted into to be alike


def from_samples(
    recorded: RecordedLayer, own: tuple[Sequence, ...], others: tuple[Sequence, ...]
) -> dict[str, Float32]:
    """ "share/<measure>" and "over/<measure>" of MEASURES, "share/spread" and "offset/still", each [heads].

    own, others: the sequences whose tokens the queries and the keys of the layer are. Raises FormatError.
    """
    samples, heads = recorded.samples(), recorded.layer.heads
    sums = {name: _Sums.of(heads) for name in MEASURES}
    one_key: list[tuple[Float64, float]] = []
    grid = recorded.layer.query_grid is not None or recorded.layer.key_grid is not None
    targets = [
        _Targets.of(query, key, across=recorded.layer.attends == "cross", grid=grid)
        for query, key in zip(own, others, strict=True)
    ]
    of_sequence: list[Rows] = []
    for rows in attention_rows(samples, recorded.layer, recorded.lengths, _chosen(recorded)):
        if of_sequence and of_sequence[0].sequence != rows.sequence:
            one_key += _one_key(of_sequence, targets[of_sequence[0].sequence])
            of_sequence = []
        of_sequence.append(rows)
        for name, mask, queries in targets[rows.sequence].of_rows(rows.queries):
            sums[name].add(rows, mask, queries)
    if of_sequence:
        one_key += _one_key(of_sequence, targets[of_sequence[0].sequence])
    shares = {name: sums[name].means() for name in MEASURES[:-1]}
    none = np.full(heads, np.nan)
    of_one_key = [np.mean(each, axis=0) for each in zip(*one_key, strict=True)] if one_key else [none, none]
    shares["one_key"] = of_one_key[0], of_one_key[1]
    found: dict[str, npt.NDArray[np.floating]] = {}
    for name, (share, expected) in shares.items():
        found |= {f"share/{name}": share, f"over/{name}": chance.beyond(share, expected)}
    spreads = _spreads(samples)
    if max(recorded.lengths.queries) == 1:  # a learned query is the same in all sequences
        spreads[0] = np.inf
    found["share/spread"] = found["over/spread"] = spreads.min(axis=0)
    found["offset/still"] = ((spreads <= STILL).T @ STILL_SIDES).astype(np.float64)
    return {name: np.asarray(values, np.float32) for name, values in found.items()}


@dataclasses.dataclass
class _Sums:
    """Attention on some keys, of an even head and of each head, summed over queries."""

    share: Float64  # [heads]
    expected: Float64  # [heads]
    queries: int = 0

    @staticmethod
    def of(heads: int) -> "_Sums":
        return _Sums(np.zeros(heads), np.zeros(heads))

    def add(self, rows: Rows, mask: Bool, queries: Bool) -> None:
        """`mask` [rows or 1, n_key]: the keys; `queries` [rows]: those that count, if they see such a key."""
        seen = rows.visible & mask  # (heads or 1, rows, n_key)
        counted = queries & seen.any(axis=(0, 2))
        if not counted.any():
            return
        self.share += (rows.attention * mask)[:, counted].sum(axis=(1, 2), dtype=np.float64)
        visible = rows.visible[:, counted].sum(axis=2)
        self.expected += (seen[:, counted].sum(axis=2) / np.maximum(visible, 1)).sum(axis=1)
        self.queries += int(counted.sum())

    def means(self) -> tuple[Float64, Float64]:
        if self.queries < _FEWEST_QUERIES:
            return np.full_like(self.share, np.nan), np.full_like(self.share, np.nan)
        return self.share / self.queries, self.expected / self.queries


@dataclasses.dataclass(frozen=True)
class _Targets:
    """What the tokens of a sequence are: of its keys, and where queries are the same tokens, of both."""

    special: Bool  # [n_key]
    punctuation: Bool  # [n_key]
    same: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None  # of queries, of keys
    alike: npt.NDArray[np.int64] | None  # [tokens]: equal for patches that look alike, -1 for other tokens

    @staticmethod
    def of(query: Sequence, key: Sequence, *, across: bool, grid: bool) -> "_Targets":
        if grid:  # patches of a grid of the layer's own: nothing of the tokens is known of them
            none = np.zeros(0, np.bool_)
            return _Targets(none, none, None, None)
        special, marks = tokens.special(key), tokens.punctuation(key)
        special[:1] = False  # resting on the first token has a name of its own
        text = key.grid is None
        same = None
        if text and query.repeat is None and not across:
            numbers = tokens.numbered(query)
            same = (numbers, numbers)
        return _Targets(special, marks & text, same, None if text or across else _alike(query))

    def of_rows(self, queries: npt.NDArray[np.int64]) -> list[tuple[str, Bool, Bool]]:
        """(measure, keys [rows or 1, n_key], queries that count [rows])"""
        every = np.ones(len(queries), np.bool_)
        found: list[tuple[str, Bool, Bool]] = []
        if self.special.any():
            inside = queries < len(self.special)
            own = self.special[np.where(inside, queries, 0)] & inside
            found.append(("delimiter", self.special[None], ~own))
        if self.punctuation.any():
            found.append(("punctuation", self.punctuation[None], every))
        looks = None if self.alike is None else (self.alike, self.alike)
        for name, pair in (("same_token", self.same), ("label", looks)):
            if pair is not None:
                of_query, of_key = pair[0][queries], pair[1]
                mask = (of_query[:, None] == of_key[None]) & (queries[:, None] != np.arange(len(of_key)))
                found.append((name, mask, of_query >= 0))
        return found


def _alike(sequence: Sequence) -> npt.NDArray[np.int64]:
    """Patches by their brightness, sorted into four parts over the image; by their first label of words if none."""
    patches = np.array([place is not None for place in sequence.places])
    found = np.full(len(patches), -1, np.int64)
    labels = sequence.labels
    values = labels.get("brightness") or next((v for v in labels.values() if isinstance(v[-1], str)), None)
    if values is None:
        return found
    if isinstance(values[-1], str):
        known: dict[object, int] = {}
        numbers = np.array([known.setdefault(value, len(known)) for value in values])
    else:
        numeric = np.array(values, np.float64)
        borders = np.nanquantile(numeric[patches], np.linspace(0, 1, _PARTS + 1)[1:-1])
        numbers = np.where(np.isfinite(numeric), np.searchsorted(borders, numeric), -1)
    found[patches] = numbers[patches]
    return found


def _one_key(blocks: list[Rows], targets: _Targets) -> list[tuple[Float64, float]]:
    """The most that one key gets of all queries after it, [heads], and what an even head gives a key."""
    attention = np.concatenate([rows.attention for rows in blocks], axis=1)  # (heads, rows, n_key)
    queries = np.concatenate([rows.queries for rows in blocks])
    visible = np.concatenate([np.broadcast_to(r.visible[:1], (1, *r.visible.shape[1:])) for r in blocks], axis=1)[0]
    candidate: Bool = np.arange(attention.shape[-1]) > 0
    if len(targets.special) == len(candidate):
        candidate &= ~targets.special
    later = visible & (queries[:, None] != np.arange(attention.shape[-1]))  # a token does not count for itself
    count = later.sum(axis=0)
    candidate &= count >= _FEWEST_LATER
    if not candidate.any():
        return []
    mean = (attention * later).sum(axis=1, dtype=np.float64)[:, candidate] / count[candidate]
    return [(mean.max(axis=1), float(np.mean(1 / np.maximum(visible.sum(axis=1), 1))))]


def _spreads(samples: Samples) -> Float64:
    """[2, heads]: of queries and of keys Σ‖x - mean‖² / Σ‖x‖²; 0 where all are 0."""
    found = []
    for vectors in (samples.queries, samples.expanded_keys()):
        wide = vectors.astype(np.float64)  # (heads, n, d)
        with np.errstate(invalid="ignore", over="ignore"):
            total = np.square(wide).sum(axis=(1, 2))
            around = np.square(wide - wide.mean(axis=1, keepdims=True)).sum(axis=(1, 2))
        found.append(np.where(total > 0, around / np.where(total > 0, total, 1), 0))
    return np.stack(found)


def _chosen(recorded: RecordedLayer) -> list[npt.NDArray[np.int64]] | None:
    """Queries of each sequence: all, or every n-th."""
    lengths = recorded.lengths
    pairs = sum(n * m for n, m in zip(lengths.queries, lengths.keys, strict=True)) * recorded.layer.heads
    stride = -(-pairs // _MOST_WEIGHTS)
    return None if stride <= 1 else [np.arange(0, n, stride) for n in lengths.queries]
