"""The document of `health`: all figures of a run, or what a client does not have yet."""

import bisect
from typing import Any

import numpy as np
from tensorboard.backend import json_util
from werkzeug import Request

from tb_attnviz.plugin import parameters
from tb_attnviz.run import Float32, Run


def health_document(request: Request, name: str, run: Run) -> dict[str, Any]:
    """The figures at the steps after `since`; at all steps where those up to it are not what the client knows.

    A training that was restarted from an earlier step writes some steps again.
    """
    since = parameters.optional_integer(request, "since")
    known = parameters.optional_text(request, "known")
    steps = run.health_steps
    first = 0 if since is None else bisect.bisect_right(steps, since)
    if known is not None and known != run.records.newest.figures_digest(steps[:first]):
        first = 0
    figures = run.health(steps[first:])
    return {
        "run": name,
        "steps": steps[first:],
        "heads": [layer.heads for layer in run.layers],
        "figures": {figure: _spelled(values) for figure, values in figures.items()},
        "digest": run.records.newest.figures_digest(steps),
    }


def _spelled(values: Float32) -> list[list[float | str]]:
    """Rows of numbers, those that are not finite as strings: the others, a million perhaps, are not looked at again.

    Each with the fewest digits that say which float32 was recorded: NumPy finds them, JSON writes them.
    """
    rows: list[list[float | str]] = [list(map(float, row)) for row in values.astype("U").tolist()]
    for row, column in np.argwhere(~np.isfinite(values)).tolist():
        rows[row][column] = json_util.Cleanse(rows[row][column])
    return rows
