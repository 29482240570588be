"""Attentions whose results are divided by other sums with their weights are refused; other quotients are recorded."""

import numpy as np
import pytest
import torch
from torch import einsum, nn
from torch.nn import functional

from tb_attnviz.callbacks import NoAttentionError, Probe, attnviz_tap
from tb_attnviz.callbacks.capture import capture
from tests.callbacks.test_forms import SCALE, TOKENS, B, D, H, K, Model, N, Q, V, recomputed, record, softmax_of

KEPT = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0, 1.0])
GATE = torch.rand(B, H, N, generator=torch.Generator().manual_seed(3)) + 0.1
M = GATE.unsqueeze(-1)
PROJECTION = nn.Linear(H * D, H * D)


def weights_of(q, k):
    return (q @ k.mT * SCALE).softmax(-1)


def in_place(w, v):
    y, z = w @ (v * M), w @ M
    y /= z.clamp_(min=1e-6)
    return y


def split(w, v):
    y, z = (w @ torch.cat([v * M, M], dim=-1)).split([D, 1], dim=-1)
    return y / z


def joined_and_split(w, v):
    y, z = torch.cat([w @ (v * M), w @ M], dim=-1).split([D, 1], dim=-1)
    return y / z


def written(w, v):
    y, z = torch.empty(B, H, N, D), torch.empty(B, H, N, 1)
    y[:] = w @ (v * M)
    z.copy_(w @ M)
    return y / z


def whole_by_its_last(w, v):
    y = w @ torch.cat([v * M, M], dim=-1)
    return (y / y[..., -1:].clamp(min=1e-6))[..., :-1]


def merged(w, v):
    y = (w @ (v * M)).transpose(1, 2).reshape(B, N, H * D)
    z = (w @ M).expand(-1, -1, -1, D).transpose(1, 2).reshape(B, N, H * D)
    return y / z


def projected(w, v):
    y, z = w @ (v * KEPT[:, None]), w @ KEPT[:, None]
    return PROJECTION(y.transpose(1, 2).flatten(2)) / z[:, 0]


def guarded(w, v):
    z = w @ M
    z = torch.where(z > 0, z, 1.0)
    z[z == 0] = 1.0
    z = z + (z == 0).float()
    return (w @ (v * M)) / z


def by_hand(w, v):
    return (w[..., None] * torch.cat([v * M, M], -1).unsqueeze(2)).sum(-2)


DIVIDED = {
    "a gate": lambda w, v: (w @ (v * M)) / (w @ M),
    "a mask": lambda w, v: (w @ (v * KEPT.unsqueeze(-1))) / (w @ KEPT.unsqueeze(-1)),
    "a mask [n]": lambda w, v: (w @ (v * KEPT[:, None])) / (w @ KEPT).unsqueeze(-1),
    "eps": lambda w, v: (w @ (v * M)) / (w @ M + 1e-6),
    "clamp": lambda w, v: torch.div(w @ (v * M), torch.clamp(w @ M, min=1e-6)),
    "maximum": lambda w, v: torch.true_divide(w @ (v * M), torch.maximum(w @ M, torch.tensor(1e-6))),
    "in place": in_place,
    "guarded": guarded,
    "einsum": lambda w, v: einsum("bhqk,bhkd->bhqd", w, v * M) / einsum("bhqk,bhk->bhq", w, GATE).unsqueeze(-1),
    "einsum below": lambda w, v: (w @ (v * M)) / einsum("bhqk,bhkd->bhqd", w, M),
    "einsum above": lambda w, v: einsum("bhqk,bhkd->bhqd", w, v * M) / (w @ M),
    "heads after queries": lambda w, v: (w @ (v * M)).transpose(1, 2) / (w @ M).transpose(1, 2),
    "split": split,
    "written into other tensors": written,
    "joined and split": joined_and_split,
    "whole by its last": whole_by_its_last,
    "merged": merged,
    "after a projection": projected,
    "reciprocal": lambda w, v: (w @ M).reciprocal() * (w @ (v * M)),
    "1 /": lambda w, v: (w @ (v * M)) * (1 / (w @ M + 1e-6)),
    "a power": lambda w, v: (w @ (v * M)).mul((w @ M) ** -1),
    "einsum with an inverse": lambda w, v: einsum("bhqd,bhq->bhqd", w @ (v * M), 1 / (w @ M)[..., 0]),
    "addcdiv": lambda w, v: torch.addcdiv(v, w @ (v * M), w @ M),
    "a sum of changed weights": lambda w, v: (w @ (v * M)) / (w * GATE.unsqueeze(-2)).sum(-1, keepdim=True),
    "a sum of filled weights": lambda w, v: (
        (w @ (v * KEPT[:, None])) / w.masked_fill(KEPT == 0, 0.0).sum(-1, keepdim=True)
    ),
    "a sum of some weights": lambda w, v: (w @ (v * KEPT[:, None])) / w[..., KEPT.bool()].sum(-1, keepdim=True),
    "what is left of 1": lambda w, v: (w @ (v * KEPT[:, None])) / (1 - w[..., KEPT == 0].sum(-1, keepdim=True)),
    "a linear layer": lambda w, v: (w @ (v * KEPT[:, None])) / functional.linear(w, KEPT[None]),
    "by its mean over heads": lambda w, v: (w @ (v * M)) / (w @ M).mean(1, keepdim=True),
    "by a mean over heads without its axis": lambda w, v: (w @ (v * M)) / (w @ M).mean(1)[:, None],
    "by its largest": lambda w, v: (w @ (v * M)) / (w @ M).max(dim=-2, keepdim=True)[0].clamp(min=1e-6),
    "by its total": lambda w, v: (w @ (v * M)) / (w @ M).sum(),
    "means by means": lambda w, v: (w @ (v * M)).mean(1) / (w @ M).mean(1),
    "whole by the mean of its last": lambda w, v: (y := w @ torch.cat([v * M, M], -1)) / y[..., -1:].mean(),
    "by hand": lambda w, v: by_hand(w, v)[..., :-1] / by_hand(w, v)[..., -1:],
    "by hand, above": lambda w, v: by_hand(w, v)[..., :-1] / (w @ M),
    "behind a norm": lambda w, v: functional.rms_norm(w @ (v * M), (D,)) / (w @ M),
    "kept for later": lambda w, v: torch.stack([w @ (v * M), (w @ M).expand(-1, -1, -1, D)]).unbind(0)[0] / (w @ M),
}


