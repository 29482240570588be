"""The command `tb-attnviz export`: its arguments, and what it says."""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tb_attnviz.ahead.chain import Chain
from tb_attnviz.ahead.local import in_process, in_workers
from tb_attnviz.ahead.plan import PlanError, add_workers, on_disk, positive
from tb_attnviz.ahead.progress import Progress
from tb_attnviz.events import FormatError
from tb_attnviz.events.records import CorruptRecordError, TornRecordError
from tb_attnviz.export import contents, recomputed
from tb_attnviz.export.document import ExportError, Page
from tb_attnviz.export.notes import read_notes
from tb_attnviz.export.plan import PARTS, Plan, plan
from tb_attnviz.export.weight import check, weigh
from tb_attnviz.log_directory import runs_below
from tb_attnviz.projection.frame import spread as fitted
from tb_attnviz.projection.projection import METHODS, Projection, ProjectionError
from tb_attnviz.projection.source import UnreadableStepError
from tb_attnviz.projection.store import DiskStore
from tb_attnviz.recompute import TooLargeError
from tb_attnviz.run import NotRecordedError, Run
from tb_attnviz.run.drawing import check_samples
from tb_attnviz.terminal import show
from tb_attnviz.units import megabytes

_MOST_BYTES = 100_000_000
_PARAMETERS: dict[str, type] = {
    "attention": float,
    "perplexity": float,
    "neighbours": int,
    "min_dist": float,
    "seed": int,
    "metric": str,
    "normalise": str,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    choice = "all, A:B or a list like 0,3"
    parser.add_argument("directory", metavar="DIR", help="a run's directory, or a log directory")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="FILE", help="the page, such as page.html")
    parser.add_argument("--run", metavar="NAME", help="which run, where DIR has several; named as `inspect` does")
    parser.add_argument(
        "--steps", default="12", metavar="LIST", help=f"how many, spread log-evenly, or newest, {choice} (default 12)"
    )
    parser.add_argument(
        "--layers", default="all", metavar="LIST", help=f"{choice}, numbered by the model (default all)"
    )
    parser.add_argument("--heads", default="all", metavar="LIST", help=f"of every layer: {choice} (default all)")
    parser.add_argument(
        "--detail",
        default="all",
        metavar="LIST",
        help="heads with their attention: all, none or a list like L0H1,L2H3 (default all)",
    )
    parser.add_argument(
        "--projection",
        action="append",
        type=_projection,
        metavar="NAME",
        help=f"of {', '.join(METHODS)}, with parameters like tsne,perplexity=50; may be given again (default biplot)",
    )
    parser.add_argument("--dims", choices=("2", "3", "2,3"), default="2,3", help="of the head view (default 2,3)")
    parser.add_argument("--sequences", type=positive, metavar="N", help="attention within the first N (default all)")
    parser.add_argument(
        "--trust", action="store_true", help="with the trust in their pictures, which takes seconds a head and step"
    )
    parser.add_argument(
        "--without", default="", metavar="LIST", help=f"leave out what makes a page large: of {', '.join(PARTS)}"
    )
    parser.add_argument("--notes", type=Path, metavar="FILE", help="notes on heads, saved from the tab")
    parser.add_argument("--title", help="of the page (default the run's name)")
    parser.add_argument(
        "--max-bytes",
        type=int,
        default=_MOST_BYTES,
        metavar="N",
        help=f"refuse a larger page (default {_MOST_BYTES:,})",
    )
    add_workers(parser)
    parser.set_defaults(command=export)


@contextlib.contextmanager
def _errors_of_the_run() -> Iterator[None]:
    """What reading a run raises, as an ExportError."""
    try:
        yield
    except NotRecordedError as error:
        raise ExportError(str(error)) from error
    except TooLargeError as error:
        what = str(error).partition(":")[0]
        raise ExportError(f"{what}: leave it out by --detail none and --without figures,comparisons") from error
    except (CorruptRecordError, TornRecordError, FormatError) as error:
        raise ExportError(f"the run is damaged: {error}") from error
    except UnreadableStepError as error:  # since it was looked whether all can be read
        raise ExportError(f"{error}: choose other --steps") from error
    except FileNotFoundError as error:
        raise ExportError(
            f"{os.path.basename(str(error.filename))!r} is gone from the log directory: choose other --steps"
        ) from error


@_errors_of_the_run()
def export(arguments: argparse.Namespace) -> None:
    """Write the page. Raises PlanError, ProjectionError or ExportError where it cannot."""
    write_page(*_run(arguments.directory, arguments.run), arguments)


@_errors_of_the_run()
def write_page(name: str, run: Run, arguments: argparse.Namespace) -> None:
    """The page of `run`, whose `name` is its title unless the arguments have one. Raises as `export` does."""
    if not run.steps:
        raise PlanError(f"{name} has no recorded step yet: export it once there is one")
    notes = None if arguments.notes is None else read_notes(arguments.notes)
    chosen = _plan(arguments, name, run)
    if check_samples(run, {*chosen.steps, *fitted(run.steps)}, chosen.layers):
        chosen = _plan(arguments, name, run)
    show(*run.damaged, file=sys.stderr)
    documents = list(contents.documents(chosen))
    weight = weigh(chosen, documents)
    show(f"{_in_words(chosen)}: about {weight}")
    check(weight, arguments.max_bytes)
    store = DiskStore()
    _make_pictures(chosen, store, arguments.workers)
    title = arguments.title or name
    index = contents.index(chosen, title, notes)
    pieces = [iter(documents), *_pieces(chosen, store)]
    progress = Progress(len(pieces), sys.stderr, "pieces")
    with Page(arguments.output, title, index, most_bytes=arguments.max_bytes) as page:
        for make in pieces:
            for piece_name, data in make:
                page.add(piece_name, data)
            progress.add()
    progress.close()
    show(f"{arguments.output}: {megabytes(page.size)}; open it in a browser, no server is needed")


