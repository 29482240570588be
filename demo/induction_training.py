"""Training the decoder with an AttentionRecorder, until an induction head has formed."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch.nn import functional
from torch.utils.tensorboard import SummaryWriter

from demo.corpus import Corpus
from demo.decoder import Decoder
from demo.head_watch import HeadWatch
from tb_attnviz.callbacks import AttentionRecorder

_SEED = 0
_BATCH = 32  # sequences, half of them text and half of them repeats
_LEARNING_RATE, _WARM_UP = 3e-3, 50
_EVERY = 25  # steps between two checkpoints; at first, when all heads change fast, they are closer:
_EARLY = frozenset({3, 6, 10, 15, 20, 40, 50, 75})


def train(directory: Path, steps: int) -> None:
    """Train for `steps` steps, and record the run in `directory`."""
    # Half of the processors are left to TensorBoard and the browser; so small a model gains nothing from more than 4.
    torch.set_num_threads(min(max((os.cpu_count() or 2) // 2, 1), 4))
    torch.manual_seed(_SEED)
    corpus = Corpus(seed=_SEED)
    model = Decoder(len(corpus.vocabulary), width=96, heads=4, layers=3, longest=64)
    print(
        f"Training a decoder of 3 layers with 4 heads for {steps:,} steps, on {len(corpus.text):,} words of English\n"
        "and on random words that come twice: to predict those, a head must look up what came next the first time.\n"
    )
    watch = HeadWatch(directory, figure="induction", threshold=0.4)
    begun = time.monotonic()
    with (
        SummaryWriter(directory, flush_secs=5) as writer,
        AttentionRecorder(model, corpus.probe(), writer, every=_EVERY) as recorder,
    ):
        for step, losses in enumerate(_learn(model, corpus, steps)):
            if step in _EARLY or step == steps:
                recorder.record(step)
            else:
                recorder.step(step)
            for name, loss in losses.items():
                writer.add_scalar(f"loss/{name}", loss, step)
            if recorder.last_step == step:
                _report(watch)
            if step % 100 == 0:
                figures = "   ".join(f"{name} {loss:.2f}" for name, loss in losses.items())
                print(f"step {step:5,}   loss: {figures}   strongest induction {watch.strongest():.2f}", flush=True)
    _report(watch)
    size = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
    print(f"\nDone in {time.monotonic() - begun:.0f} s: {size / 1e6:.0f} MB in {directory}")


def _learn(model: Decoder, corpus: Corpus, steps: int) -> Iterator[dict[str, float]]:
    """Train, and yield the losses of each step, 0 to `steps`, before its update: the model is then that of the step."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=_LEARNING_RATE, betas=(0.9, 0.95))
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1 / _WARM_UP, total_iters=_WARM_UP)
    for _ in range(steps + 1):
        sentences, (repeats, repeated) = corpus.sentences(_BATCH // 2), corpus.repeats(_BATCH // 2)
        ids = torch.cat([sentences, repeats])  # (batch, n)
        logits = model(ids)  # (batch, n, vocabulary)
        losses = functional.cross_entropy(
            logits[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none"
        )  # (batch, n - 1)
        on_text = losses[: len(sentences)].mean()
        on_repeats = losses[len(sentences) :][repeated[:, 1:]].mean()  # the first time, nothing can tell the next word
        yield {"text": on_text.item(), "repeats": on_repeats.item()}
        optimizer.zero_grad()
        torch.autograd.backward(on_text + on_repeats)
        optimizer.step()
        schedule.step()


def _report(watch: HeadWatch) -> None:
    for layer, head, step, value in watch.formed():
        print(f"Induction head formed: layer {layer}, head {head}, step {step:,} ({value:.2f})", flush=True)
