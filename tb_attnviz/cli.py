"""The command `tb-attnviz`: record a model without training it, list what was recorded, make its pictures ahead,
write a page of it."""

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tb_attnviz import __version__
from tb_attnviz.ahead import command as project
from tb_attnviz.ahead.cluster import ClusterError
from tb_attnviz.ahead.plan import PlanError
from tb_attnviz.export import command as export
from tb_attnviz.export.document import ExportError
from tb_attnviz.log_directory import runs_below
from tb_attnviz.projection.projection import ProjectionError
from tb_attnviz.run import Run
from tb_attnviz.terminal import plain, show

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class CommandError(Exception):
    """What the user asked for cannot be done; the message says why, and what to do."""


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
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # or Python writes again at its end, and complains
        return 141
    except (CommandError, PlanError, ProjectionError, ClusterError, ExportError) as error:
        show(f"tb-attnviz: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tb-attnviz", description="Attention of transformers, for TensorBoard.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    snapshot = commands.add_parser("snapshot", help="record a pretrained model once, without training it")
    snapshot.add_argument("--model", required=True, help="a directory, or a name on the Hugging Face hub")
    snapshot.add_argument("--texts", required=True, type=Path, metavar="FILE", help="the probe: one text a line, UTF-8")
    snapshot.add_argument(
        "--logdir", required=True, metavar="DIR", help="the run's directory, for tensorboard --logdir"
    )
    snapshot.add_argument("--max-length", type=_positive, default=64, metavar="N", help="tokens of a text (default 64)")
    snapshot.add_argument(
        "--max-tokens", type=_positive, metavar="N", help="tokens of all texts: later ones are left out"
    )
    snapshot.add_argument("--step", type=int, default=0, metavar="N", help="record as this step (default 0)")
    snapshot.set_defaults(command=_snapshot)

    inspect = commands.add_parser("inspect", help="list the recorded runs below a directory")
    inspect.add_argument("directory", metavar="DIR")
    inspect.add_argument("--json", action="store_true", help="as JSON")
    inspect.set_defaults(command=_inspect)

    project.add_arguments(
        commands.add_parser("project", help="make the pictures of recorded runs before TensorBoard asks for them")
    )
    export.add_arguments(commands.add_parser("export", help="write one page that shows a run without a server"))
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not at least 1")
    return value


def _snapshot(arguments: argparse.Namespace) -> None:
    texts = _read_texts(arguments.texts)
    try:
        import transformers

        from tb_attnviz.callbacks import AttentionRecorder, NoAttentionError, Probe
    except ImportError as error:
        raise CommandError(
            f"a snapshot needs torch and transformers ({error}): pip install 'tb-attnviz[transformers]'"
        ) from error
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(arguments.model)
        model = transformers.AutoModel.from_pretrained(arguments.model)
    except Exception as error:  # the hub, files and configurations fail in many ways
        raise CommandError(
            f"no model could be loaded from {arguments.model!r}: {_first_line(error)} "
            "(give a directory with config.json, weights and tokenizer, or the name of a model on the hub)"
        ) from error
    if model.config.is_encoder_decoder:
        show(f"{arguments.model} is an encoder with a decoder: its encoder is recorded")
        model = model.get_encoder()
    kept = _within(texts, tokenizer, arguments.max_length, arguments.max_tokens)
    try:
        probe = Probe.from_texts(kept, tokenizer, max_length=arguments.max_length)
        with AttentionRecorder(model, probe, arguments.logdir, on_error="raise") as recorder:
            recorder.record(arguments.step)
    except (NoAttentionError, OSError, ValueError, TypeError, RuntimeError) as error:
        raise CommandError(f"{arguments.model} could not be recorded: {_first_line(error)}") from error
    left_out = f" ({len(texts) - len(kept)} left out)" if len(kept) < len(texts) else ""
    show(
        f"recorded {len(recorder.layers)} layers, {sum(layer.heads for layer in recorder.layers)} heads on "
        f"{len(kept)} texts{left_out}, {probe.record.tokens:,} tokens: {_megabytes(recorder.bytes_per_checkpoint)}",
        f"tensorboard --logdir {arguments.logdir}",
    )


def _read_texts(path: Path) -> list[str]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise CommandError(
            f"the texts cannot be read from {str(path)!r} ({reason}): give a text file, one a line"
        ) from error
    texts = [line.strip() for line in lines if line.strip()]
    if not texts:
        raise CommandError(f"{str(path)!r} holds no text: give one text a line")
    return texts


def _within(
    texts: list[str], tokenizer: "PreTrainedTokenizerBase", max_length: int, max_tokens: int | None
) -> list[str]:
    """The first of `texts` that have at most `max_tokens` tokens together."""
    if max_tokens is None:
        return texts
    tokens, kept = 0, []
    for text in texts:
        tokens += len(tokenizer(text, truncation=True, max_length=max_length)["input_ids"])
        if tokens > max_tokens:
            break
        kept.append(text)
    if not kept:
        raise CommandError(f"the first text alone has {tokens} tokens, more than --max-tokens {max_tokens}")
    return kept


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _inspect(arguments: argparse.Namespace) -> None:
    if not os.path.isdir(arguments.directory):
        raise CommandError(f"{arguments.directory!r} is no directory")
    found = list(_runs(arguments.directory))
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
    samples = Path(run.directory, "plugins", "attnviz")
    events = [path for path in Path(run.directory).iterdir() if "tfevents" in path.name]
    probe = run.records.probe
    return {
        "run": name,
        "steps": run.steps,
        "bytes": {
            "samples": sum(path.stat().st_size for path in samples.iterdir()) if samples.is_dir() else 0,
            "events": sum(path.stat().st_size for path in events),
        },
        "sequences": len(probe.sequences) if probe else 0,
        "tokens": probe.tokens if probe else 0,
        "layers": [dataclasses.asdict(layer) for layer in run.layers],
        "figures": run.records.newest.figures,
        "alerts": [alert.sentence for alert in run.alerts if alert.raised],
        "damaged": run.damaged,
    }


def _readable(run: dict[str, Any]) -> list[str]:
    """In lines."""
    if "error" in run:
        return [run["run"], f"  cannot be read: {run['error']}"]
    steps, layers, size = run["steps"], run["layers"], run["bytes"]
    rows = {
        "steps": f"{len(steps)}, from {steps[0]:,} to {steps[-1]:,}" if steps else "none yet",
        "on disk": f"{_megabytes(size['samples'])} of samples, {_megabytes(size['events'])} of events",
        "probe": f"{run['sequences']} sequences, {run['tokens']:,} tokens",
        "figures": ", ".join(run["figures"]) or "none",
    }
    alerts = [f"  {'' if index else 'alerts':<8}{alert}" for index, alert in enumerate(run["alerts"] or ["none"])]
    damaged = [f"  {'' if index else 'damaged':<8}{sentence}" for index, sentence in enumerate(run["damaged"])]
    counted = f"  {'layers':<8}{len(layers)}, {sum(layer['heads'] for layer in layers)} heads"
    names = [plain(layer["name"]) for layer in layers]
    width = max(map(len, names), default=0)
    table = [
        f"  {index:>6}  {names[index]:<{width}}  {layer['heads']} heads of {layer['head_dim']}"
        + (f", {layer['kv_heads']} of keys" if layer["kv_heads"] != layer["heads"] else "")
        + (", causal" if layer["causal"] else "")
        for index, layer in enumerate(layers)
    ]
    return [run["run"], *(f"  {name:<8}{text}" for name, text in rows.items()), *alerts, *damaged, counted, *table]


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


if __name__ == "__main__":
    sys.exit(main())
