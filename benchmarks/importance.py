"""Does first order rank heads, and pairs of heads, as taking heads out does? Three trained models.

    python -m benchmarks.importance --write

Spearman's correlation over the heads of the figure `importance` with `importance_exact`, on held-out data, and over all
pairs of heads of different layers of the connections with what is lost when the first head gives its mean. Times are
processor time of one thread, as multiples of a bare pass of the probe.
"""

import argparse
import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.nn import functional

from benchmarks import page
from benchmarks.recordings import quiet
from tb_attnviz.callbacks import Probe
from tb_attnviz.callbacks.attribution.attended import Attended
from tb_attnviz.callbacks.attribution.attribution import few
from tb_attnviz.callbacks.attribution.connections import connections
from tb_attnviz.callbacks.attribution.head_outputs import HeadOutputs, run, token_mask
from tb_attnviz.callbacks.attribution.importance import exact, first_order, halfway, importance, write
from tb_attnviz.callbacks.attribution.means import mean_outputs
from tb_attnviz.callbacks.attribution.shown import Shown
from tb_attnviz.callbacks.capture import capture
from tb_attnviz.callbacks.capture.neutral import undisturbed
from tb_attnviz.callbacks.probes.batch import Batch
from tb_attnviz.callbacks.tracing.observer import Arrange
from tb_attnviz.events import Layer

Float64 = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Trained:
    title: str
    model: nn.Module
    probe: Probe  # of held-out data
    is_decoder: bool = False


