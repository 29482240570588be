"""UMAP (McInnes et al., arXiv 1802.03426) of one head: from its linear picture, or from that of a nearby step.

The graph and the forces are those of umap-learn; its `UMAP` class would scale whatever it starts from to a square of
10, each axis by itself, and compile its loops anew in each process.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tb_attnviz.array_types import Float32, Float64, Int32
from tb_attnviz.projection.compiled import compiled
from tb_attnviz.projection.neighbours import Neighbours, nearest
from tb_attnviz.projection.projection import Projection

UInt64 = npt.NDArray[np.uint64]

_EPOCHS = 200  # umap-learn's number for large data; its 500 for small data changes little on heads
_EPOCHS_AGAIN, _RATE_AGAIN = 40, 0.05  # from the picture of a nearby step
_SPAN = 10.0  # of a first picture, as in umap-learn
_NEGATIVES = 5.0
_ROUNDS = 64  # of a bisection
_LEAST_SCALE = 1e-3  # of the mean distance: how small the scale of a neighbourhood may be


def umap(
    coordinates: Float32,
    start: Float64,
    projection: Projection,
    *,
    pull: Float32 | None,
    hold: Float32 | None = None,
    on_progress: Callable[[float], None],
) -> tuple[Float32, Float32]:
    """[n, dims] of `coordinates` [n, d], and zeros: there is no pull.

    `start` [n, dims] is the picture of a nearby step if that step's `pull` is given, else one whose shape is to be kept
    where it can be. `hold` is t-SNE's. A neighbourhood is at most half of the points. `on_progress` is told the share
    that is done.
    """
    n = len(coordinates)
    count = max(2, min(projection.neighbours, n // 2))  # a point counts as its own first neighbour
    found = nearest(coordinates, count - 1, projection.metric)
    on_progress(0.05)
    heads, tails, weights = fuzzy_graph(found)
    often = weights >= weights.max() / _EPOCHS
    heads, tails, weights = heads[often], tails[often], weights[often]
    if pull is None:
        span = float(np.ptp(start, axis=0).max())
        start = start * (_SPAN / span if span > 0 else 0.0)
    points = np.array(start, dtype=np.float32, order="C")
    first = points.copy()
    a, b = curve(projection.min_dist)
    on_progress(0.1)
    epochs, rate = (_EPOCHS, 1.0) if pull is None else (_EPOCHS_AGAIN, _RATE_AGAIN)
    between = (weights.max() / weights).astype(np.float32)  # epochs from one visit of a pair to the next
    visit, repel = between.copy(), between / np.float32(_NEGATIVES)
    state = np.array([2 * projection.seed + 1], np.uint64)
    for epoch in range(epochs):
        falling = np.float32(rate * (1 - max(epoch - 1, 0) / epochs))
        _epoch(epoch, heads, tails, between, visit, repel, points, np.float32(a), np.float32(b), falling, state)
        if hold is not None:
            points += hold[:, None] * (first - points)
        on_progress(0.1 + 0.9 * (epoch + 1) / epochs)
    return points, np.zeros_like(points)


def fuzzy_graph(found: Neighbours) -> tuple[Int32, Int32, Float32]:
    """UMAP's graph of points and their nearest neighbours: the pairs in both directions, and their weights."""
    import scipy.sparse

    n, count = found.indices.shape
    weights = np.empty(found.distances.shape, np.float32)
    _weigh(found.distances, np.log2(count + 1), float(found.distances.mean()) * count / (count + 1), weights)
    directed = scipy.sparse.coo_array(
        (weights.ravel(), (np.repeat(np.arange(n), count), found.indices.ravel())), (n, n)
    ).tocsr()
    both = (directed + directed.T - directed.multiply(directed.T)).tocoo()
    return both.row.astype(np.int32), both.col.astype(np.int32), both.data.astype(np.float32)


def curve(min_dist: float) -> tuple[float, float]:
    """a and b for which 1/(1 + a d^2b) is nearest to 1 up to `min_dist` and exp(min_dist - d) beyond."""
    from scipy.optimize import curve_fit

    distances = np.linspace(0, 3, 300)
    wanted = np.where(distances < min_dist, 1.0, np.exp(min_dist - distances))
    (a, b), _ = curve_fit(lambda d, a, b: 1 / (1 + a * d ** (2 * b)), distances, wanted)
    return float(a), float(b)


@compiled
def _weigh(distances: Float32, target: float, mean: float, weights: Float32) -> None:
    """The `weights` [n, count] of the neighbours of each point: 1 for the nearest, their sum `target` - 1."""
    n, count = distances.shape
    for i in range(n):
        nearest, of_row = 0.0, 0.0
        for j in range(count):
            if nearest == 0:
                nearest = np.float64(distances[i, j])  # the first that is not in the same place
            of_row += distances[i, j] / (count + 1)
        low, high, scale = 0.0, 0.0, 1.0
        for _ in range(_ROUNDS):
            total = 0.0
            for j in range(count):
                beyond = distances[i, j] - nearest
                total += np.exp(-beyond / scale) if beyond > 0 else 1.0
            if abs(total - target) < 1e-5:
                break
            if total > target:
                high = scale
                scale = (low + high) / 2
            else:
                low = scale
                scale = 2 * scale if high == 0 else (low + high) / 2
        scale = max(scale, _LEAST_SCALE * (of_row if nearest > 0 else mean))
        for j in range(count):
            beyond = distances[i, j] - nearest
            weights[i, j] = np.exp(-beyond / scale) if beyond > 0 and scale > 0 else 1.0


@compiled
def _epoch(
    epoch: int,
    heads: Int32,
    tails: Int32,
    between: Float32,
    visit: Float32,
    repel: Float32,
    points: Float32,
    a: np.float32,
    b: np.float32,
    rate: np.float32,
    state: UInt64,
) -> None:
    """Pulls the pairs together whose turn it is, and pushes the head of each away from others, drawn by lot."""
    n, dims = points.shape
    one, least, bound = np.float32(1), np.float32(0.001), np.float32(4)
    random = state[0]
    for pair in range(len(heads)):
        if visit[pair] > epoch:
            continue
        head, tail = points[heads[pair]], points[tails[pair]]
        square = np.float32(0)
        for axis in range(dims):
            square += (head[axis] - tail[axis]) ** 2
        if square > 0:
            power = a * square**b
            force = -2 * b * power / (square * (one + power))
            for axis in range(dims):
                step = rate * min(max(force * (head[axis] - tail[axis]), -bound), bound)
                head[axis] += step
                tail[axis] -= step
        visit[pair] += between[pair]
        pause = between[pair] / np.float32(_NEGATIVES)
        pushes = int((epoch - repel[pair]) / pause)
        for _ in range(pushes):
            random ^= random << np.uint64(13)
            random ^= random >> np.uint64(7)
            random ^= random << np.uint64(17)
            other = points[np.int64(random >> np.uint64(11)) % n]
            square = np.float32(0)
            for axis in range(dims):
                square += (head[axis] - other[axis]) ** 2
            if square > 0:
                force = 2 * b / ((least + square) * (one + a * square**b))
                for axis in range(dims):
                    head[axis] += rate * min(max(force * (head[axis] - other[axis]), -bound), bound)
        repel[pair] += pushes * pause
    state[0] = random
