"""Image summary: what a head's attention within one image comes to over all of its patches."""

import dataclasses
import json
import math

import numpy as np

from tb_attnviz.array_types import Float32
from tb_attnviz.events import Grid


@dataclasses.dataclass(frozen=True)
class ImageSummary:
    """Over the patches of an image alone; both are NaN where there is nothing to average.

    offsets: the mean weight by where the key is, seen from the query, [2 rows - 1, 2 columns - 1]: row r, column c is
    of the keys r - (rows - 1) rows below and c - (columns - 1) columns to the right.
    distance: how far away, in patches, what a query attends to is by weight, averaged over the queries (Dosovitskiy et
    al. 2021, arXiv 2010.11929, figure 7).
    """

    offsets: Float32
    distance: float

    def to_json(self) -> bytes:
        """Offsets row after row; numbers that are not finite are the string "NaN"."""
        offsets = [_number(value) for value in self.offsets.ravel().tolist()]
        return json.dumps({"offsets": offsets, "distance": _number(self.distance)}).encode()


def summarise(attention: Float32, grid: Grid) -> ImageSummary:
    """Of attention [n, n] within one image, whose last tokens are the patches of `grid`."""
    special = len(attention) - grid.size
    rows, columns = grid.rows, grid.columns
    shape = 2 * rows - 1, 2 * columns - 1
    down, right = np.indices(shape)
    away = np.hypot(down - (rows - 1), right - (columns - 1))  # of each offset
    sums, counts = np.zeros(shape), np.zeros(shape)
    distances = []
    for query, (row, column) in enumerate(grid.places):
        weights = attention[special + query, special:].reshape(rows, columns).astype(np.float64)
        seen = np.s_[rows - 1 - row : 2 * rows - 1 - row, columns - 1 - column : 2 * columns - 1 - column]
        sums[seen] += weights
        counts[seen] += 1
        whole = weights.sum()
        if math.isfinite(whole) and whole > 0:
            distances.append((weights * away[seen]).sum() / whole)
    distance = float(np.mean(distances)) if distances else math.nan
    return ImageSummary((sums / counts).astype(np.float32), distance)


def _number(value: float) -> float | str:
    return float(f"{value:.6g}") if math.isfinite(value) else "NaN"
