"""The promise on a real model: a picture does not move when the weights change but the attention does not."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer, BertModel

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, Probe
from tb_attnviz.projection import PROJECTIONS
from tests.callbacks.models import MINILM, TEXTS

STEPS = 4


def change_basis(model: BertModel, *, seed: int) -> None:
    """W_Q M and W_K M⁻ᵀ in every head, with another well-conditioned M for each."""
    generator = torch.Generator().manual_seed(seed)
    for layer in model.encoder.layer:
        attention = layer.attention.self
        d = attention.attention_head_size
        for head in range(attention.num_attention_heads):
            rows = slice(head * d, (head + 1) * d)
            orthogonal, _ = torch.linalg.qr(torch.randn(d, d, generator=generator, dtype=torch.float64))
            change = orthogonal * (0.7 + 0.7 * torch.rand(d, generator=generator, dtype=torch.float64))
            for linear, matrix in ((attention.query, change), (attention.key, torch.linalg.inv(change).T)):
                for parameter in (linear.weight, linear.bias):
                    parameter.data[rows] = (matrix.T @ parameter.data[rows].double()).float()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tb_attnviz.Run:
    directory: Path = tmp_path_factory.mktemp("stillness")
    model = AutoModel.from_pretrained(MINILM)
    probe = Probe.from_texts(TEXTS, AutoTokenizer.from_pretrained(MINILM))
    with AttentionRecorder(model, probe, directory, every=1, on_error="raise") as recorder:
        for step in range(STEPS):
            recorder.record(step)
            change_basis(model, seed=step)
    return tb_attnviz.open_run(directory)


def test_the_vectors_move_and_the_attention_does_not(run: tb_attnviz.Run) -> None:
    first, last = run.samples(0, 3).queries, run.samples(STEPS - 1, 3).queries
    assert np.abs(last - first).max() > np.abs(first).max() / 2
    np.testing.assert_allclose(run.attention(STEPS - 1, 3, 5, 0), run.attention(0, 3, 5, 0), atol=1e-3)


@pytest.mark.parametrize("projection", PROJECTIONS)
@pytest.mark.parametrize("dims", [2, 3])
def test_no_picture_moves(run: tb_attnviz.Run, projection: str, dims: int) -> None:
    for layer in range(len(run.layers)):
        source, frame = run.layer_samples(layer), run.frame(layer)
        shown = np.stack([frame.points(source, step, projection, dims) for step in run.steps])
        assert np.abs(shown - shown[0]).max() <= 1e-3, run.layers[layer].name
