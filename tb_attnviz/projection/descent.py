"""Descent: the points of a picture go down the gradient of t-SNE, attracted along the pairs of a sparse graph.

Queries may also go to the keys that they attend to: with A_ij their attention and q_ij ∝ 1/(s² + ‖y_i - y_j‖²) over the
keys j that query i sees, what is minimised is (1 - α) KL(P‖Q) + α Σ_i w_i KL(A_i‖q_i), the second as in
multidimensional unfolding (docs/near_means_attends.md).
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from tb_attnviz.array_types import Float32, Int32
from tb_attnviz.projection.affinities import Affinities
from tb_attnviz.projection.attended import Attended
from tb_attnviz.projection.compiled import compiled
from tb_attnviz.projection.repulsion import Repulsion

_LONGEST_STEP = 5.0
_LEAST_GAIN = 0.01
_ATTENDED_WIDTH = 4.0  # s²: two points that are nearer than 2 are near alike


@dataclasses.dataclass(frozen=True)
class Attention:
    """What queries attend to, and how much that counts beside neighbours: `share` is α, from 0 to less than 1."""

    attended: Attended
    share: float


class Descent:
    """Gradient descent with momentum and gains, its learning rate n / exaggeration (Belkina et al. 2019).

    `pull` [n, dims] is left out of every gradient. With `hold` [n], h_i ‖y_i - y_i(start)‖² / (1 - h_i) is minimised
    too, up to the learning rate, by a proximal step: it is as stable for 1, which holds a point fast, as for 0.
    """

    def __init__(
        self,
        affinities: Affinities,
        points: Float32,
        pull: Float32,
        attention: Attention | None = None,
        hold: Float32 | None = None,
    ) -> None:
        self._affinities = affinities
        self._pull = pull
        self._attention = attention
        self._hold = hold
        self._repulsion = Repulsion()
        self._update = np.zeros_like(points)
        self._gains = np.ones_like(points)
        self.points = np.array(points, dtype=np.float32, order="C")
        self._start = self.points.copy()

    def run(
        self, iterations: int, *, momentum: float, exaggeration: float = 1.0, on_progress: Callable[[float], None]
    ) -> None:
        rate = len(self.points) / exaggeration
        for iteration in range(iterations):
            gradient = self.gradient(exaggeration)
            _step(self.points, self._update, self._gains, gradient, self._pull, momentum, rate)
            if self._hold is not None:
                self.points += self._hold[:, None] * (self._start - self.points)
            on_progress((iteration + 1) / iterations)

    def gradient(self, exaggeration: float = 1.0) -> Float32:
        """That of the divergence of neighbours at the points, over 4, [n, dims]; the attraction times so much.

        That of attention comes in proportion, α/(1 - α).
        """
        force, normalisation = self._repulsion(self.points)
        gradient = force * np.float32(-1 / max(normalisation, np.finfo(np.float64).tiny))
        pairs = self._affinities
        _attract(pairs.ends, pairs.others, pairs.weights, np.float32(exaggeration), self.points, gradient)
        if self._attention is not None:
            rows, share = self._attention.attended, self._attention.share
            total = float(rows.weights.sum(dtype=np.float64))
            strength = np.float32(share / (1 - share) / total / 2 if total > 0 else 0)
            width = np.float32(_ATTENDED_WIDTH)
            pairs_of = rows.ends, rows.keys, rows.shares, rows.stands_for, rows.weights
            _attend(*pairs_of, strength, width, self.points, gradient)
        return gradient


@compiled
def _attract(
    ends: Int32, others: Int32, weights: Float32, exaggeration: np.float32, points: Float32, gradient: Float32
) -> None:
    """Adds Σ_j p_ij (y_i - y_j) / (1 + ‖y_i - y_j‖²), times `exaggeration`, to the `gradient` [n, 2 or 3]."""
    one, deep = np.float32(1), points.shape[1] == 3
    for i in range(len(points)):
        x, y = points[i, 0], points[i, 1]
        z = points[i, 2] if deep else np.float32(0)
        pull_x = pull_y = pull_z = np.float32(0)
        for pair in range(ends[i], ends[i + 1]):
            j = others[pair]
            dx, dy = x - points[j, 0], y - points[j, 1]
            dz = z - points[j, 2] if deep else np.float32(0)
            weight = exaggeration * weights[pair] / (one + dx * dx + dy * dy + dz * dz)
            pull_x += weight * dx
            pull_y += weight * dy
            gradient[j, 0] -= weight * dx
            gradient[j, 1] -= weight * dy
            if deep:
                pull_z += weight * dz
                gradient[j, 2] -= weight * dz
        gradient[i, 0] += pull_x
        gradient[i, 1] += pull_y
        if deep:
            gradient[i, 2] += pull_z


@compiled
def _attend(
    ends: Int32,
    keys: Int32,
    shares: Float32,
    stands_for: Float32,
    weights: Float32,
    strength: np.float32,
    width: np.float32,
    points: Float32,
    gradient: Float32,
) -> None:
    """Adds that of the cross-entropy of attention, over 4: Σ_j `strength` w_i (A_ij - q_ij) (y_i - y_j) / (s² + d²)."""
    deep = points.shape[1] == 3
    near = np.empty(len(keys), np.float32)
    for i in range(len(weights)):
        if weights[i] == 0:
            continue
        x, y = points[i, 0], points[i, 1]
        z = points[i, 2] if deep else np.float32(0)
        total = np.float32(0)
        for pair in range(ends[i], ends[i + 1]):
            j = keys[pair]
            dx, dy = x - points[j, 0], y - points[j, 1]
            dz = z - points[j, 2] if deep else np.float32(0)
            near[pair] = 1 / (width + dx * dx + dy * dy + dz * dz)
            total += stands_for[pair] * near[pair]
        pull_x = pull_y = pull_z = np.float32(0)
        for pair in range(ends[i], ends[i + 1]):
            j = keys[pair]
            excess = shares[pair] - stands_for[pair] * near[pair] / total
            force = strength * weights[i] * excess * near[pair]
            dx, dy = force * (x - points[j, 0]), force * (y - points[j, 1])
            pull_x += dx
            pull_y += dy
            gradient[j, 0] -= dx
            gradient[j, 1] -= dy
            if deep:
                dz = force * (z - points[j, 2])
                pull_z += dz
                gradient[j, 2] -= dz
        gradient[i, 0] += pull_x
        gradient[i, 1] += pull_y
        if deep:
            gradient[i, 2] += pull_z


@compiled
def _step(
    points: Float32, update: Float32, gains: Float32, gradient: Float32, pull: Float32, momentum: float, rate: float
) -> None:
    """One step of `points` [n, dims] about their mean, with the `update` and `gains` of the one before.

    Both become those of this step.
    """
    n, dims = points.shape
    mean = np.zeros(dims)
    for i in range(n):
        length = 0.0
        for axis in range(dims):
            slope = gradient[i, axis] - pull[i, axis]
            if np.sign(update[i, axis]) != np.sign(slope):
                gains[i, axis] += 0.2
            else:
                gains[i, axis] = max(gains[i, axis] * 0.8, _LEAST_GAIN)
            update[i, axis] = momentum * update[i, axis] - rate * gains[i, axis] * slope
            length += update[i, axis] ** 2
        shrink = min(1.0, _LONGEST_STEP / np.sqrt(length)) if length > 0 else 1.0
        for axis in range(dims):
            update[i, axis] *= shrink
            points[i, axis] += update[i, axis]
            mean[axis] += points[i, axis]
    mean /= n
    for i in range(n):
        for axis in range(dims):
            points[i, axis] -= mean[axis]
