"""The command `tb-attnviz project`: its arguments, and what it says."""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import get_args

from tb_attnviz.ahead.chain import Chain, Outcome
from tb_attnviz.ahead.cluster import connect, on_cluster
from tb_attnviz.ahead.local import in_process, in_workers
from tb_attnviz.ahead.plan import Numbers, PlanError, add_workers, asked_steps, chains, on_disk
from tb_attnviz.ahead.progress import Progress
from tb_attnviz.extras import check_projections
from tb_attnviz.log_directory import runs_below
from tb_attnviz.projection.frame import spread
from tb_attnviz.projection.projection import METHODS, METRICS, NORMALISATIONS, Method, Projection
from tb_attnviz.projection.store import DIRECTORY_VARIABLE, LIMIT_VARIABLE, DiskStore
from tb_attnviz.run import Run
from tb_attnviz.run.drawing import check_samples
from tb_attnviz.terminal import show

_MOST_TOLD = 5  # sentences with an error
_STOPPED = 130  # the exit code of a command that Ctrl-C ended


def add_arguments(parser: argparse.ArgumentParser) -> None:
    default = Projection()
    parser.add_argument("directory", metavar="DIR", help="a log directory, or one run's")
    parser.add_argument("--run", nargs="+", metavar="NAME", help="these runs only, named as `inspect` does")
    parser.add_argument(
        "--projections", type=_methods, default=METHODS, metavar="LIST", help=f"of {','.join(METHODS)} (default all)"
    )
    parser.add_argument("--dims", type=_dims, default=(2,), metavar="LIST", help="2, 3 or 2,3 (default 2)")
    parser.add_argument("--normalise", choices=NORMALISATIONS, default=default.normalise)
    parser.add_argument(
        "--attention",
        type=float,
        default=default.attention,
        metavar="X",
        help="of attention: how much it counts, from 0, neighbours alone, to 0.99 (default %(default)s)",
    )
    parser.add_argument(
        "--perplexity", type=float, default=default.perplexity, metavar="X", help="of t-SNE and attention"
    )
    parser.add_argument("--neighbours", type=int, default=default.neighbours, metavar="N", help="of UMAP")
    parser.add_argument("--min-dist", type=float, default=default.min_dist, metavar="X", help="of UMAP")
    parser.add_argument("--metric", choices=METRICS, default=default.metric, help="of all three")
    parser.add_argument("--seed", type=int, default=default.seed, metavar="N", help="of t-SNE and UMAP")
    choice = "all, A:B or a list like 0,100"
    parser.add_argument("--steps", type=Numbers, default=Numbers("all"), help=f"newest, {choice} (default all)")
    parser.add_argument(
        "--layers", type=Numbers, default=Numbers("all"), help=f"{choice}, numbered by the model (default all)"
    )
    where = parser.add_mutually_exclusive_group()
    add_workers(where)
    where.add_argument("--dask", metavar="ADDRESS", help="a Dask scheduler whose workers see DIR under the same path")
    parser.set_defaults(command=project)


def project(arguments: argparse.Namespace) -> int:
    """Make all pictures that are wanted and not there yet; 0 if all of them are there now.

    Raises PlanError, ProjectionError, ClusterError or MissingExtraError where it cannot begin.
    """
    projections = [
        Projection(
            method=method,
            dims=dims,
            normalise=arguments.normalise,
            attention=arguments.attention,
            perplexity=arguments.perplexity,
            neighbours=arguments.neighbours,
            min_dist=arguments.min_dist,
            metric=arguments.metric,
            seed=arguments.seed,
        )
        for method in arguments.projections
        for dims in arguments.dims
    ]
    if arguments.dask is None and not all(projection.linear for projection in projections):
        check_projections("all but --projections biplot,pca")
    found, unreadable = _runs(arguments.directory, arguments.run)
    code = _make(arguments, found, projections) if found else 0
    show(*unreadable, file=sys.stderr)
    return code or int(bool(unreadable))


def _make(arguments: argparse.Namespace, found: dict[str, Run], projections: Sequence[Projection]) -> int:
    """Make the pictures of the runs `found`: the exit code."""
    wanted = _wanted(arguments, found, projections)
    store = _store_for(wanted, found)
    missing = [chain.missing(store) for chain in wanted]
    left_out = _left_out(missing, found)
    if left_out:  # frames are then fitted to other steps
        wanted = _wanted(arguments, found, projections)
        missing = [chain.missing(store) for chain in wanted]
    sentences = [f"{name}: {sentence}" for name, run in found.items() for sentence in run.damaged]
    if not wanted:
        raise PlanError(f"none of the steps that are asked for can be read: {'; '.join(sentences[:_MOST_TOLD])}")
    total, left = (sum(len(chain.steps) for chain in some) for some in (wanted, missing))
    there = f", {total - left:,} of them are there" if left < total else ""
    show(f"{total:,} pictures of {_runs_in_words(found)}{there}")
    with contextlib.ExitStack() as stack:
        outcomes = _outcomes(arguments, [chain for chain in missing if chain.steps], store, stack)
        code = _follow(outcomes, left)
    show(*sentences, file=sys.stderr)
    lost = any(set(run.missing_steps).intersection(asked_steps(run, arguments.steps)) for run in found.values())
    return code or int(left_out or lost)


