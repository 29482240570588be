"""Measures of one step that follow from its small maps: where attention goes by distance, on a line and on a grid."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from tb_attnviz.array_types import Float32, Float64
from tb_attnviz.events import AttentionMap, Grid, Layer, Lengths
from tb_attnviz.findings import chance
from tb_attnviz.findings.recorded import Recorded

NEARBY = 4  # tokens to each side that are near; of patches, 1
_FARTHEST = 2 / 3  # of a sequence: a larger offset has few pairs, and the first token is the key of many
_OTHERWISE = 0.5  # of the attention of the queries without such a key
MEASURES = ("fixed", "local", "row", "column", "patch")


def from_maps(recorded: Recorded, layer: int, maps: Mapping[str, AttentionMap]) -> dict[str, Float32]:
    """ "share/<measure>" and "over/<measure>" of MEASURES, and "offset/…": each [heads of `layer`], NaN if unknown.

    The offset of "fixed" is in tokens, key less query; of "patch" "offset/rows" and "offset/columns".
    """
    described = recorded.layers[layer]
    found = {f"{part}/{name}": _unknown(described) for name in MEASURES for part in ("share", "over")}
    found |= {f"offset/{name}": _unknown(described) for name in ("fixed", "rows", "columns", "otherwise_first")}
    grids = recorded.grids(described)
    if grids:
        of_grid = maps.get(f"{grids[0].rows} × {grids[0].columns}")
        if of_grid is not None and of_grid.offsets.ndim == 3:
            found |= _on_grid(of_grid, grids[0], tokens=max(described.lengths(recorded.probe).keys))
        return found
    kind = "text" if "text" in maps else "repeated"
    of_texts = maps.get(kind)
    if of_texts is not None and of_texts.offsets.ndim == 2 and of_texts.offsets.size:
        found |= _on_line(recorded, described, of_texts, repeated=kind == "repeated")
    return found


def _on_line(recorded: Recorded, layer: Layer, maps: AttentionMap, *, repeated: bool) -> dict[str, Float32]:
    sequences = [s for s in recorded.probe.side(layer.queries_of) if bool(s.repeat) == repeated]
    lengths = np.array([len(sequence.tokens) for sequence in sequences])
    offsets = np.arange(maps.offsets.shape[1]) + maps.offsets_from[0]
    pairs = np.maximum(lengths[:, None] - np.abs(offsets), 0).sum(axis=0)  # (offsets,)
    shares = np.nan_to_num(maps.offsets.astype(np.float64))
    own = Lengths(tuple(lengths.tolist()), tuple(lengths.tolist()))
    expected = np.array([chance.at_offset(layer, own, int(offset)) for offset in offsets])
    far = (np.abs(offsets) > 1) & (np.abs(offsets) <= _FARTHEST * np.median(lengths)) & (pairs > 0)
    for repeat in {sequence.repeat for sequence in sequences if sequence.repeat}:  # their figures tell of these
        far &= ~np.isin(-offsets, (repeat.period, repeat.period - 1))
    found: dict[str, npt.NDArray[np.floating | np.integer]] = {}
    if far.any():
        over = np.where(far, chance.beyond(shares, expected), -np.inf)  # (heads, offsets)
        best = over.argmax(axis=1)
        each = np.arange(len(best))
        found |= {"share/fixed": shares[each, best], "over/fixed": over[each, best], "offset/fixed": offsets[best]}
        found["offset/otherwise_first"] = _otherwise_first(maps.first, offsets[best])
    near = np.abs(offsets) <= NEARBY
    weights = np.where(near, pairs, 0) / lengths.sum()
    by_chance = float((weights * np.nan_to_num(expected)).sum())
    share = shares @ weights
    found |= {"share/local": share, "over/local": chance.beyond(share, by_chance if by_chance < 0.6 else np.nan)}
    return {name: np.asarray(values, np.float32) for name, values in found.items()}


def _otherwise_first(first: Float32, offsets: npt.NDArray[np.int64]) -> Float64:
    """[heads]: 1 where the queries that have no key so far back rest on the first token, else 0."""
    found = np.zeros(len(first))
    for head, offset in enumerate(offsets.tolist()):
        without = first[head, 1 : max(1, min(-offset, first.shape[1])), 0]  # the first token itself sees nothing else
        if without.size >= 2:
            found[head] = float(np.nanmean(without) >= _OTHERWISE) if np.isfinite(without).any() else 0
    return found


def _on_grid(maps: AttentionMap, grid: Grid, *, tokens: int) -> dict[str, Float32]:
    shares = np.nan_to_num(maps.offsets.astype(np.float64))  # (heads, 2 rows - 1, 2 columns - 1)
    down = np.arange(1 - grid.rows, grid.rows)[:, None]
    right = np.arange(1 - grid.columns, grid.columns)[None, :]
    pairs = (grid.rows - np.abs(down)) * (grid.columns - np.abs(right)) / grid.size
    elsewhere = (down != 0) | (right != 0)
    found: dict[str, npt.NDArray[np.floating | np.integer]] = {}
    for name, where in (
        ("row", (down == 0) & elsewhere),
        ("column", (right == 0) & elsewhere),
        ("local", (np.abs(down) <= 1) & (np.abs(right) <= 1)),
    ):
        share = (shares * pairs * where).sum(axis=(1, 2))
        found |= {f"share/{name}": share, f"over/{name}": chance.beyond(share, (pairs * where).sum() / tokens)}
    far = elsewhere & (2 * np.abs(down) <= grid.rows) & (2 * np.abs(right) <= grid.columns)
    over = np.where(far, chance.beyond(shares, np.full(shares.shape[1:], 1 / tokens)), -np.inf)
    best = over.reshape(len(over), -1).argmax(axis=1)
    rows, columns = np.unravel_index(best, pairs.shape)
    each = np.arange(len(best))
    found |= {"share/patch": shares[each, rows, columns], "over/patch": over[each, rows, columns]}
    found |= {"offset/rows": rows - grid.rows + 1, "offset/columns": columns - grid.columns + 1}
    return {name: np.asarray(values, np.float32) for name, values in found.items()}


def _unknown(layer: Layer) -> Float32:
    return np.full(layer.heads, np.nan, np.float32)
