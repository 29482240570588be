"""`tb-attnviz snapshot`: record a pretrained model, or the checkpoints of a training that is over, without training.

tb-attnviz snapshot --model bert-base-uncased --texts sentences.txt --logdir runs/bert
tb-attnviz snapshot --checkpoints out/checkpoint-* --texts sentences.txt --logdir runs/finetuning
tb-attnviz snapshot --model EleutherAI/pythia-70m --revisions step1,step512,step1000 --texts … --logdir …
"""

import argparse
import dataclasses
import glob
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tb_attnviz.ahead.plan import positive
from tb_attnviz.terminal import show
from tb_attnviz.text_file import read_texts

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class SnapshotError(Exception):
    """Nothing can be recorded; the message says why, and what to do."""


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a model is loaded from, and the step that it is recorded as."""

    name: str  # a directory, or a name on the hub
    step: int
    revision: str | None = None

    def __str__(self) -> str:
        return repr(self.name) if self.revision is None else f"{self.name!r} at {self.revision!r}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command understands, and what runs it."""
    parser.add_argument("--model", metavar="NAME", help="a directory, or a name on the Hugging Face hub")
    parser.add_argument(
        "--checkpoints",
        nargs="+",
        metavar="DIR",
        help="directories of checkpoints, or patterns of them, which make one run; steps are read from the Trainer's "
        "state in them or else are the last number of their names",
    )
    parser.add_argument(
        "--revisions", metavar="NAMES", help="with --model: revisions of it, step1000,step2000,… which make one run"
    )
    parser.add_argument("--tokenizer", metavar="NAME", help="where it is not beside the (first) model")
    parser.add_argument("--texts", required=True, type=Path, metavar="FILE", help="the probe: one text a line, UTF-8")
    parser.add_argument("--logdir", required=True, metavar="DIR", help="the run's directory, for tensorboard --logdir")
    parser.add_argument("--max-length", type=positive, default=64, metavar="N", help="tokens of a text (default 64)")
    parser.add_argument("--max-tokens", type=positive, metavar="N", help="tokens of all texts: later ones are left out")
    parser.add_argument("--step", type=int, default=0, metavar="N", help="record one model as this step (default 0)")
    parser.set_defaults(command=snapshot)


def snapshot(arguments: argparse.Namespace) -> None:
    """Run the command. Raises SnapshotError."""
    sources = find_sources(arguments.model, arguments.checkpoints, arguments.revisions, step=arguments.step)
    try:
        texts = read_texts(arguments.texts)
    except ValueError as error:
        raise SnapshotError(str(error)) from error
    try:
        import transformers

        from tb_attnviz.callbacks import AttentionRecorder, NoAttentionError, Probe
    except ImportError as error:
        raise SnapshotError(
            f"a snapshot needs torch and transformers ({error}): pip install 'tb-attnviz[transformers]'"
        ) from error
    model = _encoder(_load(transformers.AutoModel, sources[0]), sources[0])
    tokenizer = _load(transformers.AutoTokenizer, Source(arguments.tokenizer, 0) if arguments.tokenizer else sources[0])
    kept = _within(texts, tokenizer, arguments.max_length, arguments.max_tokens)
    source = sources[0]
    try:
        probe = Probe.from_texts(kept, tokenizer, max_length=arguments.max_length)
        with AttentionRecorder(model, probe, arguments.logdir, on_error="raise", resume=True) as recorder:
            for source in sources:
                if source is not sources[0]:
                    _become(model, _encoder(_load(transformers.AutoModel, source), source), source)
                recorder.record(source.step)
    except (NoAttentionError, OSError, ValueError, TypeError, RuntimeError) as error:
        raise SnapshotError(f"{source} could not be recorded: {_first_line(error)}") from error
    left_out = f" ({len(texts) - len(kept)} left out)" if len(kept) < len(texts) else ""
    steps = f"{len(sources)} checkpoints, steps {sources[0].step:,} to {sources[-1].step:,}: " if sources[1:] else ""
    show(
        f"{steps}recorded {len(recorder.layers)} layers, {sum(layer.heads for layer in recorder.layers)} heads on "
        f"{len(kept)} texts{left_out}, {probe.record.tokens:,} tokens: "
        f"{recorder.bytes_per_checkpoint / 1e6:,.1f} MB{' each' if sources[1:] else ''}\n"
        f"tensorboard --logdir {arguments.logdir}"
    )


