"""Checks of what is asked of a run: each raises NotRecordedError with what there is."""

from typing import Literal

from tb_attnviz.events import Grid
from tb_attnviz.events.shapes import shown
from tb_attnviz.label_attention import labels_of
from tb_attnviz.recompute import Part
from tb_attnviz.run.recorded_run import NotRecordedError, RecordedRun


def check_head(run: RecordedRun, step: int, layer: int, head: int, sequence: int | Literal["mean"] = "mean") -> None:
    """Raises NotRecordedError unless all four exist."""
    heads, sequences = run.layer(step, layer).heads, len(run.probe.sequences)
    if not 0 <= head < heads:
        raise NotRecordedError(f"no head {head}: layer {layer} has heads 0 to {heads - 1}")
    if isinstance(sequence, str) and sequence != "mean":
        raise NotRecordedError(f"no sequence {shown(sequence)}: give its number, or 'mean'")
    if sequence != "mean" and not 0 <= sequence < sequences:
        raise NotRecordedError(f"no sequence {sequence}: the probe has sequences 0 to {sequences - 1}")


def check_part(run: RecordedRun, step: int, layer: int, sequence: int | Literal["mean"], part: Part) -> None:
    """Raises NotRecordedError unless the sequence, or for the mean any, has this query and this key in `layer`."""
    lengths = run.lengths(step, layer)
    for what, number, of in (("query", part.query, lengths.queries), ("key", part.key, lengths.keys)):
        count = max(of) if sequence == "mean" else of[sequence]
        if number is not None and not 0 <= number < count:
            raise NotRecordedError(f"no {what} {number}: sequence {sequence} has numbers 0 to {count - 1} there")


def check_values(run: RecordedRun, step: int, layer: int, weight: str = "values") -> None:
    """Raises NotRecordedError unless the norms of values were recorded, or for another `weight`."""
    if weight != "values":
        raise NotRecordedError(f"no weight {shown(weight)}: there is 'values'")
    if not run.layer(step, layer).values:
        raise NotRecordedError(
            f'no value norms of layer {layer} at step {step}: record them with AttentionRecorder(…, values="norms")'
        )


def image_grid(run: RecordedRun, step: int, layer: int, sequence: int | Literal["mean"]) -> Grid:
    """The grid whose patches the last queries and keys of a sequence are; for "mean" that of all sequences.

    Raises NotRecordedError where there is none.
    """
    described = run.layer(step, layer)
    if (described.queries_of, described.query_grid) != (described.keys_of, described.key_grid):
        raise NotRecordedError(f"queries and keys of layer {layer} are not of the same tokens")
    of = run.probe.side(described.queries_of)
    grids = {described.query_grid or each.grid for each in (of if sequence == "mean" else [of[sequence]])}
    grid = grids.pop()
    if grid is None or grids:
        raise NotRecordedError(
            f"sequence {sequence} is no image" if grid is None else "the images have different grids: there is no mean"
        )
    if sequence == "mean" and len(set(run.lengths(step, layer).queries)) > 1:
        raise NotRecordedError("the images have different numbers of tokens before their patches: there is no mean")
    return grid


def token_labels(
    run: RecordedRun, step: int, layer: int, head: int, label: str
) -> tuple[list[list[str]], list[list[str]]]:
    """Of each sequence the labels of a layer's queries, and of its keys.

    Raises NotRecordedError for a label that the probe does not have, one of numbers, and for a layer whose queries or
    keys are patches of a grid of its own, which have no such labels.
    """
    check_head(run, step, layer, head)
    described = run.layer(step, layer)
    if described.query_grid or described.key_grid:
        raise NotRecordedError(f"layer {layer} attends on a grid of its own, whose patches have no label {label!r}")
    try:
        own, others = (labels_of(run.probe.side(side), label) for side in (described.queries_of, described.keys_of))
    except (LookupError, TypeError) as error:
        raise NotRecordedError(str(error)) from None
    return own, others
