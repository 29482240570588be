"""Attention of one head, and what follows from it, recomputed from samples."""

from typing import Literal

from tb_attnviz import geometry
from tb_attnviz.array_types import Float32
from tb_attnviz.comparable import counterpart
from tb_attnviz.comparison import RecordedLayer
from tb_attnviz.image_summary import ImageSummary, summarise
from tb_attnviz.label_attention import LabelAttention
from tb_attnviz.label_attention import label_attention as by_label
from tb_attnviz.recompute import Part, Weight, attention_rows, mean_attention, point_figures, sequence_attention
from tb_attnviz.run.checks import check_head, check_part, check_values, image_grid, token_labels
from tb_attnviz.run.recorded_run import NotRecordedError, RecordedRun


def attention(
    run: RecordedRun,
    step: int,
    layer: int,
    head: int,
    sequence: int | Literal["mean"],
    *,
    weight: Weight | None = None,
    query: int | None = None,
    key: int | None = None,
) -> Float32:
    """See Run.attention."""
    check_head(run, step, layer, head, sequence)
    if weight is not None:
        check_values(run, step, layer, weight)
    part = Part(query, key)
    check_part(run, step, layer, sequence, part)
    samples, described, lengths = run.samples(step, layer), run.layer(step, layer), run.lengths(step, layer)
    if sequence == "mean":
        return mean_attention(samples, described, lengths, head, weight=weight, part=part)
    return sequence_attention(samples, described, lengths, head, sequence, weight=weight, part=part)


def image_summary(
    run: RecordedRun, step: int, layer: int, head: int, sequence: int | Literal["mean"], *, weight: Weight | None = None
) -> ImageSummary:
    """See Run.image_summary."""
    check_head(run, step, layer, head, sequence)
    grid = image_grid(run, step, layer, sequence)
    return summarise(attention(run, step, layer, head, sequence, weight=weight), grid)


def label_attention(run: RecordedRun, step: int, layer: int, head: int, label: str) -> LabelAttention:
    """See Run.label_attention."""
    own, others = token_labels(run, step, layer, head, label)
    described = run.layer(step, layer)
    rows = attention_rows(run.samples(step, layer), described, run.lengths(step, layer), head=head)
    return by_label(rows, own, others)


def point_figure(run: RecordedRun, step: int, layer: int, figure: str) -> Float32:
    """See Run.point_figure."""
    if figure not in geometry.POINT_FIGURES:
        raise NotRecordedError(f"no point figure {figure!r}: there are {', '.join(geometry.POINT_FIGURES)}")
    if figure == "value_norm":
        check_values(run, step, layer)
    return point_figures(run.samples(step, layer), run.layer(step, layer), run.lengths(step, layer), figure)


def compared_layers(
    run: RecordedRun, step: int, since: int, layer: int, *, against: RecordedRun | None = None
) -> tuple[RecordedLayer, RecordedLayer]:
    """What `change` compares: `layer` at `since`, of `against` if that is given, and at `step`."""
    run.layer(step, layer)
    other, there = (run, layer) if against is None else (against, counterpart(run, against, layer))
    return other.recorded_layers(since)[there], run.recorded_layers(step)[layer]
