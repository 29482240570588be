"""Runs to project: real vectors in any number of tokens, layers, heads and steps."""

import itertools
import logging
import warnings
from collections.abc import Sequence as Series
from pathlib import Path

import numpy as np
import torch

from benchmarks.models import minilm
from demo import texts
from tb_attnviz.callbacks import AttentionWarning
from tb_attnviz.callbacks.capture import capture
from tb_attnviz.events import Layer, ProbeRecord, RunWriter, Samples, Sequence
from tb_attnviz.run import Run, open_run

_BATCH = 32
_DRIFT = 0.5  # of the spread of the weights: how far the first step's are from the model's own


def record_minilm(directory: Path, *, tokens: int, layers: int = 12, heads: int = 12, steps: int = 1) -> Run:
    """A run of `layers` × `heads` (at most 12) heads with the pretrained MiniLM's vectors for real text.

    MiniLM has 6 × 12 heads of 32: layers beyond the sixth are the first ones again. The last step has the model's own
    weights; at the steps before, those of queries and keys are the further from them the earlier it is.
    """
    model, probe = minilm(_text(tokens))
    own = {name: value.clone() for name, value in model.state_dict().items() if _is_of_attention(name)}
    generator = torch.Generator().manual_seed(0)
    noise = {name: value.std() * torch.randn(value.shape, generator=generator) for name, value in own.items()}
    shown = _first_tokens(probe.record, tokens)
    writer = RunWriter(str(directory))
    writer.write_probe(shown, step=0)
    for step in range(steps):
        share = _DRIFT * (steps - 1 - step) / max(steps - 1, 1)
        model.load_state_dict({name: own[name] + share * noise[name] for name in own}, strict=False)
        recording = capture(model, probe, batch_size=_BATCH, health=False)
        chosen = [index % len(recording.layers) for index in range(layers)]
        described = [
            _described(f"layer.{index}", recording.layers[real], recording.samples[real].as_read(), heads, shown.tokens)
            for index, real in enumerate(chosen)
        ]
        writer.write_checkpoint(step, described)
    writer.close()
    return open_run(directory)


def cut(
    run: Run, directory: Path, *, tokens: int, steps: Series[int], heads: int | None = None, turned: bool = False
) -> Run:
    """The first `tokens` tokens of the first `heads` heads of `run` at `steps`, as a run in `directory`.

    `turned`: and then a step in which every head has another basis, which changes neither logits nor attention.
    """
    probe = _first_tokens(run.probe, tokens)
    writer = RunWriter(str(directory))
    writer.write_probe(probe, step=0)
    for step in steps:
        layers = [
            _described(layer.name, layer, run.samples(step, index), heads or layer.heads, probe.tokens)
            for index, layer in enumerate(run.layers)
        ]
        writer.write_checkpoint(step, layers)
    if turned:
        writer.write_checkpoint(steps[-1] + 1, [(layer, _turned(samples)) for layer, samples in layers])
    writer.close()
    return open_run(directory)


def _turned(samples: Samples) -> Samples:
    """Q M and K M⁻ᵀ with a well-conditioned M for every head."""
    rng = np.random.default_rng(0)
    heads, _, d = samples.queries.shape
    change = np.linalg.qr(rng.normal(size=(heads, d, d)))[0] * rng.uniform(0.7, 1.4, size=(heads, 1, d))
    back = np.linalg.inv(change).swapaxes(1, 2)
    return Samples((samples.queries @ change).astype(np.float32), (samples.keys @ back).astype(np.float32))


def _described(name: str, layer: Layer, samples: Samples, heads: int, tokens: int) -> tuple[Layer, Samples]:
    """The first `heads` heads of a layer, under its new name, with `tokens` tokens."""
    queries, keys = samples.queries[:heads, :tokens], samples.expanded_keys()[:heads, :tokens]
    return Layer(name, heads, heads, layer.head_dim, layer.scale, layer.causal), Samples(queries, keys)


def _is_of_attention(name: str) -> bool:
    return ".self.query." in name or ".self.key." in name


def quiet() -> None:
    """Keep what libraries say while they load and record out of the results."""
    logging.disable(logging.INFO)
    warnings.simplefilter("ignore", AttentionWarning)


def _first_tokens(probe: ProbeRecord, tokens: int) -> ProbeRecord:
    sequences: list[Sequence] = []
    for sequence in probe.sequences:
        left = tokens - sum(len(before.tokens) for before in sequences)
        if left > 0:
            sequences.append(Sequence(sequence.tokens[:left]))
    return ProbeRecord(tuple(sequences))


def _text(tokens: int) -> list[str]:
    """English sentences of `tokens` words, and so of more tokens: descriptions of data sets, then Python's manual."""
    found: list[str] = []
    words = 0
    documents = [*texts.data_set_descriptions().values(), *texts.python_manual().values()]
    for sentence in itertools.chain.from_iterable(documents):
        if words >= tokens:
            break
        found.append(sentence)
        words += len(sentence.split())
    return found
