"""UMAP (McInnes et al., arXiv 1802.03426) of one head: from its linear picture, or from that of a nearby step.

The parts of umap-learn, put together here: its `UMAP` class scales whatever it starts from to a square of 10, each axis
by itself, and computes the neighbours anew.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tb_attnviz.projection.neighbours import nearest
from tb_attnviz.projection.projection import Projection

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

_EPOCHS = 200  # umap-learn's number for large data; its 500 for small data changes little on heads
_EPOCHS_AGAIN, _RATE_AGAIN = 40, 0.05  # from the picture of a nearby step
_SPAN = 10.0  # of a first picture, as in umap-learn
_NEGATIVES = 5.0


def umap(
    coordinates: Float32,
    start: Float64,
    projection: Projection,
    *,
    pull: Float32 | None,
    on_progress: Callable[[float], None],
) -> tuple[Float64, Float64]:
    """[n, dims] of `coordinates` [n, d], and zeros: there is no pull.

    `start` [n, dims] is the picture of a nearby step if that step's `pull` is given, else one whose shape is to be kept
    where it can be. A neighbourhood is at most half of the points. `on_progress` is told the share that is done.
    """
    from umap.layouts import optimize_layout_euclidean
    from umap.umap_ import find_ab_params, fuzzy_simplicial_set, make_epochs_per_sample

    n = len(coordinates)
    count = max(2, min(projection.neighbours, n // 2))
    found = nearest(coordinates, count - 1, projection.metric)
    on_progress(0.05)
    random = np.random.RandomState(projection.seed)
    graph = fuzzy_simplicial_set(  # umap-learn counts a point as its own first neighbour
        coordinates,
        count,
        random,
        projection.metric,
        knn_indices=np.concatenate([np.arange(n)[:, None], found.indices], axis=1),
        knn_dists=np.concatenate([np.zeros((n, 1), np.float32), found.distances], axis=1),
    )[0].tocoo()
    graph.data[graph.data < graph.data.max() / _EPOCHS] = 0
    graph.eliminate_zeros()
    if pull is None:
        span = float(np.ptp(start, axis=0).max())
        start = start * (_SPAN / span if span > 0 else 0.0)
    points = np.ascontiguousarray(start, dtype=np.float32)
    on_progress(0.1)
    epochs = _EPOCHS if pull is None else _EPOCHS_AGAIN
    a, b = find_ab_params(1.0, projection.min_dist)
    optimize_layout_euclidean(
        points,
        points,
        graph.row,
        graph.col,
        epochs,
        n,
        make_epochs_per_sample(graph.data, _EPOCHS),
        a,
        b,
        random.randint(np.iinfo(np.int32).min + 1, np.iinfo(np.int32).max - 1, 3).astype(np.int64),
        1.0,
        1.0 if pull is None else _RATE_AGAIN,
        _NEGATIVES,
        parallel=False,
        move_other=True,
        tqdm_kwds={
            "disable": False,
            "file": _Listener(lambda epoch: on_progress(0.1 + 0.9 * epoch / epochs)),
            "bar_format": "{n_fmt}",
            "mininterval": 0.1,
        },
    )
    return points.astype(np.float64), np.zeros(points.shape)


class _Listener:
    """umap-learn tells how far it is through a progress bar only: a file that reads the bar's number."""

    def __init__(self, on_epoch: Callable[[int], None]) -> None:
        self._on_epoch = on_epoch

    def write(self, text: str) -> None:
        if text.strip().isdigit():
            self._on_epoch(int(text))

    def flush(self) -> None:
        """Nothing is kept back."""
