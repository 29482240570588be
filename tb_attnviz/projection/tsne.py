"""t-SNE (van der Maaten & Hinton 2008) of one head: from its linear picture, or from the picture of a nearby step."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tb_attnviz.projection.neighbours import nearest
from tb_attnviz.projection.projection import Projection
from tb_attnviz.projection.repulsion import Repulsion

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

LEAST_POINTS = 7  # so that a perplexity of 2 has its 3 · 2 neighbours

_SPREAD = 1e-4  # of a first picture (Kobak & Berens 2019, doi 10.1038/s41467-019-13056-x)
_EXAGGERATION, _EXAGGERATED = 12.0, 100  # attraction × 12 for 100 iterations,
_FREE = {2: 250, 3: 150}  # then as it is; docs/decisions/0009 has what more would bring
_AGAIN = 25  # iterations from the picture of a nearby step,
_LEFT_OUT = 0.5  # with so much of the gradient left out that was left there; docs/decisions/0009 has the other choices
_LONGEST_STEP = 5.0


def tsne(
    coordinates: Float32,
    start: Float64,
    projection: Projection,
    *,
    pull: Float32 | None,
    on_progress: Callable[[float], None],
) -> tuple[Float64, Float64]:
    """[n, dims] of `coordinates` [n, d], n >= LEAST_POINTS, and the gradient that is left there [n, dims].

    `start` [n, dims] is the picture of a nearby step if that step's `pull` is given, else one whose shape is to be kept
    where it can be. The perplexity is at most (n - 1) / 3. `on_progress` is told the share that is done.
    """
    from openTSNE.affinity import joint_probabilities_nn

    n, dims = start.shape
    perplexity = min(projection.perplexity, (n - 1) / 3)
    neighbours = nearest(coordinates, min(n - 1, int(3 * perplexity)), projection.metric)
    on_progress(0.05)
    affinities = joint_probabilities_nn(neighbours.indices, neighbours.distances, [perplexity]).tocsr()
    on_progress(0.1)
    if pull is not None:
        descent = _Descent(affinities, start, _LEFT_OUT * pull.astype(np.float64))
        descent.run(_AGAIN, momentum=0.8, on_progress=lambda share: on_progress(0.1 + 0.9 * share))
    else:
        spread = float(start.std(axis=0).max())
        descent = _Descent(affinities, start * (_SPREAD / spread if spread > 0 else 0.0), np.zeros_like(start))
        descent.run(
            _EXAGGERATED,
            momentum=0.5,
            exaggeration=_EXAGGERATION,
            on_progress=lambda share: on_progress(0.1 + 0.25 * share),
        )
        descent.run(_FREE[dims], momentum=0.8, on_progress=lambda share: on_progress(0.35 + 0.65 * share))
    return descent.points, descent.gradient(affinities)


class _Descent:
    """Gradient descent with momentum and gains, its learning rate n / exaggeration (Belkina et al. 2019).

    `pull` [n, dims] is left out of every gradient.
    """

    def __init__(self, affinities: object, points: Float64, pull: Float64) -> None:
        self._affinities = affinities
        self._pull = pull
        self._repulsion = Repulsion()
        self._update = np.zeros_like(points)
        self._gains = np.ones_like(points)
        self.points = np.ascontiguousarray(points, dtype=np.float64)

    def run(
        self, iterations: int, *, momentum: float, exaggeration: float = 1.0, on_progress: Callable[[float], None]
    ) -> None:
        attraction = self._affinities * exaggeration  # type: ignore[operator]
        rate = len(self.points) / exaggeration
        for iteration in range(iterations):
            gradient = self.gradient(attraction) - self._pull
            turned = np.sign(self._update) != np.sign(gradient)
            self._gains = np.maximum(np.where(turned, self._gains + 0.2, self._gains * 0.8), 0.01)
            self._update = momentum * self._update - rate * self._gains * gradient
            length = np.linalg.norm(self._update, axis=1, keepdims=True)
            self._update *= np.minimum(1.0, _LONGEST_STEP / np.maximum(length, _LONGEST_STEP / 2))
            self.points += self._update
            self.points -= self.points.mean(axis=0)
            on_progress((iteration + 1) / iterations)

    def gradient(self, attraction: object) -> Float64:
        """That of the Kullback-Leibler divergence at the points, over 4, [n, dims]."""
        from openTSNE import _tsne  # its loop over the edges; its own repulsion takes ten times ours and ends at 2-D

        gradient = np.zeros_like(self.points)
        _tsne.estimate_positive_gradient_nn(
            attraction.indices,  # type: ignore[attr-defined]
            attraction.indptr,  # type: ignore[attr-defined]
            attraction.data,  # type: ignore[attr-defined]
            self.points,
            self.points,
            gradient,
            1.0,
            num_threads=1,
            should_eval_error=False,
        )
        force, normalisation = self._repulsion(self.points)
        return gradient - force / max(normalisation, np.finfo(np.float64).tiny)