@pytest.mark.parametrize("name", DIVIDED)
def test_what_is_divided_by_another_sum_with_its_weights_is_refused_by_name(name):
    with pytest.raises(NoAttentionError, match=r"Model: its result is divided by another sum with its weights"):
        record(lambda q, k, v: DIVIDED[name](weights_of(q, k), v))


def test_a_fused_kernel_whose_values_hold_the_divisor_is_refused_by_name():
    def attend(q, k, v):
        y = functional.scaled_dot_product_attention(q, k, torch.cat([v * M, M], dim=-1))
        return y[..., :-1] / y[..., -1:]

    with pytest.raises(NoAttentionError, match="Model: its result is divided by another sum with its weights"):
        record(attend)


def test_two_calls_of_a_fused_kernel_that_are_divided_are_refused_by_name():
    attend = functional.scaled_dot_product_attention
    with pytest.raises(NoAttentionError, match=r"Model: .* divided by that of Model#1.* Model#1: .*that of Model,"):
        record(lambda q, k, v: attend(q, k, v * M) / attend(q, k, M))


class Normalised(nn.Module):
    """RMSNorm, written out."""

    def forward(self, x):
        return x / (x.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt()


def softsign(w, v):
    y = w @ v
    return y / (1 + y.abs())


def rollout(w, v):
    mean = w.mean(1) + torch.eye(N)
    return w @ v, mean / mean.sum(-1, keepdim=True)


def of_several_values(w, v):
    """Attentive normalisation: the values less their mean, by their deviation, both as attended to."""
    mean, square = w @ v, w @ v.square()
    return (v - mean) / (square - mean.square()).clamp(min=1e-6).sqrt()


def two_halves(w, v):
    one, other = (w @ v).chunk(2, dim=-1)
    return one / other.norm(dim=-1, keepdim=True) + other / (1 + torch.exp(-one))


def joined(w, v):
    y = torch.cat([w @ v, w @ v[..., :2]], dim=-1)
    return y / y.norm(dim=-1, keepdim=True)


UNDIVIDED = {
    "a number": lambda w, v: (w @ v) / 3,
    "sqrt(d)": lambda w, v: (w @ v) / torch.tensor(D).sqrt(),
    "a vector": lambda w, v: (w @ v) / torch.linspace(1, 2, D),
    "a learned gate": lambda w, v: (w @ v) / (1 + torch.exp(-v)),
    "a gate of each query": lambda w, v: (w @ v) * (1 / (1 + v.sum(-1, keepdim=True).exp())),
    "its norm": lambda w, v: (w @ v) / (w @ v).norm(dim=-1, keepdim=True),
    "its own norm": lambda w, v: functional.normalize(w @ v, dim=-1),
    "RMSNorm": lambda w, v: Normalised()(w @ v),
    "RMSNorm in the residual stream": lambda w, v: Normalised()(v + w @ v),
    "LayerNorm": lambda w, v: functional.layer_norm(w @ v, (D,)),
    "its largest": lambda w, v: (w @ v) / (w @ v).abs().amax(-1, keepdim=True),
    "softsign": softsign,
    "its sum of weights": lambda w, v: (w @ v) / w.sum(-1, keepdim=True),
    "its sum of weights and eps": lambda w, v: (w @ v) / (w.sum(-1, keepdim=True) + 1e-6),
    "its product with ones": lambda w, v: (w @ v) / (w @ torch.ones(N, 1)).clamp(min=1e-6),
    "a projection's norm": lambda w, v: Normalised()(PROJECTION((w @ v).transpose(1, 2).flatten(2))),
    "a mean over tokens": lambda w, v: (w @ v * KEPT[:, None]).sum(2) / KEPT.sum(),
    "maps that are normalised": rollout,
    "attentive normalisation": of_several_values,
    "two halves": two_halves,
    "two products": joined,
    "a softmax of something else": lambda w, v: (w @ v) / (v.softmax(-1) @ torch.ones(D, 1) + v.square()),
}


@pytest.mark.parametrize("name", UNDIVIDED)
def test_other_quotients_are_no_obstacle(name):
    recording = record(lambda q, k, v: UNDIVIDED[name](weights_of(q, k), v))
    assert not recording.skipped
    np.testing.assert_allclose(recomputed(recording), softmax_of(Q, K), atol=1e-6)


def test_a_mask_that_leaves_nothing_out_is_no_obstacle():
    """Its keys are hidden before the softmax, too."""

    def attend(q, k, v):
        w = (q @ k.mT * SCALE).masked_fill(KEPT == 0, -torch.inf).softmax(-1)
        return (w @ (v * KEPT[:, None])) / (w @ KEPT[:, None] + 1e-6)

    [layer] = record(attend).layers
    assert layer.name == "Model"


def test_maps_of_two_attentions_that_are_divided_are_no_obstacle():
    def attend(q, k, v):
        both = [weights_of(q, k), weights_of(q.roll(1, 1), k)]
        one, other = (w.mean(1) + 1e-6 for w in both)
        return both[0] @ v + both[1] @ v, one / other, one / one.sum(-1, keepdim=True)

    recording = record(attend)
    assert not recording.skipped
    assert len(recording.layers) == 2


class Layers(nn.Module):
    """Layers without a projection, each of which divides what it is given by its norm."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(N, H * D)
        self.own = []

    def forward(self, ids):
        self.own = []
        x = self.embedding(ids).view(len(ids), N, H, D).transpose(1, 2)
        for _ in range(3):
            x = Normalised()(x)
            w = weights_of(x, x)
            self.own.append(w)
            x = x + (w @ x) / (1 + x.norm(dim=-1, keepdim=True))
        return x / x[:, :, :1].norm(dim=-1, keepdim=True)


def test_layers_that_divide_by_what_earlier_ones_gave_are_recorded():
    model = Layers()
    ids = torch.arange(N).expand(B, N)
    recording = capture(model, Probe((ids,), TOKENS))
    assert not recording.skipped
    assert len(recording.layers) == 3
    model(ids)
    for index in range(3):
        samples = recording.samples[index]
        queries, keys = (torch.as_tensor(x[:, :N]) for x in (samples.queries, samples.expanded_keys()))
        own = model.own[index][0].detach()
        torch.testing.assert_close((queries @ keys.mT * recording.layers[index].scale).softmax(-1), own)


@pytest.mark.parametrize("soft", [True, False])
def test_a_tap_after_the_softmax_shows_what_is_attended_with(soft):
    m = GATE if soft else KEPT.expand(B, H, N)

    def attend(q, k, v):
        w = weights_of(q, k)
        mask = m.log() if soft else m.bool()
        attnviz_tap(q, k, mask=mask.unsqueeze(-2))
        return (w @ (v * m.unsqueeze(-1))) / (w @ m.unsqueeze(-1))

    recording = capture(Model(attend), Probe((Q, K, V), TOKENS))
    assert "divided" in recording.skipped["Model"]
    left = softmax_of(Q, K) * m.unsqueeze(-2).double().numpy()
    np.testing.assert_allclose(recomputed(recording), left / left.sum(-1, keepdims=True), atol=1e-6)
