"""Health figures over steps as a client asks for them: exact rows, or least and greatest in buckets of rows."""

import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from tensorboard.backend import json_util

from tb_attnviz.array_types import Float32
from tb_attnviz.events import FigureRows


def rows_of_all_heads(rows: FigureRows, names: Sequence[str], lost: dict[int, str]) -> Float32:
    """The figures `names` as they were recorded, [rows, names, heads]."""
    return _stacked(rows.read(names, lost), (len(names), rows.heads), (0, 1, 2))


def extremes_of_steps(rows: FigureRows, name: str, first: int, every: int, lost: dict[int, str]) -> Float32:
    """The figure `name` of all heads in buckets of `every` rows, the last one perhaps of fewer.

    [4, buckets, heads]: least, greatest, and in which row each was first met, `first` being the number of the first
    one. Of buckets of one row [1, rows, heads]: the figure itself. NaN counts only where there is nothing else.
    """
    found = []
    for start, bucket in _buckets((values[0] for values in rows.read([name], lost)), first, every):
        low, high = np.fmin.reduce(bucket), np.fmax.reduce(bucket)
        found.append([low] if every == 1 else [low, high, _met(bucket, low) + start, _met(bucket, high) + start])
    return _stacked(iter(found), (1 if every == 1 else 4, rows.heads), (1, 0, 2))


def range_of_figures(
    rows: FigureRows, names: Sequence[str], head: int | None, first: int, every: int, lost: dict[int, str]
) -> Float32:
    """Least and greatest of the figures `names` in buckets of `every` rows, [names, 2, buckets]: of one head.

    None: of all heads, those alone that are finite. NaN where there is none.
    """
    found = []
    for _, bucket in _buckets(rows.read(names, lost), first, every):  # [rows, names, heads]
        of = np.where(np.isfinite(bucket), bucket, np.nan) if head is None else bucket[:, :, head : head + 1]
        found.append([np.fmin.reduce(of, axis=(0, 2)), np.fmax.reduce(of, axis=(0, 2))])
    return _stacked(iter(found), (2, len(names)), (2, 1, 0))


def health_document(rows: FigureRows, names: Sequence[str], said: dict[str, Any], lost: dict[int, str]) -> bytes:
    """`said` and every number as JSON, with the fewest digits that say which float32 was recorded.

    `lost` there: [step, why] of those that cannot be read, whose figures are all NaN.
    """
    values = rows_of_all_heads(rows, names, lost)
    figures = {name: _spelled(values[:, number]) for number, name in enumerate(names)}
    return json.dumps({**said, "lost": sorted(lost.items()), "figures": figures}, separators=(",", ":")).encode()


def _buckets(rows: Iterator[Float32], first: int, every: int) -> Iterator[tuple[int, Float32]]:
    """Rows of one multiple of `every` to the next, and the number of the first of them."""
    start = first
    while bucket := list(itertools.islice(rows, every - start % every)):
        yield start, np.stack(bucket)
        start += len(bucket)


def _met(bucket: Float32, value: Float32) -> Float32:
    """The first row of `bucket` that has `value`, of each head."""
    found: npt.NDArray[np.int64] = np.argmax(bucket == value, axis=0)
    return found.astype(np.float32)


def _stacked(parts: Iterator[Any], shape: tuple[int, int], axes: tuple[int, int, int]) -> Float32:
    """[parts, *shape], also of none, its axes in this order."""
    found = list(parts)
    return np.ascontiguousarray(np.array(found, np.float32).reshape(len(found), *shape).transpose(axes))


def _spelled(values: Float32) -> list[list[float | str]]:
    """Rows of numbers, those that are not finite as strings: the others, a million perhaps, are not looked at again.

    Each with the fewest digits that say which float32 was recorded: NumPy finds them, JSON writes them.
    """
    rows: list[list[float | str]] = [list(map(float, row)) for row in values.astype("U").tolist()]
    for row, column in np.argwhere(~np.isfinite(values)).tolist():
        rows[row][column] = json_util.Cleanse(rows[row][column])
    return rows