def _wanted(arguments: argparse.Namespace, found: dict[str, Run], projections: Sequence[Projection]) -> list[Chain]:
    return [
        chain
        for name, run in found.items()
        for chain in chains(name, run, projections, arguments.steps, arguments.layers)
    ]


def _left_out(missing: Sequence[Chain], found: dict[str, Run]) -> bool:
    """Whether some of the samples that the missing pictures need cannot be read: the runs do without from then on."""
    needed: dict[tuple[str, int], set[int]] = {}
    for chain in missing:
        if chain.steps:
            needed.setdefault((chain.run, chain.layer), set()).update(chain.steps, spread(chain.view.steps))
    unreadable = [check_samples(found[name], steps, [layer]) for (name, layer), steps in needed.items()]
    return any(unreadable)


def _follow(outcomes: Iterator[Outcome], left: int) -> int:
    """Tell how far `outcomes` have come, and at the end which pictures could not be made: the exit code."""
    failures: list[str] = []
    done = 0
    progress = Progress(left, sys.stderr)
    try:
        for outcome in outcomes:
            if outcome.error is None:
                done += 1
                progress.add()
            else:
                failures.append(f"{outcome.chain.name}, step {outcome.step}: {outcome.error}")
    except KeyboardInterrupt:
        progress.close()
        show(f"stopped: {left - done:,} pictures are left; the same command goes on from here", file=sys.stderr)
        return _STOPPED
    progress.close()
    show(f"{done:,} pictures made; TensorBoard shows them at once")
    if failures:
        show(f"{left - done:,} could not be made:", *(f"  {failure}" for failure in failures), file=sys.stderr)
    return 1 if failures else 0


def _outcomes(
    arguments: argparse.Namespace, missing: Sequence[Chain], store: DiskStore, stack: contextlib.ExitStack
) -> Iterator[Outcome]:
    """Where the work is done, as the user said. The stack ends it."""
    if not missing:
        return iter(())
    if arguments.dask is not None:
        client = stack.enter_context(connect(arguments.dask))
        return stack.enter_context(contextlib.closing(on_cluster(missing, store, client)))  # type: ignore[type-var]
    if arguments.workers == 1:
        return in_process(missing, store)
    return stack.enter_context(contextlib.closing(in_workers(missing, store, arguments.workers)))  # type: ignore[type-var]


def _store_for(wanted: Sequence[Chain], runs: dict[str, Run]) -> DiskStore:
    """The plugin's own. Raises PlanError if it cannot keep what is wanted."""
    store = DiskStore()
    store.put("writable", b"")
    if store.get("writable") is None:
        raise PlanError(
            f"nothing can be written to {str(store.directory)!r}: set {DIRECTORY_VARIABLE} to another place"
        )
    size = sum(_bytes(chain, runs[chain.run]) for chain in wanted)
    if size > store.limit_bytes:
        raise PlanError(
            f"these pictures take {size / 1e9:,.1f} GB and the cache keeps {store.limit_bytes / 1e9:,.1f} GB, for the "
            f"command and for TensorBoard: set {LIMIT_VARIABLE} to more bytes for both, or choose fewer --steps"
        )
    return store


def _bytes(chain: Chain, run: Run) -> int:
    """Of all pictures of `chain`: its queries and keys in float32."""
    heads = run.layers[chain.layer].heads if chain.view.head is None else 1
    lengths = run.layers[chain.layer].lengths(run.probe)
    points = sum(lengths.queries) + sum(lengths.keys)
    return len(chain.steps) * heads * points * chain.view.projection.dims * 4


def _runs(directory: str, names: Sequence[str] | None) -> tuple[dict[str, Run], list[str]]:
    """The runs with recorded steps, and a sentence for each that cannot be read. Raises PlanError if there is none."""
    directory = on_disk(directory)
    found: dict[str, Run] = {}
    unreadable: dict[str, str] = {}
    for name, run in runs_below(os.path.abspath(directory)):
        if not isinstance(run, Run):
            unreadable[name] = f"{name} cannot be read: {run}"
        elif run.steps or run.missing_steps:
            found[name] = run
    for name in names or ():
        if name not in found and name not in unreadable:
            raise PlanError(f"no run {name!r} with recorded steps below {directory!r}: {', '.join(found) or 'none is'}")
    if not found and not unreadable:
        raise PlanError(f"no attention was recorded below {directory!r}: give a log directory")
    chosen = found.keys() | unreadable.keys() if names is None else set(names)
    return (
        {name: run for name, run in found.items() if name in chosen},
        [text for name, text in unreadable.items() if name in chosen],
    )


def _runs_in_words(runs: dict[str, Run]) -> str:
    return f"the run {next(iter(runs))}" if len(runs) == 1 else f"{len(runs)} runs"


def _methods(text: str) -> tuple[Method, ...]:
    named = text.split(",")
    for name in named:
        if name not in METHODS:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(METHODS)}")
    return tuple(method for method in get_args(Method) if method in named)


def _dims(text: str) -> tuple[int, ...]:
    if text not in ("2", "3", "2,3", "3,2"):
        raise argparse.ArgumentTypeError(f"{text!r} is none of 2, 3 and 2,3")
    return tuple(sorted(int(part) for part in text.split(",")))
