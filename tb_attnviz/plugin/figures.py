"""The document of `health`: all figures of a run, or what a client does not have yet."""

import bisect
import hashlib
import json
from collections.abc import Mapping
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
    steps, figures = run.health_steps, run.health()
    first = 0 if since is None else bisect.bisect_right(steps, since)
    if known is not None and known != _digest(steps[:first], figures):
        first = 0
    return {
        "run": name,
        "steps": steps[first:],
        "heads": [layer.heads for layer in run.layers],
        "figures": {figure: _spelled(values[first:]) for figure, values in figures.items()},
        "digest": _digest(steps, figures),
    }


def _spelled(values: Float32) -> list[list[float | str]]:
    """Rows of numbers, those that are not finite as strings: the others, a million perhaps, are not looked at again."""
    rows: list[list[float | str]] = values.astype(float).tolist()
    for row, column in np.argwhere(~np.isfinite(values)).tolist():
        rows[row][column] = json_util.Cleanse(rows[row][column])
    return rows


def _digest(steps: list[int], figures: Mapping[str, Float32]) -> str:
    """Of the figures at the first `steps` of the run: equal exactly where they are."""
    found = hashlib.sha256(json.dumps([steps, list(figures)]).encode())
    for values in figures.values():
        found.update(values[: len(steps)].tobytes())
    return found.hexdigest()[:16]
