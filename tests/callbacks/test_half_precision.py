"""Attention in plain code and 16 bits: rounding grows with the logits, and is no reason to refuse a layer."""

import contextlib
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from transformers import BertConfig, BertModel, GPT2Config, GPT2LMHeadModel

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, NoAttentionError, Probe

IDS = torch.randint(50, (6, 16), generator=torch.Generator().manual_seed(1))
TOKENS = [[str(token) for token in row] for row in IDS.tolist()]


def gpt2(size):
    """With logits of about this size."""
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=64, n_layer=2, n_head=2, attn_implementation="eager"))
    for block in model.transformer.h:
        block.attn.c_attn.weight.data.mul_(size)
    return model.eval()


def record(model, directory, *, dtype=None):
    inputs = {"input_ids": IDS} if isinstance(model, GPT2LMHeadModel) else IDS
    context = contextlib.nullcontext() if dtype is None else torch.autocast("cpu", dtype)
    with context, AttentionRecorder(model, Probe(inputs, TOKENS), directory, rules=()) as recorder:
        recorder.record(0)
    return tb_attnviz.open_run(directory)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("size", [1, 16, 60])
def test_large_logits_under_autocast(tmp_path, dtype, size):
    run = record(gpt2(size), tmp_path, dtype=dtype)
    assert [layer.causal for layer in run.layers] == [True, True]
    with torch.no_grad(), torch.autocast("cpu", dtype):
        expected = gpt2(size)(IDS, output_attentions=True).attentions[0].float().numpy()
    # The model's own logits are rounded, ours are those of its queries and keys: off by as much as that rounding does.
    largest = float(run.health()["max_logit"].max())
    off = max(abs(run.attention(0, 0, head, 0) - expected[0, head]).max() for head in range(2))
    assert off < 2 * torch.finfo(dtype).eps * max(largest, 1)


def test_figures_are_not_rounded_to_16_bits_under_autocast(tmp_path):
    """They are those of the queries and keys that the pass has made in 16 bits."""
    run = record(gpt2(1), tmp_path, dtype=torch.bfloat16)
    for layer in range(2):
        q, k = (x.reshape(2, *IDS.shape, -1) for x in (run.samples(0, layer).queries, run.samples(0, layer).keys))
        logits = np.where(np.tri(IDS.shape[1], dtype=bool), q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]), -np.inf)
        found = run.health()["max_logit"][0, 2 * layer : 2 * layer + 2]
        np.testing.assert_allclose(found, logits.max((1, 2, 3)), rtol=2e-4)


class Sharper(nn.Module):
    """Plain code in 16 bits whose softmax is of other logits than its products."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor
        self.embed, self.q, self.k = nn.Embedding(50, 16), nn.Linear(16, 16), nn.Linear(16, 16)

    def forward(self, ids):
        x = self.embed(ids)
        q, k = (f(x).unflatten(-1, (2, 8)).transpose(1, 2) for f in (self.q, self.k))
        weights = (q @ k.mT / 8**0.5).softmax(-1)
        return (weights**self.factor / (weights**self.factor).sum(-1, keepdim=True)) @ q


def test_what_really_changes_is_still_found_in_16_bits(tmp_path):
    torch.manual_seed(0)
    assert len(record(Sharper(1).bfloat16(), tmp_path / "same").layers) == 1
    with pytest.raises(NoAttentionError, match="changed after softmax"):
        record(Sharper(2).bfloat16(), tmp_path / "squared")


def test_a_bert_in_bfloat16_keeps_its_layers_while_its_logits_grow(tmp_path):
    torch.manual_seed(0)
    configuration = BertConfig(
        vocab_size=50, hidden_size=64, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        attn_implementation="eager", initializer_range=0.1,
    )  # fmt: skip
    model = BertModel(configuration).bfloat16()
    weight = model.encoder.layer[1].attention.self.query.weight
    base = weight.data.float().clone()
    with AttentionRecorder(model, Probe({"input_ids": IDS}, TOKENS), tmp_path, rules=(), on_error="raise") as recorder:
        for step in range(12):
            recorder.record(step)
            weight.data = (base * 1.7 ** (step + 1)).bfloat16()
    run = tb_attnviz.open_run(tmp_path)
    assert (run.steps, len(run.layers)) == (list(range(12)), 2)


class Wavering(nn.Module):
    """Its second layer can be told to attend in a way that cannot be recorded."""

    def __init__(self):
        super().__init__()
        self.embed, self.layers = nn.Embedding(50, 16), nn.ModuleList(Sharper(1) for _ in range(2))
        for layer in self.layers:
            layer.embed = nn.Identity()

    def forward(self, ids):
        x = self.embed(ids)
        for layer in self.layers:
            x = x + layer(x).transpose(1, 2).flatten(2)
        return x


def test_a_layer_that_comes_later_is_left_out_and_hides_nothing(tmp_path):
    torch.manual_seed(0)
    model = Wavering()
    model.layers[1].factor = 2
    said = []
    with pytest.warns(RuntimeWarning, match="not recorded: layers.1"):
        recorder = AttentionRecorder(model, Probe(IDS, TOKENS), tmp_path, rules=(), on_error="raise")
    with recorder:
        for step, factor in enumerate([2, 1, 2, 1]):
            model.layers[1].factor = factor
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                recorder.record(step)
            said.append([str(warning.message) for warning in caught])
    later = "step 1: layers that could not be recorded when training began, and are left out of this run: layers.1"
    assert said == [[], [later], [], []], "once"
    run = tb_attnviz.open_run(tmp_path)
    assert (run.steps, [layer.name for layer in run.layers]) == ([0, 1, 2, 3], ["layers.0"])
    assert np.isfinite(run.health()["entropy"]).all()


def test_a_layer_that_is_lost_is_warned_of_and_hides_nothing(tmp_path):
    torch.manual_seed(0)
    model = Wavering()
    said = []
    with AttentionRecorder(model, Probe(IDS, TOKENS), tmp_path, rules=(), on_error="raise") as recorder:
        for step, factor in enumerate([1, 2, 2, 1]):
            model.layers[1].factor = factor
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                recorder.record(step)
            said.append([str(warning.message) for warning in caught])
    assert [len(sentences) for sentences in said] == [0, 1, 0, 1], "each time that the set changes"
    assert "step 1: layers that are not recorded any more: layers.1: its weights are" in said[1][0]
    assert said[3] == ["step 3: all layers are recorded again"]
    run = tb_attnviz.open_run(tmp_path)
    assert (run.steps, [layer.name for layer in run.layers]) == ([0, 1, 2, 3], ["layers.0", "layers.1"])
    assert np.isfinite(run.attention(1, 0, 0, 0)).all(), "the other layer goes on"
    assert np.isnan(run.samples(1, 1).queries).all()
    assert [sorted(run.maps(1, layer)) for layer in range(2)] == [["text"], []]
    entropy = run.health()["entropy"]  # (steps, heads)
    assert np.isnan(entropy[1:3, 2:]).all()
    assert np.isfinite(entropy[[0, 3]]).all()
