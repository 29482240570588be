"""The command `tb-attnviz`: record a model without training it, list what was recorded, make its pictures ahead,
write a page of it."""

import argparse
import contextlib
import dataclasses
import json
import os
import select
import sys
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from tb_attnviz import __version__, snapshot
from tb_attnviz.ahead import command as project
from tb_attnviz.ahead.cluster import ClusterError
from tb_attnviz.ahead.plan import PlanError
from tb_attnviz.alone import command as alone
from tb_attnviz.events import FormatError, files
from tb_attnviz.events.own_files import samples_directory
from tb_attnviz.export import command as export
from tb_attnviz.export.document import ExportError
from tb_attnviz.extras import MissingExtraError
from tb_attnviz.log_directory import runs_below
from tb_attnviz.projection.projection import ProjectionError
from tb_attnviz.projection.source import UnreadableStepError
from tb_attnviz.run import NotRecordedError, Run
from tb_attnviz.terminal import plain, show
from tb_attnviz.units import megabytes


class CommandError(Exception):
    """What the user asked for cannot be done; the message says why, and what to do."""


_REFUSALS = (
    CommandError,
    snapshot.SnapshotError,
    PlanError,
    ProjectionError,
    ClusterError,
    ExportError,
    MissingExtraError,
    alone.ShowError,
    NotRecordedError,
    FormatError,
)


_CALM = "none; which heads are dead, collapsed or duplicates is found when the tab or a notebook names them"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code.

    0: it did what it was asked for; 1: it could not; 2: the arguments are wrong (argparse); 130: stopped by Ctrl-C;
    141: nobody reads what it writes any more (`| head`).
    """
    parsed = _parser().parse_args(arguments)
    try:
        code = int(parsed.command(parsed) or 0)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 130
    except _REFUSALS as error:
        show(f"tb-attnviz: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        closed = [stream for stream in (sys.stdout, sys.stderr) if _nobody_reads(stream)]
        for stream in closed:  # or Python writes again at its end, and complains
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if closed:
            return 141
        show(f"tb-attnviz: {type(error).__name__}: {error}", file=sys.stderr)
        return 1


def _nobody_reads(stream: TextIO) -> bool:
    """Whether the pipe that it writes to is closed: only then a command ends without a word."""
    with contextlib.suppress(OSError, AttributeError):  # it is no file; Windows has no poll
        pipe = select.poll()
        pipe.register(stream.fileno(), select.POLLOUT)
        return any(event & select.POLLERR for _, event in pipe.poll(0))
    return False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tb-attnviz", description="Attention of transformers, for TensorBoard.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    snapshot.add_arguments(
        commands.add_parser("snapshot", help="record a pretrained model, or the checkpoints of a training that is over")
    )
    inspect = commands.add_parser("inspect", help="list the recorded runs below a directory")
    inspect.add_argument("directory", metavar="DIR")
    inspect.add_argument("--json", action="store_true", help="as JSON")
    inspect.set_defaults(command=_inspect)

    project.add_arguments(
        commands.add_parser("project", help="make the pictures of recorded runs before TensorBoard asks for them")
    )
    alone.add_arguments(commands.add_parser("show", help="show the tab of recorded runs, without TensorBoard"))
    export.add_arguments(commands.add_parser("export", help="write one page that shows a run without a server"))
    return parser


def _inspect(arguments: argparse.Namespace) -> None:
    directory = files.expanded(arguments.directory)
    if not files.is_remote(directory) and not os.path.isdir(directory):
        raise CommandError(f"{arguments.directory!r} is no directory")
    try:
        found = list(_runs(directory))
    except (OSError, ModuleNotFoundError) as error:
        raise CommandError(f"{arguments.directory!r} cannot be read: {error}") from error
    if not found:
        raise CommandError(f"no attention was recorded below {arguments.directory!r}: give a log directory")
    if arguments.json:
        print(json.dumps({"runs": found}, indent=2))  # its letters are ASCII, control codes escaped
        return
    for index, run in enumerate(found):
        show(*([""] if index else []), *_readable(run))


def _runs(root: str) -> Iterator[dict[str, Any]]:
    """What is known of every run in `root` and below, in the order of their names."""
    for name, run in runs_below(root):
        yield _describe(name, run) if isinstance(run, Run) else {"run": name, "error": str(run)}


def _describe(name: str, run: Run) -> dict[str, Any]:
    events = [size for name, size in files.list_sizes(run.directory).items() if "tfevents" in name]
    samples = files.list_sizes(samples_directory(run.directory))
    _leave_out_what_is_cut_off(run, samples)
    probe = run.records.probe
    return {
        "run": name,
        "steps": run.steps,
        "bytes": {"samples": sum(samples.values()), "events": sum(events)},
        "sequences": len(probe.sequences) if probe else 0,
        "tokens": probe.tokens if probe else 0,
        "layers": [dataclasses.asdict(layer) for layer in run.layers],
        "figures": run.records.newest.figures,
        "alerts": [alert.sentence for alert in run.alerts if alert.raised],
        "damaged": run.damaged,
    }


def _leave_out_what_is_cut_off(run: Run, sizes: dict[str, int]) -> None:
    """Of samples that are still being copied, say: nothing is read for it."""
    for step, checkpoint in run.records.checkpoints.items():
        size = sizes.get(checkpoint.file, 0)
        for location in checkpoint.locations if checkpoint.file in sizes else ():
            if location.offset + location.length > size:
                where, why = (checkpoint.file, location.offset), f"its samples are cut off at byte {size:,}"
                run.leave_out(UnreadableStepError(run.directory, step, where, why))


def _readable(run: dict[str, Any]) -> list[str]:
    """In lines."""
    if "error" in run:
        return [run["run"], f"  cannot be read: {run['error']}"]
    steps, layers, size = run["steps"], run["layers"], run["bytes"]
    rows = {
        "steps": f"{len(steps)}, from {steps[0]:,} to {steps[-1]:,}" if steps else "none yet",
        "on disk": f"{megabytes(size['samples'])} of samples, {megabytes(size['events'])} of events",
        "probe": f"{run['sequences']} sequences, {run['tokens']:,} tokens",
        "figures": ", ".join(run["figures"]) or "none",
    }
    alerts = [f"  {'' if index else 'alerts':<8}{alert}" for index, alert in enumerate(run["alerts"] or [_CALM])]
    damaged = [f"  {'' if index else 'damaged':<8}{sentence}" for index, sentence in enumerate(run["damaged"])]
    counted = f"  {'layers':<8}{len(layers)}, {sum(layer['heads'] for layer in layers)} heads"
    names = [plain(layer["name"]) for layer in layers]
    numbers = [index if layer["number"] is None else layer["number"] for index, layer in enumerate(layers)]
    width = max(map(len, names), default=0)
    table = [
        f"  {numbers[index]:>6}  {names[index]:<{width}}  {layer['heads']} heads of {layer['head_dim']}"
        + (f", {layer['kv_heads']} of keys" if layer["kv_heads"] != layer["heads"] else "")
        + (", causal" if layer["causal"] else "")
        for index, layer in enumerate(layers)
    ]
    return [run["run"], *(f"  {name:<8}{text}" for name, text in rows.items()), *alerts, *damaged, counted, *table]


if __name__ == "__main__":
    sys.exit(main())
