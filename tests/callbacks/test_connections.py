"""Connections: against finite differences, and in a model built by hand in which one head feeds another."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

from tb_attnviz import open_run
from tb_attnviz.callbacks import AttentionRecorder, Probe
from tb_attnviz.callbacks.attribution.connections import connections
from tb_attnviz.callbacks.attribution.shown import Shown
from tb_attnviz.callbacks.capture import capture
from tests.callbacks.models import IDS, LENGTHS, TOKENS, Decoder
from tests.callbacks.test_importance import PRESENT, outputs


def found_in(model, probe=None, batch_size=32):
    probe = probe or Probe(IDS, TOKENS)
    layers = capture(model, probe, health=False).layers
    return connections(Shown(model, probe, nn.Module.__call__, batch_size), layers)


def moved(model, layer, head, share):
    """Queries and keys of the second layer, [sequences, heads, width, d], with a head moved to its mean."""
    mean = outputs(model)[layer][PRESENT][:, head].mean(0)
    found, heads = {}, model.blocks[layer].heads

    def move(_, args):
        x = args[0].unflatten(-1, (heads, -1)).clone()
        x[:, :, head] += share * (mean - x[:, :, head])
        return (x.flatten(-2),)

    hooks = [
        model.blocks[layer].out.register_forward_pre_hook(move),
        model.blocks[1].qkv.register_forward_hook(lambda _, args, output: found.update(qkv=output)),
    ]
    with torch.no_grad():
        model(IDS)
    for hook in hooks:
        hook.remove()
    return found["qkv"].unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)[:2]


def amount(attention, queries, keys):
    """How far the logits of what heads attend to stand out, a query, [heads], by hand."""
    total, count = torch.zeros(queries.shape[1], dtype=torch.float64), 0
    for sequence, n in enumerate(LENGTHS):
        for query in range(1, n):
            logits = torch.einsum("hd,hkd->hk", queries[sequence, :, query], keys[sequence, :, : query + 1])
            logits = logits / queries.shape[-1] ** 0.5
            weights = attention[sequence, :, query, : query + 1]
            total += (weights * (logits - logits.mean(dim=1, keepdim=True))).sum(dim=1)
            count += 1
    return total / count


def slopes_of(model, head):
    """Of each way, what each head of the second layer is fed by this one of the first, [heads], by differences."""
    queries, keys = moved(model, 0, 0, 0.0)
    logits = (queries @ keys.mT / queries.shape[-1] ** 0.5).masked_fill(~torch.ones(9, 9).tril().bool(), -torch.inf)
    attention, step = logits.softmax(dim=-1), 1e-5
    more, less = (moved(model, 0, head, share) for share in (-step, step))  # away from the mean: what is gained
    return [
        (amount(attention, *high) - amount(attention, *low)) / (2 * step)
        for high, low in (((more[0], keys), (less[0], keys)), ((queries, more[1]), (queries, less[1])))
    ]


@pytest.mark.parametrize("batch_size", [2, 32])
def test_a_connection_is_the_slope_of_what_a_head_attends_to(batch_size):
    torch.manual_seed(0)
    model = Decoder().double().eval()
    found = found_in(model, batch_size=batch_size)
    for head in range(2):
        slopes = slopes_of(model, head)
        np.testing.assert_allclose(found.queries[head, 2:], slopes[0], atol=1e-6)
        np.testing.assert_allclose(found.keys[head, 2:], slopes[1], atol=1e-6)
    assert np.isnan(found.queries[2:]).all()
    assert np.isnan(found.queries[:, :2]).all(), "nothing comes before the first layer"


def test_of_some_heads_alone(tmp_path):
    torch.manual_seed(0)
    model = Decoder(heads=4).double().eval()
    options = {"heads": {0: [1], 1: [0, 3]}, "connections_every": 1, "on_error": "raise"}
    with AttentionRecorder(model, Probe(IDS, TOKENS), tmp_path, **options) as recorder:
        recorder.step(0)
    found = open_run(tmp_path).connections()
    for of, slopes in zip((found.queries, found.keys), slopes_of(model, 1), strict=True):
        largest = float(np.nanmax(abs(of)))  # what is recorded is rounded
        np.testing.assert_allclose(of[0, 1:], slopes[[0, 3]], atol=1e-2 * largest)
        assert np.isnan(of[:, 0]).all()
        assert np.isnan(of[1:]).all()


class Frozen(Decoder):
    """Makes what its last layer attends by without gradients."""

    def __init__(self):
        super().__init__()
        made = self.blocks[1].qkv
        self.blocks[1].qkv = WithoutGradient(made)


class WithoutGradient(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    @torch.no_grad()
    def forward(self, x):
        return self.inner(x)


def test_a_layer_without_connections_is_told_once(tmp_path):
    recorder = AttentionRecorder(Frozen(), Probe(IDS, TOKENS), tmp_path, connections_every=1, rules=())
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        recorder.step(0)
        recorder.step(1)
    recorder.close()
    [said] = [str(warning.message) for warning in told]
    assert said == "layers without connections: blocks.1: its queries and keys are made without gradients"
    assert told[0].filename == __file__
    assert np.isnan(open_run(tmp_path).connections().queries).all()