def find_sources(
    model: str | None, checkpoints: Sequence[str] | None, revisions: str | None, *, step: int
) -> list[Source]:
    """What is to be recorded, in the order of the steps. Raises SnapshotError."""
    if (model is None) == (checkpoints is None):
        raise SnapshotError("give either --model, a directory or a hub name, or --checkpoints, several directories")
    if checkpoints is not None:
        if revisions is not None:
            raise SnapshotError("--revisions are of a --model; --checkpoints are directories")
        return _in_order([Source(path, _step_of(path)) for path in _directories(checkpoints)])
    assert model is not None
    if revisions is None:
        return [Source(model, step)]
    names = [name.strip() for name in revisions.split(",") if name.strip()]
    if not names:
        raise SnapshotError(f"--revisions {revisions!r} names none: give some, as step1000,step2000")
    return _in_order([Source(model, _last_number(name), name) for name in names])


def _directories(patterns: Sequence[str]) -> list[str]:
    found: list[str] = []
    for pattern in patterns:
        paths = [pattern] if os.path.isdir(pattern) else sorted(filter(os.path.isdir, glob.glob(pattern)))
        if not paths:
            raise SnapshotError(f"no directory matches --checkpoints {pattern!r}")
        found += [path for path in paths if path not in found]
    return found


def _in_order(sources: list[Source]) -> list[Source]:
    """Raises SnapshotError where two are of one step."""
    by_step: dict[int, Source] = {}
    for source in sources:
        other = by_step.setdefault(source.step, source)
        if other is not source:
            raise SnapshotError(f"{other} and {source} are both of step {source.step}: give one of them")
    return [by_step[step] for step in sorted(by_step)]


def _step_of(directory: str) -> int:
    """As the Trainer says in its state, else the last number of the directory's name."""
    try:
        return int(json.loads(Path(directory, "trainer_state.json").read_text())["global_step"])
    except (OSError, ValueError, KeyError, TypeError):
        return _last_number(os.path.basename(os.path.normpath(directory)))


def _last_number(name: str) -> int:
    numbers = re.findall(r"\d+", name)
    if not numbers:
        raise SnapshotError(
            f"no step can be read from {name!r}: its name has no number, and there is no Trainer's state"
        )
    return int(numbers[-1])


def _load(kind: Any, source: Source) -> Any:
    try:
        return kind.from_pretrained(source.name, **({} if source.revision is None else {"revision": source.revision}))
    except Exception as error:  # the hub, files and configurations fail in many ways
        raise SnapshotError(
            f"no {'tokenizer' if 'Tokenizer' in kind.__name__ else 'model'} could be loaded from {source}: "
            f"{_first_line(error)} (give a directory with config.json, weights and tokenizer, or the name of a model "
            "on the hub; --tokenizer where it lies elsewhere)"
        ) from error


def _encoder(model: "PreTrainedModel", source: Source) -> "PreTrainedModel":
    if not model.config.is_encoder_decoder:
        return model
    show(f"{source} is an encoder with a decoder: its encoder is recorded")
    encoder: PreTrainedModel = model.get_encoder()
    return encoder


def _become(model: "PreTrainedModel", other: "PreTrainedModel", source: Source) -> None:
    """Give `model` the weights of `other`, so that both are one model at two steps."""
    try:
        model.load_state_dict(other.state_dict())
    except RuntimeError as error:
        raise SnapshotError(
            f"{source} is no checkpoint of the same model as the first: {_first_line(error)}"
        ) from error


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
        raise SnapshotError(f"the first text alone has {tokens} tokens, more than --max-tokens {max_tokens}")
    return kept


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
