"""Small maps of a recording, against the dense mean of the model's own eager attention."""

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2Model, ViTConfig, ViTModel

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, Probe
from tb_attnviz.callbacks.capture import capture
from tests.callbacks.models import eager_attentions
from tests.callbacks.zoo import VISION
from tests.geometry.dense import Dense

TEXT, REPEAT = 50, [5, 9, 13, 21, 2] * 2  # tokens of the longest text; of the sequence that repeats itself


@pytest.fixture(scope="module")
def texts():
    """The maps of a GPT-2 by layer, and its own attention: [layer] [heads, sequences, n, n], with lengths."""
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=64, n_embd=32, n_head=4, n_layer=2, n_positions=64, initializer_range=0.3)
    model = GPT2Model(config)
    lengths = [TEXT, 20, 33, len(REPEAT)]
    ids = torch.stack([torch.randperm(64)[:TEXT] for _ in lengths])
    ids[3, : len(REPEAT)] = torch.tensor(REPEAT)
    mask = (torch.arange(TEXT) < torch.tensor(lengths)[:, None]).long()
    tokens = [[str(token) for token in row[:n]] for row, n in zip(ids.tolist(), lengths, strict=True)]
    inputs = {"input_ids": ids, "attention_mask": mask}
    found = capture(model, Probe(inputs, tokens), batch_size=2).maps  # kinds are mixed in a batch
    return found, eager_attentions(model, inputs), lengths


def dense(attention, lengths, sequences):
    """What `Dense` says of these sequences of a layer: [heads, …] each."""
    nothing = np.zeros((len(sequences), 4, 1, 1))
    one = Dense(nothing, nothing, scale=1, lengths=[1] * len(sequences))
    for at, s in enumerate(sequences):
        n = lengths[s]
        for h in range(4):
            one.attention[at, h] = attention[s, h, :n, :n].double().numpy()
            one.visible[at, h] = np.tril(np.ones((n, n), bool))
    return one


@pytest.mark.parametrize(("kind", "sequences"), [("text", [0, 1, 2]), ("repeated", [3])])
def test_maps_of_texts(texts, kind, sequences):
    found, attentions, lengths = texts
    for maps, attention in zip(found, attentions, strict=True):
        own, expected = maps[kind], dense(attention, lengths, sequences)
        assert set(maps) == {"text", "repeated"}
        np.testing.assert_allclose(own.pooled, expected.pooled(32).mean(axis=0), atol=6e-5)
        longest = max(lengths[s] for s in sequences)
        offsets = np.array([np.nanmean(expected.diagonal(offset), axis=0) for offset in range(1 - longest, 1)])
        assert own.lengths == (longest, longest)
        np.testing.assert_allclose(own.offsets, offsets.T, atol=6e-5)
        assert own.offsets_from == (1 - longest,)
        side = min(longest, 32)
        corner = np.full((len(sequences), 4, side, side), np.nan)
        for at, a in expected.attention.items():
            corner[at][: len(a), : len(a)] = a[:32, :32]
        first = own.first
        reached = np.isfinite(first)
        np.testing.assert_array_equal(reached, np.isfinite(corner).any(axis=0))
        np.testing.assert_allclose(first[reached], np.nanmean(corner[:, reached], axis=0), atol=6e-5)


def test_maps_of_images():
    torch.manual_seed(0)
    model = ViTModel(ViTConfig(**VISION, initializer_range=0.3)).eval()
    pixels = torch.randn(3, 3, 12, 12)
    (first, *_) = capture(model, Probe.from_images(None, pixels, 4)).maps
    attention = eager_attentions(model, {"pixel_values": pixels})[0].double().numpy()  # (images, heads, 10, 10)
    image = first["3 × 3"]
    patches = attention[..., 1:]
    received = patches.mean(axis=(0, 2)).reshape(-1, 3, 3)
    np.testing.assert_allclose(image.received, received, atol=6e-5)
    expected = np.full((attention.shape[1], 5, 5), np.nan)
    for rows in range(-2, 3):
        for columns in range(-2, 3):
            pairs = [
                patches[:, :, 1 + 3 * r + c, 3 * (r + rows) + c + columns].mean(axis=0)
                for r in range(3)
                for c in range(3)
                if 0 <= r + rows < 3 and 0 <= c + columns < 3
            ]
            expected[:, rows + 2, columns + 2] = np.mean(pairs, axis=0)
    np.testing.assert_allclose(image.offsets, expected, atol=6e-5)


def test_maps_are_stored_with_figures(tmp_path, monkeypatch):
    """Large ones with samples only."""
    torch.manual_seed(0)
    model = GPT2Model(GPT2Config(vocab_size=64, n_embd=8, n_head=2, n_layer=1, n_positions=8))
    with AttentionRecorder(model, Probe(torch.arange(8)[None], [list("abcdefgh")]), tmp_path) as recorder:
        recorder.record(0)
        recorder.record_health(1)
        recorder.flush()
        monkeypatch.setattr("tb_attnviz.callbacks.writing._MAPS_BETWEEN", 100)
        recorder.record_health(2)
        recorder.record(3)
    run = tb_attnviz.open_run(tmp_path)
    assert run.health_steps == [0, 1, 2, 3]
    assert run.map_steps == [0, 1, 3]
