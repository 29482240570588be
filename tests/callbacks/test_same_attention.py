"""What a run's reader recomputes from disk is the model's own attention."""

import numpy as np
import pytest
import torch
from torch import nn
from transformers import (
    AutoModel,
    AutoTokenizer,
    GPT2Config,
    GPT2Model,
    LlamaConfig,
    LlamaModel,
    MistralConfig,
    MistralModel,
    T5Config,
    T5EncoderModel,
)

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, Probe
from tests.callbacks.models import IDS, LENGTHS, MASK, MINILM, TEXTS, TOKENS, eager_attentions

TOLERANCE = 5e-4
TINY = {"vocab_size": 64, "hidden_size": 32, "num_attention_heads": 4, "num_hidden_layers": 2, "intermediate_size": 64}


def assert_recorded(model, probe, expected, present, tmp_path, *, batch_size=3):
    """The attention in a run of `model` on `probe` equals `expected`: tensors [batch, heads, n, n], one a layer."""
    with AttentionRecorder(model, probe, tmp_path, batch_size=batch_size, on_error="raise") as recorder:
        recorder.record(0)
    run = tb_attnviz.open_run(tmp_path)
    assert len(run.layers) == len(expected)
    for layer, attention in enumerate(expected):
        assert run.layers[layer].heads == attention.shape[1]
        for sequence, kept in enumerate(present.bool()):
            for head in range(attention.shape[1]):
                want = attention[sequence, head][kept][:, kept].numpy()
                got = run.attention(0, layer, head, sequence)
                np.testing.assert_allclose(got, want, atol=TOLERANCE, rtol=0)
    return run


def assert_varied(attentions):
    """Guards the test: attention that is nearly uniform, or nearly one-hot, would match whatever we recorded."""
    largest = torch.cat([attention[0].amax(dim=-1).flatten() for attention in attentions])
    assert largest.max() > 0.5
    assert largest.min() < 0.9


def test_minilm(tmp_path):
    model = AutoModel.from_pretrained(MINILM, attn_implementation="sdpa")
    tokenizer = AutoTokenizer.from_pretrained(MINILM)
    probe = Probe.from_texts(TEXTS, tokenizer)
    inputs = tokenizer(TEXTS, padding=True, return_tensors="pt")
    expected = eager_attentions(model, inputs)
    assert_varied(expected)
    run = assert_recorded(model, probe, expected, inputs["attention_mask"], tmp_path)
    assert [layer.causal for layer in run.layers] == [False] * 6
    assert run.samples(0, 0).bias is None, "padding alone is no bias"
    assert run.layers[2].name == "encoder.layer.2.attention.self"


@pytest.mark.parametrize("padding", ["right", "left"])
def test_gpt2(tmp_path, padding):
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=64, n_embd=32, n_head=4, n_layer=2, n_positions=32, initializer_range=0.3)
    model = GPT2Model(config)
    ids, mask = (IDS, MASK) if padding == "right" else (_left(IDS), _left(MASK))
    inputs = {"input_ids": ids, "attention_mask": mask}
    expected = eager_attentions(model, inputs)
    assert_varied(expected)
    run = assert_recorded(model, Probe(inputs, TOKENS), expected, mask, tmp_path)
    assert all(layer.causal for layer in run.layers)
    assert run.samples(0, 0).bias is None, "the causal mask is no bias"


@pytest.mark.parametrize("padded", [True, False], ids=["padded", "whole"])
def test_llama_with_grouped_keys(tmp_path, padded):
    torch.manual_seed(0)
    model = LlamaModel(LlamaConfig(**TINY, num_key_value_heads=2, initializer_range=0.3))
    inputs = {"input_ids": IDS, "attention_mask": MASK if padded else torch.ones_like(MASK)}
    tokens = TOKENS if padded else [[str(token) for token in row] for row in IDS.tolist()]
    expected = eager_attentions(model, inputs)
    assert_varied(expected)
    run = assert_recorded(model, Probe(inputs, tokens), expected, inputs["attention_mask"], tmp_path)
    assert all(layer.causal for layer in run.layers)


def test_t5_with_a_bias_for_relative_positions(tmp_path):
    torch.manual_seed(0)
    model = T5EncoderModel(T5Config(vocab_size=64, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4))
    table = model.encoder.block[0].layer[0].SelfAttention.relative_attention_bias
    nn.init.normal_(table.weight, std=2.0)
    inputs = {"input_ids": IDS, "attention_mask": MASK}
    expected = eager_attentions(model, inputs)
    assert_varied(expected)
    run = assert_recorded(model, Probe(inputs, TOKENS), expected, MASK, tmp_path)
    assert run.samples(0, 0).bias.shape == (1, 4, 9, 9), "the same for all sequences: kept once"


def test_mistral_with_a_sliding_window(tmp_path):
    torch.manual_seed(0)
    model = MistralModel(MistralConfig(**TINY, num_key_value_heads=2, sliding_window=3, initializer_range=0.3))
    inputs = {"input_ids": IDS, "attention_mask": MASK}
    expected = eager_attentions(model, inputs)
    assert (expected[0][0, 0, 8, :6] == 0).all(), "the window must hide something for this test to mean anything"
    run = assert_recorded(model, Probe(inputs, TOKENS), expected, MASK, tmp_path)
    assert not run.layers[0].causal
    assert run.samples(0, 0).bias.shape == (1, 1, 9, 9)


@pytest.mark.parametrize("need_weights", [True, False])
def test_multihead_attention_of_pytorch(tmp_path, need_weights):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(64, 32)
            self.attention = nn.MultiheadAttention(32, 4, batch_first=True)

        def forward(self, ids, hidden, need_weights=need_weights):
            x = 3 * self.embedding(ids)
            return self.attention(
                x, x, x, key_padding_mask=hidden, need_weights=need_weights, average_attn_weights=False
            )

    torch.manual_seed(0)
    model = Model().eval()
    with torch.no_grad():
        _, weights = model(IDS, MASK == 0, need_weights=True)
    probe = Probe((IDS, MASK == 0), TOKENS)
    run = assert_recorded(model, probe, [weights], MASK, tmp_path)
    assert run.layers[0].name == "attention"


def test_transformer_encoder_of_pytorch(tmp_path):
    """Its fused kernel, and the nested tensors that padding becomes there, are left out of the pass."""

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(64, 32)
            self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), 2)

        def forward(self, ids, hidden):
            return self.encoder(self.embedding(ids), src_key_padding_mask=hidden)

    torch.manual_seed(0)
    model = Model().eval()
    first = model.encoder.layers[0].self_attn
    with torch.no_grad():
        x = model.embedding(IDS)
        _, weights = first(x, x, x, key_padding_mask=MASK == 0, average_attn_weights=False)
    with AttentionRecorder(model, Probe((IDS, MASK == 0), TOKENS), tmp_path, on_error="raise") as recorder:
        recorder.record(0)
    run = tb_attnviz.open_run(tmp_path)
    assert [layer.name for layer in run.layers] == ["encoder.layers.0.self_attn", "encoder.layers.1.self_attn"]
    np.testing.assert_allclose(run.attention(0, 0, 3, 1), weights[1, 3, :4, :4], atol=TOLERANCE)


def _left(rows):
    """Rows that are padded at their end, padded at their beginning instead."""
    return torch.stack([row.roll(len(row) - n) for row, n in zip(rows, LENGTHS, strict=True)])
