"""Notes: what is special about a head's picture, in a sentence."""

import numpy as np

from tb_attnviz.projection.embedding import LEAST_POINTS
from tb_attnviz.projection.projection import Projection
from tb_attnviz.projection.second_moments import equal
from tb_attnviz.projection.source import Vectors

_NAMES = {"tsne": "t-SNE", "umap": "UMAP", "attention": "a picture of attention"}


def notes(whole: Vectors, points: int, heads: range, projection: Projection) -> dict[int, str]:
    """A sentence for each of `heads` that has one: `whole` are the vectors of all heads, `points` of them pictured."""
    found = {head: about for head in heads if (about := _about_points(points, projection))}
    same_queries, same_keys = equal(whole.queries), equal(whole.keys)
    for head in heads:
        if not whole.finite[head]:
            found[head] = "some of its queries or keys are not finite: there is nothing to show"
        elif same_keys[head]:
            found[head] = "all its keys are equal: every query attends to all of them alike"
        elif same_queries[head]:
            found[head] = "all its queries are equal: every one of them attends alike"
    return found


def _about_points(points: int, projection: Projection) -> str | None:
    if points < 2:
        return f"a picture of {points} point{'' if points == 1 else 's'}: there is nothing to compare"
    if projection.linear:
        return None
    name = _NAMES[projection.method]
    if points < LEAST_POINTS:
        return f"{points} points are too few for {name}, which needs {LEAST_POINTS}: a linear picture is shown"
    by_umap = projection.method == "umap"
    most = points // 2 if by_umap else (points - 1) / 3
    asked = projection.neighbours if by_umap else projection.perplexity
    if asked <= most:
        return None
    what = "neighbours" if by_umap else "perplexity"
    return f"{what} {asked:g} was lowered to {np.floor(most):g}: there are {points} points"
