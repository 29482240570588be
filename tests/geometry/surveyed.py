"""Health figures as the recorder has them: a survey of all sequences, and the figures that follow from it."""

from collections.abc import Sequence
from typing import Any

from tb_attnviz import geometry
from tb_attnviz.geometry.repeats import Repeat, asked_of


def health_of(
    queries: Any, keys: Any, *, lengths: Sequence[int], repeats: Sequence[Repeat | None] = (), **options: Any
) -> dict[str, Any]:
    """Figure → [heads]; `options` are those of `geometry.survey`."""
    seen = geometry.survey(queries, keys, lengths=lengths, asked=asked_of(repeats), **options)
    return geometry.figures_of([seen], [int(n) for n in lengths], repeats)
