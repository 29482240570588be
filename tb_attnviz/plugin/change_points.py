"""What requests of `change_points` ask for, parsed from their query, as tasks."""

import json
from typing import Any

import numpy as np
from werkzeug import Request

from tb_attnviz.events import FigureRows, is_share
from tb_attnviz.findings import change_points
from tb_attnviz.plugin import parameters
from tb_attnviz.plugin.about import about
from tb_attnviz.projection.jobs import Task
from tb_attnviz.projection.pictures import Report, with_notes
from tb_attnviz.run import Run

_MOST_READ = 2**22  # values of a figure: of longer runs the steps are thinned
_MOST_TOLD = 500


def none_of(request: Request, name: str, run: Run) -> dict[str, Any] | None:
    """The answer for a figure that is no share of attention, whose levels cannot be compared; else None."""
    figure = parameters.choice(request, "figure", run.records.newest.figures)
    return None if is_share(figure) else {"run": name, "figure": figure, "points": []}


def change_points_task(request: Request, name: str, run: Run) -> Task:
    """When a figure of each head moved to another level."""
    figure, rows = parameters.choice(request, "figure", run.records.newest.figures), run.figure_rows
    return Task(
        key=repr(("change_points", name, run.directory, figure, rows.digest([figure], len(rows)))),
        function=made_change_points,
        args=(rows.every(max(1, -(-len(rows) * rows.heads // _MOST_READ))), {"run": name, "figure": figure}),
        about=about("change_points", name),
        quick=True,
    )


def made_change_points(rows: FigureRows, said: dict[str, Any], *, report: Report) -> bytes:
    """The JSON of the clearest ones, in the order of the steps, behind notes of steps that cannot be read."""
    lost: dict[int, str] = {}
    values = [row[0] for row in rows.read([said["figure"]], lost)]
    found = change_points(np.stack(values)) if values else []
    clearest = sorted(sorted(found, key=lambda one: -one.score)[:_MOST_TOLD], key=lambda one: (one.row, one.series))
    points = [
        {
            "head": one.series,
            "step": int(rows.steps[one.row]),
            "before": float(f"{one.before:.4g}"),
            "after": float(f"{one.after:.4g}"),
        }
        for one in clearest
    ]
    return with_notes(lost, json.dumps({**said, "points": points}, allow_nan=False).encode())
