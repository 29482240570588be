"""Plain code is followed from its product to its softmax, told apart into scale, soft cap, sinks, mask and bias."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from tb_attnviz.callbacks import Probe
from tb_attnviz.callbacks.capture import capture

N, D = 6, 8
QUERIES = torch.randn(2, 4, N, D, generator=torch.Generator().manual_seed(0))
KEYS = torch.randn(2, 4, N, D, generator=torch.Generator().manual_seed(1))
VALUES = torch.randn(2, 4, N, D, generator=torch.Generator().manual_seed(3))
HIDDEN = ~torch.ones(N, N, dtype=torch.bool).tril()
POSITIONS = torch.randn(4, N, N, generator=torch.Generator().manual_seed(2))


class Model(nn.Module):
    def __init__(self, attend):
        super().__init__()
        self.attend = attend

    def forward(self, q, k):
        found = self.attend(q, k)
        if isinstance(found, torch.Tensor) and found.shape[-1] == N:  # weights, which attend to values
            found = found @ VALUES.to(found.dtype).reshape(*found.shape[:-2], N, D)
        return found


def record(attend, *, dtype=torch.float32):
    probe = Probe((QUERIES.to(dtype), KEYS.to(dtype)), [list("abcdef")] * 2)
    recording = capture(Model(attend), probe)
    assert not recording.skipped
    [layer], [samples] = recording.layers, recording.samples
    return layer, samples


def assert_plain(found, *, scale, causal):
    """Queries and keys as they are, and nothing but a scale."""
    layer, samples = found
    assert layer.scale == pytest.approx(scale)
    assert layer.causal == causal
    assert layer.softcap is samples.bias is samples.sinks is None
    np.testing.assert_array_equal(samples.queries[:, :N], QUERIES[0])
    np.testing.assert_array_equal(samples.keys[:, N:], KEYS[1])


@pytest.mark.parametrize(
    ("attend", "scale"),
    [
        (lambda q, k: (q @ k.mT).softmax(-1), 1),
        (lambda q, k: torch.softmax(torch.matmul(q, k.transpose(2, 3)) * 0.3, dim=3), 0.3),
        (lambda q, k: (2 * (q @ k.mT) / math.sqrt(D)).softmax(-1), 2 / math.sqrt(D)),
        (lambda q, k: ((q @ k.mT) / torch.tensor(5.0)).float().softmax(-1), 0.2),
        (lambda q, k: nn.functional.softmax((q @ k.mT).div_(4).view(8, N, N), dim=-1, dtype=torch.float64), 0.25),
    ],
)
def test_scale(attend, scale):
    assert_plain(record(attend), scale=scale, causal=False)


@pytest.mark.parametrize("filling", [-torch.inf, torch.finfo(torch.float32).min, -1e9, -1e4])
def test_causal_masks(filling):
    added = torch.where(HIDDEN, filling, 0.0)
    for attend in (
        lambda q, k: (q @ k.mT / 3).masked_fill(HIDDEN, filling).softmax(-1),
        lambda q, k: torch.where(HIDDEN, filling, q @ k.mT / 3).softmax(-1),
        lambda q, k: (q @ k.mT / 3 + added).softmax(-1),
        lambda q, k: torch.baddbmm(added.expand(8, N, N), q.flatten(0, 1), k.flatten(0, 1).mT, alpha=1 / 3).softmax(-1),
    ):
        assert_plain(record(attend), scale=1 / 3, causal=True)


def test_the_maximum_subtracted_is_no_bias():
    def attend(q, k):
        scores = (q @ k.mT).masked_fill(HIDDEN, -torch.inf)
        return (scores - scores.amax(dim=-1, keepdim=True)).softmax(-1)

    assert_plain(record(attend), scale=1, causal=True)


def test_half_precision_rounds_and_is_no_bias():
    layer, samples = record(
        lambda q, k: (q @ k.mT / 3).masked_fill(HIDDEN, -torch.inf).softmax(-1), dtype=torch.bfloat16
    )
    assert layer.causal
    assert samples.bias is None


def test_a_bias_by_position_is_kept_once_for_all_sequences():
    layer, samples = record(lambda q, k: ((q @ k.mT + POSITIONS) / 3).softmax(-1))
    assert layer.scale == pytest.approx(1 / 3)
    assert samples.bias.shape == (1, 4, N, N)
    np.testing.assert_allclose(samples.bias[0], POSITIONS / 3, atol=2e-5)


def test_soft_cap():
    layer, samples = record(lambda q, k: (30 * torch.tanh(q @ k.mT * 0.5 / 30)).masked_fill(HIDDEN, -1e9).softmax(-1))
    assert (layer.softcap, layer.scale, layer.causal) == (30, pytest.approx(0.5), True)
    assert samples.bias is None


def test_sinks():
    sinks = torch.tensor([0.5, -1.0, 2.0, 0.0])

    def attend(q, k):
        column = sinks.reshape(1, -1, 1, 1).expand(2, 4, N, 1)
        scores = torch.cat([(q @ k.mT).masked_fill(HIDDEN, -torch.inf), column], dim=-1)
        return (scores - scores.amax(dim=-1, keepdim=True)).softmax(-1)[..., :-1]

    layer, samples = record(attend)
    np.testing.assert_array_equal(samples.sinks, sinks)
    assert layer.causal
    assert samples.bias is None


def test_one_query_head_of_many_shares_its_keys():
    layer, samples = record(lambda q, k: (q @ k[:, :1].mT).softmax(-1))
    assert (layer.heads, layer.kv_heads) == (4, 1)
    np.testing.assert_array_equal(samples.keys[0, :N], KEYS[0, 0])


def test_einsum_finds_the_queries_wherever_they_stand():
    _, samples = record(lambda q, k: torch.einsum("bhkd,bhqd->bhqk", k, q).softmax(-1))
    np.testing.assert_array_equal(samples.queries[:, :N], QUERIES[0])


@pytest.mark.parametrize(
    "after",
    [
        lambda weights, v: weights.masked_fill(weights < 0.2, 0.0) @ v,  # weak links cut
        lambda weights, v: (weights * torch.tensor([1.0, 1.0, 0.0, 1.0])[:, None, None]) @ v,  # a head switched off
        lambda weights, v: nn.functional.conv2d(weights, torch.ones(4, 4, 1, 1)) @ v,  # heads mixed
        lambda weights, v: weights.square_().div_(weights.sum(-1, keepdim=True)) @ v,  # changed in place
    ],
)
def test_weights_that_are_changed_after_softmax_are_refused(after):
    model = Model(lambda q, k: after((q @ k.mT).softmax(-1), k))
    both = Model(lambda q, k: (model.attend(q, k), (q @ k.mT).softmax(-1) @ k))
    recording = capture(both, Probe((QUERIES, KEYS), [list("abcdef")] * 2))
    assert [layer.name for layer in recording.layers] == ["Model#1"]
    assert "after softmax" in recording.skipped["Model"]


def test_weights_that_stay_the_same_are_not_refused():
    def attend(q, k):
        weights = (q @ k.mT).softmax(-1)
        weights = nn.functional.dropout(weights, 0.5, training=False).to(torch.float64) * 1.0
        return weights.float() @ k

    record(attend)


def test_a_softmax_over_something_else_is_no_attention():
    def attend(q, k):
        nn.Linear(D, 16)(q).softmax(-1)  # a router over experts
        return (q @ k.mT).softmax(-1)

    record(attend)


def test_a_few_sequences_at_a_time_is_the_same(monkeypatch):
    def attend(q, k):
        return (q @ k.mT + POSITIONS).masked_fill(HIDDEN, -torch.inf).softmax(-1)

    _, at_once = record(attend)
    monkeypatch.setattr("tb_attnviz.callbacks.tracing.remainder.LARGEST_LOGITS", 1)
    monkeypatch.setattr("tb_attnviz.callbacks.capture.batch_recording.LARGEST_LOGITS", 1)
    _, apart = record(attend)
    np.testing.assert_allclose(apart.bias, at_once.bias, atol=2e-5)
    assert_plain(record(lambda q, k: (q @ k.mT).masked_fill(HIDDEN, -1e4).softmax(-1)), scale=1, causal=True)


class RelativeKeys(nn.Module):
    """Shaw et al. 2018: queries times learned vectors of offsets, too."""

    def __init__(self, add):
        super().__init__()
        self.add = add
        self.offsets = nn.Parameter(torch.randn(2 * N - 1, D, generator=torch.Generator().manual_seed(4)))

    def forward(self, x):
        q = k = x[:, None]
        places = torch.arange(N)
        relative = torch.einsum("bhid,ijd->bhij", q, self.offsets[places[:, None] - places + N - 1])
        return (self.add(q @ k.mT, relative) / D**0.5).softmax(-1) @ k


@pytest.mark.parametrize("add", [torch.add, lambda products, relative: relative + products])
def test_queries_times_vectors_of_offsets_are_a_bias(add):
    model = RelativeKeys(add)
    [samples] = capture(model, Probe((QUERIES[:, 0],), [list("abcdef")] * 2)).samples
    np.testing.assert_array_equal(samples.queries[0, :N], QUERIES[0, 0])
    places = torch.arange(N)
    expected = (QUERIES[:, 0, :, None] * model.offsets[places[:, None] - places + N - 1]).sum(-1) / D**0.5
    np.testing.assert_allclose(samples.bias[:, 0], expected.detach(), atol=1e-5)
