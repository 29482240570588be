"""python -m tests.zoo [words]: records models of other packages, and writes their table into docs/models.md.

Exits with 1 if a recording differs from what the model attends with, if fewer layers of a model are recorded than the
page says (its row is struck out by hand where that is meant), or if a model could not be tried.
"""

import re
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, NoAttentionError, Probe
from tests.zoo.animals import ANIMALS
from tests.zoo.making import Animal
from tests.zoo.true_attention import Seen, true_attention

PAGE = Path(__file__).parents[2] / "docs" / "models.md"
TOLERANCE = 1e-3
QUERIES_AND_KEYS = re.compile(r"(^|[._])(to_)?(q|k|qk|kv|qkv|query|key|attn|in_proj)(_proj|_weight|_lin)?[._]")
START = "\n## Models of other packages\n"
HEADER = """
Each with random weights and a small configuration, recorded on two sequences or images, and compared with attention
that is captured without the recorder: softmax(q kᵀ · scale + mask) computed from the arguments of
scaled_dot_product_attention, and the results of softmax. "Layers" are those recorded, of the attentions that the pass
computes. Of attention in windows the error is that within each window. Made by `make zoo`, with the versions of
`tests/zoo/requirements.txt`.

| package | model | layers | largest error | what is refused, and why |
|---|---|---|---|---|
"""


def main(words: list[str]) -> int:
    torch.set_num_threads(1)
    rows, failures = [], 0
    before = counts_of(PAGE.read_text().partition(START)[2])
    for animal in ANIMALS:
        if words and not any(word in f"{animal.package} {animal.name}" for word in words):
            continue
        start = time.perf_counter()
        try:
            row, error = tried(animal)
        except Exception as problem:
            traceback.print_exc()
            row, error = f"could not be tried: {type(problem).__name__}: {problem}", np.inf
        name = f"{animal.package} | {animal.name}"
        now, usual = counts_of(f"| {name} | {row} |").get(name, 0), before.get(name, 0)
        if now < usual:
            print(f"{name}: {now} layers are recorded; {usual} were when the page was written")
        failures += error > TOLERANCE or now < usual
        rows.append(f"| {animal.package} | {animal.name} | {row} |")
        print(f"{time.perf_counter() - start:5.1f} s {rows[-1]}", flush=True)
    if not words and not failures:
        page = PAGE.read_text().partition(START)[0]
        PAGE.write_text(page + START + HEADER + "\n".join(rows) + "\n")
    print(f"{len(rows) - failures} passed, {failures} failed")
    return int(failures > 0)


def counts_of(table: str) -> dict[str, int]:
    """How many layers of each model are recorded, by package and name, as rows of the page say."""
    rows = re.findall(r"^\| ([^|]+ \| [^|]+) \| (\d+) of \d+ \|", table, flags=re.MULTILINE)
    return {name: int(count) for name, count in rows}