def decoder(steps: int) -> Iterator[Trained]:
    """The decoder of `make demo`, when its induction heads have formed, and at the end."""
    from demo.corpus import Corpus
    from demo.decoder import Decoder
    from demo.induction_training import _learn

    torch.manual_seed(0)
    corpus = Corpus(seed=0)
    model = Decoder(len(corpus.vocabulary), width=96, heads=4, layers=3, longest=64)
    probe = corpus.probe()
    for step, _ in enumerate(_learn(model, corpus, steps)):
        if step in (steps // 2, steps):
            yield Trained(f"decoder of `make demo`, step {step:,} (3 × 4 heads)", model, probe, is_decoder=True)


def classifier(steps: int) -> Iterator[Trained]:
    """MiniLM, fine-tuned to tell chapters of Python's manual, as in `make demo-minilm`."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from demo.chapters import CHAPTERS, examples
    from demo.minilm_training import _MODEL

    torch.manual_seed(0)
    training, held_out = examples(held_out=128)
    tokenizer = AutoTokenizer.from_pretrained(_MODEL)
    model = AutoModelForSequenceClassification.from_pretrained(_MODEL, num_labels=len(CHAPTERS))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    order = torch.randperm(len(training)).tolist()

    def encoded(chosen: list[int]) -> dict[str, Tensor]:
        some = [training[n] for n in chosen]
        texts = [example.sentence for example in some]
        inputs = tokenizer(texts, truncation=True, max_length=48, padding=True, return_tensors="pt")
        return {**inputs, "labels": torch.tensor([example.chapter for example in some])}

    for step in range(steps):
        chosen = [order[(16 * step + n) % len(order)] for n in range(16)]
        optimizer.zero_grad()
        model(**encoded(chosen)).loss.backward()
        optimizer.step()
    shown = held_out[:24]
    texts = [example.sentence for example in shown]
    inputs = dict(tokenizer(texts, truncation=True, max_length=48, padding=True, return_tensors="pt"))
    inputs["labels"] = torch.tensor([example.chapter for example in shown])
    rows = zip(inputs["input_ids"].tolist(), inputs["attention_mask"].sum(dim=1).tolist(), strict=True)
    tokens = [tokenizer.convert_ids_to_tokens(ids[:n]) for ids, n in rows]
    yield Trained("MiniLM, fine-tuned (6 × 12 heads)", model, Probe(inputs, tokens))


class Digits(nn.Module):
    """A vision transformer that tells digits of 8 × 8 pixels by 16 patches."""

    def __init__(self, width: int = 64, heads: int = 4, layers: int = 3) -> None:
        super().__init__()
        from demo.vision_transformer import Block

        self.embedding = nn.Conv2d(1, width, 2, 2)
        self.places = nn.Parameter(0.5 * torch.randn(16, width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 10))

    def forward(self, images: Tensor) -> Tensor:
        x = self.embedding(images).flatten(2).transpose(1, 2) + self.places  # (batch, 16, width)
        found: Tensor = self.head(self.blocks(x).mean(dim=1))
        return found


def digits(steps: int) -> Iterator[Trained]:
    """A small vision transformer on scikit-learn's digits."""
    from sklearn.datasets import load_digits

    torch.manual_seed(0)
    data = load_digits()
    images, labels = torch.tensor(data.images[:, None] / 16, dtype=torch.float32), torch.tensor(data.target)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    training, held_out = order[:-256], order[-64:]
    model = Digits()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for _ in range(steps):
        some = training[torch.randint(len(training), (64,))]
        optimizer.zero_grad()
        torch.autograd.backward(functional.cross_entropy(model(images[some]), labels[some]))
        optimizer.step()
    tokens = [[f"{n // 4},{n % 4}" for n in range(16)]] * len(held_out)
    probe = Probe({"images": images[held_out], "labels": labels[held_out]}, tokens)
    yield Trained("vision transformer on digits (3 × 4 heads)", model, probe)


class Without(HeadOutputs):
    """The observer of a pass in which one head gives its mean."""

    def __init__(self, batch: Batch, names: set[str], name: str, head: int, mean: Tensor) -> None:
        super().__init__(batch, names, with_calls=True)
        self._name, self._head, self._mean = name, head, mean

    def take_output(self, name: str, output: Tensor, arrange: Arrange) -> None:
        super().take_output(name, output, arrange)
        if name == self._name:
            write(self.found[name], self._head, self._mean)


def by_ablation(shown: Shown, layers: Sequence[Layer]) -> Float64:
    """Connections as `connections` has them, by queries and by keys, but by taking out the first head of each pair."""
    first = np.cumsum([0, *(layer.heads for layer in layers)])
    names = {layer.name for layer in layers}
    found = np.full((2, first[-1], first[-1]), np.nan)
    with undisturbed(shown.model):
        means, _ = mean_outputs(shown, layers)
        (batch,) = shown.batches()
        clean = HeadOutputs(batch, names, with_calls=True)
        run(shown.model, batch, shown.forward, clean)
        targets = {}
        for layer in layers:
            call = clean.calls[layer.name]
            present = token_mask(batch, layer, clean.found[layer.name])
            targets[layer.name] = Attended.of(call, present.reshape(len(call.queries), -1))
        for number, layer in enumerate(layers[:-1]):
            for head in range(layer.heads):
                without = Without(batch, names, layer.name, head, means[layer.name][head])
                run(shown.model, batch, shown.forward, without)
                for later, target in enumerate(layers[number + 1 :], number + 1):
                    of, call, changed = targets[target.name], clean.calls[target.name], without.calls[target.name]
                    before = of.amount(call.queries, call.keys)
                    for side, both in enumerate(((changed.queries, call.keys), (call.queries, changed.keys))):
                        lost = (before - of.amount(*both)) / of.counts
                        found[side, first[number] + head, first[later] : first[later + 1]] = lost.numpy()
    return found


def rows(trained: Trained) -> list[str]:
    """One row of the table."""
    own = {"loss": "auto"} if trained.is_decoder else {"loss": _classified}
    forward = nn.Module.__call__ if trained.is_decoder else _without_labels
    layers = capture(trained.model, trained.probe, health=False, forward=forward).layers
    shown = Shown(trained.model, trained.probe, forward, 64, is_decoder=trained.is_decoder, **own)
    batches = shown.batches()
    with torch.no_grad():
        bare = seconds(lambda: [forward(trained.model, *batch.args, **batch.kwargs) for batch in batches])
    found = first_order(shown, layers)
    half = halfway(shown, layers, found.means)
    backward = seconds(lambda: halfway(shown, layers, first_order(shown, layers).means))
    begun = time.thread_time()
    rises = exact(shown, layers, found.means)
    ablating = time.thread_time() - begun
    signed = np.concatenate([found.effects[layer.name].mean(axis=0) for layer in layers])
    some = dataclasses.replace(shown, probe=few(trained.probe), loss=None)
    begun = time.thread_time()
    fed = connections(some, layers)
    connecting = time.thread_time() - begun
    measured = by_ablation(some, layers)
    known = ~np.isnan(measured[0])
    both = zip((fed.queries, fed.keys), measured, strict=True)
    of_pairs = [_spearman(way[known], exactly[known]) for way, exactly in both]
    unsigned = np.concatenate([np.abs(found.effects[layer.name]).mean(axis=0) for layer in layers])
    cells = [*(_spearman(x, rises) for x in (importance(half, layers), signed, unsigned)), *of_pairs]
    return [
        trained.title,
        f"{found.loss:.3g}",
        *(f"{value:.2f}" for value in cells),
        *(f"{taken / bare:.1f}" for taken in (backward, ablating, connecting)),
    ]


def _classified(output: Any, inputs: Any) -> Tensor:
    """Cross-entropy of each sequence."""
    logits = getattr(output, "logits", output)
    return functional.cross_entropy(logits, inputs["labels"], reduction="none")


def _without_labels(model: nn.Module, labels: Tensor, **inputs: Tensor) -> object:
    return model(**inputs)


def _spearman(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    return float(spearmanr(a, b).statistic)


def seconds(work: Callable[[], object], repetitions: int = 3) -> float:
    """Of processor time of this thread, the median."""
    found = []
    for _ in range(repetitions):
        begun = time.thread_time()
        work()
        found.append(time.thread_time() - begun)
    return sorted(found)[len(found) // 2]


MODELS: dict[str, tuple[Callable[[int], Iterator[Trained]], int]] = {
    "decoder": (decoder, 1200),
    "classifier": (classifier, 120),
    "digits": (digits, 400),
}
HEADER = [
    "model",
    "loss, held out",
    "`importance` against exact",
    "by the slope at o",
    "by its size",
    "connections by queries",
    "by keys",
    "`importance` ÷ bare pass",
    "exact ÷ bare",
    "connections ÷ bare",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=MODELS, nargs="*", default=list(MODELS))
    parser.add_argument("--quick", action="store_true", help="a few steps of training, to see that it works")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    arguments = parser.parse_args()
    quiet()
    torch.set_num_threads(1)
    found = []
    for name in arguments.only:
        make, steps = MODELS[name]
        for trained in make(4 if arguments.quick else steps):
            found.append(rows(trained))
            print(" | ".join(found[-1]), flush=True)
    text = f"{page.machine('torch', 'transformers', 'scikit-learn')}.\n\n{page.table(HEADER, found)}"
    if arguments.write:
        page.write("importance", text)
    print(f"\n{text}")


if __name__ == "__main__":
    main()
