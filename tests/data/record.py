"""Records the runs of `tests/data/v*`, and beside each what the models themselves attended to.

    python -m tests.data.record tests/data/v2

Done once for each version of the format, by the code that writes it; later code reads them (`tests/test_versions.py`).
`expected.npz` never goes through our reader: it is what transformers' own eager code computes.
"""

import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import BartConfig, BartModel, LlamaConfig, LlamaModel, SwinConfig, SwinModel

from tb_attnviz.alerts import HeadRule
from tb_attnviz.callbacks import AttentionRecorder, Probe
from tests.callbacks.models import IDS, LENGTHS, MASK, TOKENS, eager_attentions
from tests.callbacks.zoo import BART, own_windows

TEXTS = {"input_ids": IDS, "attention_mask": MASK}
DECODER = LlamaConfig(
    vocab_size=64, hidden_size=16, num_attention_heads=4, num_key_value_heads=2, num_hidden_layers=2,
    intermediate_size=32, initializer_range=0.3,
)  # fmt: skip
SWIN = SwinConfig(
    image_size=8, patch_size=1, embed_dim=8, depths=[2, 1], num_heads=[2, 2], window_size=4, initializer_range=0.3
)
Attentions = dict[tuple[int, int, int], Any]  # (step, layer, sequence) → [heads, n_query, n_key]


def train(model: nn.Module, steps: Sequence[int]) -> Iterator[int]:
    """The steps of a training that changes every weight a little."""
    generator = torch.Generator().manual_seed(1)
    for step in steps:
        yield step
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += 0.05 * torch.randn(parameter.shape, generator=generator)


def texts(model: nn.Module) -> Callable[[], list[list[Any]]]:
    """Gives the model's own attention: layer → sequence → [heads, n, n]."""
    return lambda: [
        [of_layer[row, :, :n, :n] for row, n in enumerate(LENGTHS)] for of_layer in eager_attentions(model, TEXTS)
    ]


def record(
    directory: Path, model: nn.Module, probe: Probe, attend: Callable[[], list[list[Any]]], steps: Sequence[int],
    between: int | None = None, **options: Any,
) -> Attentions:  # fmt: skip
    found: Attentions = {}
    with AttentionRecorder(model, probe, directory, on_error="raise", **options) as recorder:
        for step in train(model, steps):
            recorder.record(step)
            recorder.flush()
            if between is not None:
                recorder.record_health(step + between)
            for layer, of_layer in enumerate(attend()):
                found |= {(step, layer, sequence): array for sequence, array in enumerate(of_layer)}
    return found


def decoder(directory: Path) -> Attentions:
    """Labels, grouped keys, norms of values, figures between checkpoints, alerts."""
    model = LlamaModel(DECODER).eval()
    labels = {"part": [[f"p{i % 3}" for i in range(n)] for n in LENGTHS], "frequency": [[0.5] * n for n in LENGTHS]}
    rule = HeadRule("large", "max_logit", 1.5, 1.0, "large logits")
    probe = Probe(TEXTS, TOKENS, labels=labels)
    return record(directory, model, probe, texts(model), (0, 100, 200), between=50, values="norms", rules=(rule,))


def pictures(directory: Path) -> Attentions:
    """Images, windows, layers with grids of their own."""
    model = SwinModel(SWIN).eval()
    pixels = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(2))

    def attend() -> list[list[Any]]:
        twin = SwinModel(model.config).eval()
        twin.load_state_dict(model.state_dict())
        twin.set_attn_implementation("eager")
        return [list(of_layer) for of_layer in own_windows(twin, pixels)]

    return record(directory, model, Probe.from_images(None, pixels, 1, special=()), attend, (0, 5))


def two_sides(directory: Path) -> Attentions:
    """An encoder, a decoder, and the attention from one to the other."""
    model = BartModel(BartConfig(**{**BART, "encoder_layers": 1, "decoder_layers": 1}, vocab_size=64)).eval()
    source, target = IDS[:2, :4], IDS[:2, 1:4]
    inputs = {"input_ids": source, "decoder_input_ids": target}

    def attend() -> list[list[Any]]:
        twin = BartModel(model.config)
        twin.load_state_dict(model.state_dict())
        twin.set_attn_implementation("eager")
        with torch.no_grad():
            out = twin.eval()(**inputs, output_attentions=True)
        return [list(x) for x in (*out.encoder_attentions, *out.decoder_attentions, *out.cross_attentions)]

    tokens, key_tokens = ([[str(token) for token in row] for row in ids.tolist()] for ids in (target, source))
    return record(directory, model, Probe(inputs, tokens, key_tokens=key_tokens), attend, (0, 10))


def thinned(directory: Path) -> Attentions:
    """A disk quota that most checkpoints have gone to, over two starts."""
    model = LlamaModel(LlamaConfig(**{**DECODER.to_dict(), "num_hidden_layers": 1})).eval()
    probe = Probe(TEXTS, TOKENS)
    with tempfile.TemporaryDirectory() as other, AttentionRecorder(model, probe, other) as recorder:
        size = recorder.bytes_per_checkpoint + 1500
    found = record(directory, model, probe, texts(model), range(0, 70, 10), max_bytes=5 * size)
    return found | record(directory, model, probe, texts(model), range(70, 120, 10), max_bytes=5 * size)


def segments(directory: Path) -> Attentions:
    """Begun again from step 0 with other layers."""
    first = LlamaModel(LlamaConfig(**{**DECODER.to_dict(), "num_hidden_layers": 1})).eval()
    record(directory, first, Probe(TEXTS, TOKENS), texts(first), (0, 100))
    second = LlamaModel(DECODER).eval()
    return record(directory, second, Probe(TEXTS, TOKENS), texts(second), (0, 50))


def main(root: Path) -> None:
    for make in (decoder, pictures, two_sides, thinned, segments):
        torch.manual_seed(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = make(root / make.__name__)
        arrays = {"/".join(map(str, key)): np.asarray(array, np.float16) for key, array in found.items()}
        np.savez_compressed(root / make.__name__ / "expected.npz", **arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