def tried(animal: Animal) -> tuple[str, float]:
    """The row of a model behind its name, and the largest error."""
    torch.manual_seed(0)
    model, inputs, options = animal.make()
    model.eval()
    varied(model, options.pop("factor", 3))
    if options.pop("settle", False):
        settle(model, inputs)
    order = options.pop("order", None)  # of tokens that the model has in another one
    behind = options.pop("behind", 0)  # tokens of no patch that stand behind the patches: they are recorded before them
    with torch.no_grad(), true_attention(model) as seen:
        shown(model, inputs, options.get("forward"))
    sequences = len(next(x for x in inputs.values() if isinstance(x, Tensor)))
    sizes = Counter(one.weights.shape[-2] for one in seen if one.weights.shape[-2] == one.weights.shape[-1])
    widths = [x.shape[1] for x in inputs.values() if x.dim() == 2]
    tokens = options.pop("tokens", None) or (sizes.most_common(1)[0][0] if sizes else [*widths, 1][0])
    probe = Probe(as_given(inputs), [[str(i) for i in range(tokens)]] * sequences)
    with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with AttentionRecorder(model, probe, directory, on_error="raise", **options) as recorder:
                recorder.record(0)
        except NoAttentionError as error:
            return f"0 of {len(seen)} |  | {summary(str(error))}", 0.0
        told = [str(w.message) for w in caught if "not recorded: " in str(w.message)]
        run = tb_attnviz.open_run(directory)
        error, spread = 0.0, 0.0
        for index, layer in enumerate(run.layers):
            want = true_weights(layer.name, seen, sequences, layer.heads, run, index)
            for sequence in range(sequences):
                for head in range(layer.heads):
                    found = run.attention(0, index, head, sequence)
                    own = want(sequence, head)
                    if order and run.samples(0, index).windows is None:
                        own = own[order] if own.shape[0] == len(order) else own
                        own = own[:, order] if own.shape[1] == len(order) else own
                    if behind and layer.query_grid is not None:
                        own = np.roll(own, behind, axis=(0, 1))
                    error = max(error, float(np.abs(found - own).max()))
                    spread = max(
                        spread, float(np.abs(own - (own > 0) / np.maximum((own > 0).sum(-1, keepdims=True), 1)).max())
                    )
        if spread < 10 * TOLERANCE:
            raise ValueError(f"attention is nearly uniform ({spread:.0e}): it proves nothing")
        why = summary(told[0].partition("not recorded: ")[2]) if told else ""
        return f"{len(run.layers)} of {len(seen)} | {error:.0e} | {why}", error


def varied(model: nn.Module, factor: float) -> None:
    """Random weights as they are made give attention that is nearly uniform, biases and tables of zeros hide faults."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1 and QUERIES_AND_KEYS.search(name):
                parameter.mul_(factor)
            elif not parameter.any():
                parameter.add_(torch.randn_like(parameter) * 0.2)


def settle(model: nn.Module, inputs: dict[str, Any]) -> None:
    """Let batch norms take their statistics: without them features grow from layer to layer, and logits with them."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = 1.0
    model.train()
    with torch.no_grad():
        shown(model, inputs, None)
    model.eval()


def as_given(inputs: dict[str, Any]) -> Any:
    return tuple(inputs.values()) if all(name.startswith("_") for name in inputs) else inputs


def shown(model: nn.Module, inputs: dict[str, Any], forward: Any) -> None:
    given = as_given(inputs)
    args, kwargs = (given, {}) if isinstance(given, tuple) else ((), given)
    (forward or nn.Module.__call__)(model, *args, **kwargs)


def true_weights(name: str, seen: list[Seen], sequences: int, heads: int, run: Any, index: int) -> Any:
    """A function from (sequence, head) to what the model attended with there."""
    base, _, number = name.partition("#")
    of_module = [one.weights for one in seen if one.module == base]
    weights = of_module[int(number or 0)]
    windows = run.samples(0, index).windows
    n_query, n_key = weights.shape[-2:]
    if windows is None:
        found = weights.reshape(sequences, heads, n_query, n_key)
        return lambda sequence, head: found[sequence, head].double().numpy()
    if weights.dim() == 5 and weights.shape[1] == heads:
        weights = weights.transpose(1, 2)
    of_windows = weights.reshape(sequences, len(windows), heads, n_query, n_key)

    def placed(sequence: int, head: int) -> Any:
        whole = np.zeros((windows.size, windows.size))
        for window, places in enumerate(windows):
            whole[np.ix_(places, places)] = of_windows[sequence, window, head].double().numpy()
        return whole

    return placed


def summary(told: str) -> str:
    """The reasons that are told, each once, with the first module that it is told of."""
    if told.startswith("no attention was seen"):
        return "no attention was seen"
    told = told.partition("this probe (")[2].removesuffix(")") if "this probe (" in told else told
    parts = [part.partition(": ") for part in told.split("; ")]
    of_reason: dict[str, list[str]] = {}
    for module, colon, why in parts:
        of_reason.setdefault(why if colon else module, []).append(module)
    return "; ".join(
        f"`{modules[0]}`{f' and {len(modules) - 1} more' if len(modules) > 1 else ''}: {why}"
        for why, modules in of_reason.items()
    ).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
