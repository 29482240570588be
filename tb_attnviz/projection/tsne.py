"""t-SNE (van der Maaten & Hinton 2008) of one head: from its linear picture, or from the picture of a nearby step.

With what its queries attend to, points go down a sum of two divergences: t-SNE's, of neighbourhoods, and that of
attention from nearness within each query's sequence (docs/near_means_attends.md).
"""

from collections.abc import Callable

import numpy as np

from tb_attnviz.array_types import Float32, Float64
from tb_attnviz.projection.affinities import gaussian, symmetric
from tb_attnviz.projection.attended import Attended
from tb_attnviz.projection.descent import Attention, Descent
from tb_attnviz.projection.neighbours import nearest
from tb_attnviz.projection.projection import Projection

LEAST_POINTS = 7  # so that a perplexity of 2 has its 3 · 2 neighbours

_SPREAD = 1e-4  # of a first picture (Kobak & Berens 2019, doi 10.1038/s41467-019-13056-x)
_EXAGGERATION, _EXAGGERATED = 12.0, 100  # attraction × 12 for 100 iterations,
_FREE = {2: 250, 3: 150}  # then as it is; docs/decisions/0009 has what more would bring
_AGAIN = 25  # iterations from the picture of a nearby step,
_LEFT_OUT = 0.5  # with so much of the gradient left out that was left there; docs/decisions/0009 has the other choices


def tsne(
    coordinates: Float32,
    start: Float64,
    projection: Projection,
    *,
    pull: Float32 | None,
    hold: Float32 | None = None,
    on_progress: Callable[[float], None],
    attended: Attended | None = None,
) -> tuple[Float32, Float32]:
    """[n, dims] of `coordinates` [n, d], n >= LEAST_POINTS, and the gradient that is left there [n, dims].

    `start` [n, dims] is the picture of a nearby step if that step's `pull` is given, else one whose shape is to be kept
    where it can be. `hold` [n]: how far each point is taken back to its start at each iteration, from 0 to 1. The
    perplexity is at most (n - 1) / 3. `attended` counts as much beside neighbours as the `projection` says.
    `on_progress` is told the share that is done.
    """
    n, dims = start.shape
    perplexity = min(projection.perplexity, (n - 1) / 3)
    neighbours = nearest(coordinates, min(n - 1, int(3 * perplexity)), projection.metric)
    on_progress(0.05)
    rows = np.repeat(np.arange(n), neighbours.indices.shape[1])
    affinities = symmetric(rows, neighbours.indices.ravel(), gaussian(neighbours, perplexity).ravel(), n)
    on_progress(0.1)
    attention = None if attended is None else Attention(attended, projection.attention)
    if pull is not None:
        descent = Descent(affinities, start.astype(np.float32), np.float32(_LEFT_OUT) * pull, attention, hold)
        descent.run(_AGAIN, momentum=0.8, on_progress=lambda share: on_progress(0.1 + 0.9 * share))
    else:
        spread = float(start.std(axis=0).max())
        first = (start * (_SPREAD / spread if spread > 0 else 0.0)).astype(np.float32)
        descent = Descent(affinities, first, np.zeros_like(first), attention)
        descent.run(
            _EXAGGERATED,
            momentum=0.5,
            exaggeration=_EXAGGERATION,
            on_progress=lambda share: on_progress(0.1 + 0.25 * share),
        )
        descent.run(_FREE[dims], momentum=0.8, on_progress=lambda share: on_progress(0.35 + 0.65 * share))
    return descent.points, descent.gradient()
