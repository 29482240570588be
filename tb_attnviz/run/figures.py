"""Figures of heads over the steps, and what is recorded beside them: importance, relations, connections."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tb_attnviz.array_types import Float32
from tb_attnviz.connections import Connections, Way, connections_of, read_step
from tb_attnviz.events import FigureRows, FiguresLocation, FormatError
from tb_attnviz.findings import FOLLOWS, HeadRelation, head_relations
from tb_attnviz.importance import Importance, importance_of
from tb_attnviz.run.recorded_run import NotRecordedError, RecordedRun, steps_in_words


def health(run: RecordedRun, steps: Sequence[int] | None = None) -> dict[str, Float32]:
    """See Run.health."""
    segment, lost = run.records.newest, dict[int, str]()
    recorded = {step: run.figures_at(step) for step in (segment.health_steps if steps is None else steps)}
    names, rows = segment.figures, FigureRows.of(run.directory, segment.heads, recorded)
    found = np.full((len(names), len(rows), segment.heads), np.nan, np.float32)
    for row, values in enumerate(rows.read(names, lost)):
        found[:, row] = values
    run.lose_figures(lost)
    return dict(zip(names, found, strict=True))


def importance(run: RecordedRun) -> Importance:
    """See Run.importance."""
    recorded = run.records.newest.recorded
    steps = [step for step in run.health_steps if "importance/loss" in _names(recorded[step])]
    if not steps:
        raise NotRecordedError("this run has no importance of heads: record it with loss=")
    values = health(run, steps)
    unknown = np.full((len(steps), run.records.newest.heads), np.nan, np.float32)
    losses = [_array(run, step, "importance/loss") for step in steps]
    loss = np.array([np.nan if x is None or x.shape != (1,) else x[0] for x in losses], np.float32)
    figures = (values.get(name, unknown) for name in ("importance", "importance_exact"))
    return importance_of(steps, run.layers, loss, *figures)


def relations(run: RecordedRun, step: int | None = None) -> tuple[HeadRelation, ...]:
    """See Run.relations."""
    if not any(name.startswith(FOLLOWS) for name in run.records.newest.figures):
        raise NotRecordedError("this run has no relations: record it with relations=")
    steps = [one for one in run.health_steps if step is None or one <= step]
    if not steps:
        raise NotRecordedError(f"no figures at step {step}: {steps_in_words(run.health_steps)}")
    return head_relations(steps, run.layers, health(run, steps))


def connections(run: RecordedRun, step: int | None = None) -> Connections:
    """See Run.connections."""
    locations = run.connections_at
    steps = list(locations)
    if not steps:
        raise NotRecordedError("this run has no connections of heads: record them with connections_every=")
    step = steps[-1] if step is None else step
    if step not in steps:
        raise NotRecordedError(f"no connections at step {step}: they were recorded at {steps}")
    found: dict[int, dict[Way, Float32]] = {}
    for each in steps[: steps.index(step) + 1]:
        try:
            found[each] = read_step(locations[each], run.records.newest.heads)
        except FormatError as error:
            if each == step:
                raise
            run.records.lose("figures", each, str(error))
    return connections_of(step, found, run.layers)


def _array(run: RecordedRun, step: int, name: str) -> npt.NDArray[Any] | None:
    """One array of a step; None where it is not there, or cannot be read, which is told in `damaged`."""
    try:
        return run.arrays(step).get(name)
    except FormatError as error:
        run.records.lose("figures", step, str(error))
        return None


def _names(recorded: FiguresLocation | dict[str, Float32]) -> tuple[str, ...]:
    """Of the arrays of one step; of version 1 there are none but health figures."""
    return () if isinstance(recorded, dict) else recorded.names