def _plan(arguments: argparse.Namespace, name: str, run: Run) -> Plan:
    dims = tuple(int(part) for part in arguments.dims.split(","))
    return plan(
        name,
        run,
        steps=arguments.steps,
        layers=arguments.layers,
        heads=arguments.heads,
        detail=arguments.detail,
        projections=arguments.projection or [Projection()],
        dims=dims if 2 in dims else (2, *dims),  # the matrix is flat
        sequences=arguments.sequences,
        trust=arguments.trust,
        without=arguments.without,
    )


def _pieces(chosen: Plan, store: DiskStore) -> Iterator[Iterator[contents.Piece]]:
    """Each is made when it is asked for."""
    yield contents.images(chosen)
    for projection in chosen.projections:
        for layer in chosen.layers:
            for step in chosen.steps:
                yield _one(contents.points, chosen, projection, layer, step, store)
    for layer in chosen.layers:
        for step in chosen.steps:
            yield recomputed.attention(chosen, layer, step)
            yield recomputed.figures(chosen, layer, step)
            if "comparisons" in chosen.parts:
                yield recomputed.change(chosen, layer, step)
    for step in chosen.steps:
        yield recomputed.findings(chosen, step)
    for step in chosen.steps if "comparisons" in chosen.parts else ():
        yield recomputed.similarity(chosen, step)
    for projection in chosen.projections if chosen.trust else ():
        for head in chosen.detail:
            for step in chosen.steps:
                yield _one(contents.trust, chosen, projection, head, step, store)


def _one(function: Any, *arguments: Any) -> Iterator[contents.Piece]:
    yield function(*arguments)


def _make_pictures(chosen: Plan, store: DiskStore, workers: int) -> None:
    """Have those that take long in `store`, by several processes. Raises ExportError if one cannot be made."""
    newest_first = tuple(reversed(chosen.steps))
    chains = [
        Chain(chosen.name, layer, chosen.view(projection, layer, head), newest_first).missing(store)
        for projection in chosen.projections
        for layer, heads in chosen.layers.items()
        for head in ([None] if projection.linear else [head.head for head in heads])
    ]
    chains = [chain for chain in chains if chain.steps]
    left = sum(len(chain.steps) for chain in chains)
    if not left:
        return
    progress = Progress(left, sys.stderr)
    making = in_process(chains, store) if workers == 1 else in_workers(chains, store, workers)
    with contextlib.closing(making) as outcomes:  # type: ignore[type-var]  # or workers go on after an error
        for outcome in outcomes:
            if outcome.error is not None:
                progress.close()
                raise ExportError(f"{outcome.chain.name}, step {outcome.step} could not be made: {outcome.error}")
            progress.add()
    progress.close()


def _run(directory: str, name: str | None) -> tuple[str, Run]:
    """The run that is meant. Raises PlanError where that is not clear."""
    directory = on_disk(directory)
    found = dict(runs_below(os.path.abspath(directory)))
    if not found:
        raise PlanError(f"no attention was recorded below {directory!r}: give a run's directory")
    if name is None and len(found) > 1:
        raise PlanError(f"there are {len(found)} runs below {directory!r}: name one with --run ({', '.join(found)})")
    chosen = next(iter(found)) if name is None else name
    if chosen not in found:
        raise PlanError(f"no run {chosen!r} below {directory!r}; there are: {', '.join(found)}")
    run = found[chosen]
    if not isinstance(run, Run):
        raise PlanError(f"{chosen} cannot be read: {run}")
    return (Path(run.directory).resolve().name if chosen == "." else chosen), run


def _projection(text: str) -> Projection:
    """`tsne`, or `tsne,perplexity=50,seed=1`."""
    method, *parameters = text.split(",")
    if method not in METHODS:
        raise argparse.ArgumentTypeError(f"{method!r} is none of {', '.join(METHODS)}")
    given: dict[str, Any] = {}
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name not in _PARAMETERS:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(_PARAMETERS)}")
        try:
            given[name] = _PARAMETERS[name](value)
        except ValueError:
            number = "a whole number" if _PARAMETERS[name] is int else "a number"
            raise argparse.ArgumentTypeError(f"{name} must be {number}, not {value!r}") from None
    try:
        return Projection(method=method, **given)
    except ProjectionError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _in_words(chosen: Plan) -> str:
    steps, heads, detail = len(chosen.steps), len(chosen.heads), len(chosen.detail)
    told = "all of them" if detail == heads else f"{detail} of them"
    return f"{chosen.name}: {steps} of {len(chosen.run.steps)} steps, {heads} heads, {told} in detail"
