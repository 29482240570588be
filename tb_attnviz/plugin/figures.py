"""What requests of health figures ask for, parsed from their query: which steps there are, and tasks for the rest.

Figures are read by offset in a worker process, and only the rows that are asked for. A client names them by their
numbers, and says which ones it means: `known` is the digest of the `rows` that there were when it asked.
"""

import bisect
from typing import Any

from werkzeug import Request

from tb_attnviz.entries import spans
from tb_attnviz.events import FigureRows
from tb_attnviz.plugin import parameters, tasks
from tb_attnviz.plugin.about import about
from tb_attnviz.plugin.responses import BadRequestError
from tb_attnviz.projection.jobs import Task
from tb_attnviz.run import NotRecordedError, Run

_MOST_NUMBERS = 4 * 2**20  # that one answer may hold: 16 MB
_MOST_HELD = 2**26  # numbers of a bucket that a worker holds at once: 256 MB
_MOST_ROWS = 2**24  # float32 counts them


def steps_document(request: Request, name: str, run: Run) -> dict[str, Any]:
    """The steps from row `from` on; all of them where those before it are not what the client knows."""
    rows, names = run.figure_rows, run.records.newest.figures
    first, known = parameters.integer(request, "from", default=0), parameters.optional_text(request, "known")
    if not 0 <= first <= len(rows) or (known is not None and known != rows.digest(names, first)):
        first = 0
    return {
        "run": name,
        "from": first,
        "rows": len(rows),
        "steps": spans(rows.steps[first:].tolist()),
        "heads": [layer.heads for layer in run.layers],
        "figures": names,
        "digest": rows.digest(names, len(rows)),
    }


def document_task(request: Request, name: str, run: Run) -> Task:
    """The JSON of all figures at the steps after `since`, or at all where those up to it are not what is known."""
    since, known = parameters.optional_integer(request, "since"), parameters.optional_text(request, "known")
    rows, names = run.figure_rows, run.records.newest.figures
    first = 0 if since is None else bisect.bisect_right(rows.steps.tolist(), since)
    if known is not None and known != rows.digest(names, first):
        first = 0
    digest, wanted = rows.digest(names, len(rows)), rows.between(first, len(rows))
    _check_size(len(wanted) * len(names) * rows.heads, "those after a step with 'since', or for `health_rows`")
    said = {
        "run": name,
        "steps": wanted.steps.tolist(),
        "heads": [layer.heads for layer in run.layers],
        "digest": digest,
    }
    return _task(name, run, ("health", name, first, digest, said["heads"]), tasks.health, wanted, names, said)


def rows_task(request: Request, name: str, run: Run) -> Task:
    """All figures of all heads at the steps of the rows `from` … `to`."""
    names = run.records.newest.figures
    first, rows = _rows(request, run)
    _check_size(len(rows) * len(names) * rows.heads, "fewer rows")
    return _task(name, run, ("rows", first, rows.digest(names, len(rows))), tasks.health_rows, rows, names)


def figure_task(request: Request, name: str, run: Run) -> Task:
    """One figure of all heads over the rows `from` … `to`, in buckets of `every`."""
    figure = parameters.choice(request, "figure", run.records.newest.figures)
    (first, rows), every = _rows(request, run), _every(request)
    _check_size((1 if every == 1 else 4) * (len(rows) // every + 2) * rows.heads, "larger buckets")
    _check_bucket(rows, every, 1)
    key = "figure", figure, first, every, rows.digest([figure], len(rows))
    return _task(name, run, key, tasks.health_figure, rows, figure, first, every)


def range_task(request: Request, name: str, run: Run) -> Task:
    """All figures over the rows `from` … `to`, in buckets of `every`: of one head, or the range of all."""
    names, head = run.records.newest.figures, parameters.optional_integer(request, "head")
    (first, rows), every = _rows(request, run), _every(request)
    if head is not None and not 0 <= head < rows.heads:
        raise NotRecordedError(f"no head {head}: the run has heads 0 to {rows.heads - 1}, one layer after the other")
    _check_size(2 * (len(rows) // every + 2) * len(names), "larger buckets")
    _check_bucket(rows, every, len(names))
    key = "range", head, first, every, rows.digest(names, len(rows))
    return _task(name, run, key, tasks.health_range, rows, names, head, first, every)


def _rows(request: Request, run: Run) -> tuple[int, FigureRows]:
    """The number of the first row that is wanted, and the rows."""
    rows, names = run.figure_rows, run.records.newest.figures
    first, end = parameters.integer(request, "from"), parameters.integer(request, "to")
    count = parameters.integer(request, "rows")
    if not 0 <= first <= end <= count <= min(len(rows), _MOST_ROWS):
        raise NotRecordedError(f"no rows {first} to {end} of {count}: there are {len(rows)}")
    if parameters.text(request, "known") != rows.digest(names, count):
        raise NotRecordedError("these figures were written anew since: ask which steps there are again")
    return first, rows.between(first, end)


def _every(request: Request) -> int:
    every = parameters.integer(request, "every", default=1)
    if not 1 <= every <= _MOST_ROWS:
        raise BadRequestError(f"the parameter 'every' must be from 1 to {_MOST_ROWS}, not {every}")
    return every


def _check_bucket(rows: FigureRows, every: int, figures: int) -> None:
    if min(every, len(rows)) * figures * rows.heads > _MOST_HELD:
        raise BadRequestError(f"a bucket of {every:,} steps cannot be held: ask for smaller buckets")


def _check_size(numbers: int, remedy: str) -> None:
    if numbers > _MOST_NUMBERS:
        raise BadRequestError(f"that would be {numbers:,} numbers, over {_MOST_NUMBERS:,}: ask for {remedy}")


def _task(name: str, run: Run, key: object, function: Any, *args: Any) -> Task:
    key = repr(("health", run.directory, key))
    return Task(key=key, function=function, args=args, about=about("health", name), quick=True)
