"""Attentions whose results are subtracted, however that is written, are refused; those that are added are recorded."""

import pytest
import torch
from torch import einsum, nn
from torch.nn import functional

from tb_attnviz.callbacks import NoAttentionError, Probe
from tb_attnviz.callbacks.capture import capture
from tb_attnviz.callbacks.tracing.opposed import Opposed
from tests.callbacks.test_forms import TOKENS, B, D, H, K, Model, N, Q, V, record, scores_of

FACTOR = 0.4
LEARNED = nn.Parameter(torch.tensor(-FACTOR))
BOTH = torch.tensor([1.0, -FACTOR])


def plain(q, k, v):
    return scores_of(q, k).softmax(-1) @ v


SUBTRACTED = {
    "a - b": lambda a, b: a - FACTOR * b,
    "by a factor that happens to be negative": lambda a, b: a - LEARNED * b,
    "alpha": lambda a, b: torch.add(a, b, alpha=-FACTOR),
    "a learned factor": lambda a, b: a + LEARNED * b,
    "a negative number": lambda a, b: a + b / -2.5,
    "negated": lambda a, b: a + -(FACTOR * b),
    "in place": lambda a, b: a.add_(b, alpha=-FACTOR),
    "lerp": lambda a, b: torch.lerp(a, b, 1 + FACTOR),
    "addcmul": lambda a, b: torch.addcmul(a, b, LEARNED),
    "behind norms": lambda a, b: functional.rms_norm(a, (D,)) - functional.rms_norm(b, (D,)),
    "one after the other": lambda a, b: (torch.zeros_like(a) + a).add_(LEARNED * b),
    "summed": lambda a, b: (torch.stack([a, b]) * BOTH.view(2, 1, 1, 1, 1)).sum(0),
    "einsum": lambda a, b: einsum("s,sbhnd->bhnd", BOTH, torch.stack([a, b])),
    "matmul": lambda a, b: torch.stack([a, b], dim=-1) @ BOTH,
    "a linear layer": lambda a, b: functional.linear(torch.stack([a, b], dim=-1), BOTH[None]),
    "tensordot": lambda a, b: torch.tensordot(BOTH, torch.stack([a, b]), 1),
    "diff": lambda a, b: torch.stack([a, b]).diff(dim=0),
    "halves of the heads": lambda a, b: a[:, :2] + LEARNED * a[:, 2:] + b[:, :2],
    "heads mixed": lambda a, b: einsum("bhnd,hg->bgnd", a, torch.eye(H) - 0.5) + b,
}


@pytest.mark.parametrize("attend", [plain, functional.scaled_dot_product_attention])
@pytest.mark.parametrize("name", SUBTRACTED)
def test_what_is_subtracted_is_refused_by_name(attend, name):
    def both(q, k, v):
        return SUBTRACTED[name](attend(q, k, v), attend(q.roll(1, 1), k, v))

    probe = Probe((Q, K, V), TOKENS)
    if name.startswith(("heads", "halves")):
        assert "subtracted" in capture(Model(both), probe).skipped["Model"]
    else:
        with pytest.raises(NoAttentionError, match=r"Model: .*subtracted.* Model#1: .*subtracted"):
            capture(Model(both), probe)


OPPOSED = {
    "by a number": lambda v: -FACTOR * v,
    "by a learned factor": lambda v: v * LEARNED,
    "negated": lambda v: v.neg(),
    "by a factor a head": lambda v: v * torch.tensor([0.5, -0.5, 1.0, -1.0]).view(1, H, 1, 1),
    "by a factor a feature": lambda v: v * torch.linspace(-1, 1, D),
    "by a difference": lambda v: v - (1 + FACTOR) * v,
    "by a matrix": lambda v: v @ (-FACTOR * torch.eye(D)),
}


@pytest.mark.parametrize("attend", [plain, functional.scaled_dot_product_attention])
@pytest.mark.parametrize("name", OPPOSED)
def test_values_that_hide_a_subtraction_are_refused_by_name(attend, name):
    with pytest.raises(NoAttentionError, match=r"Model: .*subtracted.* Model#1: .*subtracted"):
        record(lambda q, k, v: attend(q, k, v) + attend(q.roll(1, 1), k, OPPOSED[name](v)))


def test_values_of_half_of_the_heads_that_hide_a_subtraction():
    def attend(q, k, v):
        y = plain(q, k, torch.cat([v[:, :2], -FACTOR * v[:, :2]], dim=1))
        return y[:, :2] + y[:, 2:]

    with pytest.raises(NoAttentionError, match="subtracted"):
        record(attend)


@pytest.mark.parametrize("values", [lambda v: FACTOR * v, lambda v: -v.roll(1, 2), lambda v: v.flip(-1) - 1])
def test_other_values_are_added(values):
    recording = record(lambda q, k, v: plain(q, k, v) + plain(q.roll(1, 1), k, values(v)))
    assert len(recording.layers) == 2
    assert not recording.skipped


ALIKE = {
    "blank": lambda v: v[:, :, :1].expand_as(v),
    "padded": lambda v: torch.cat([v[:1, :, :3], v[:1, :, 3:4].expand(-1, -1, N - 3, -1)], 2).expand_as(v),
    "of two kinds": lambda v: v[:1, :, torch.arange(N) % 2].expand_as(v),
    "of two kinds, but for rounding": lambda v: v[:1, :, torch.arange(N) % 2] + 1e-6 * v,
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", ALIKE)
def test_values_of_tokens_that_are_alike_are_added(name, dtype):
    """Whatever heads make of few different tokens is opposed in some features, by chance."""

    def attend(q, k, v):
        alike = ALIKE[name](v)
        one, other = (torch.einsum("bhnd,de->bhne", alike, _matrix(seed)).to(dtype) for seed in (0, 1))
        q, k = q.to(dtype), k.to(dtype)
        return plain(q, k, one) + plain(q.roll(1, 1), k, other)

    recording = record(attend)
    assert len(recording.layers) == 2
    assert not recording.skipped


def _matrix(seed):
    return torch.randn(D, D, generator=torch.Generator().manual_seed(seed))


def test_a_constant_beside_opposed_values_hides_no_subtraction():
    with pytest.raises(NoAttentionError, match=r"Model: .*subtracted.* Model#1: .*subtracted"):
        record(lambda q, k, v: plain(q, k, v) + plain(q.roll(1, 1), k, 3 - FACTOR * v))


def _beside(q, k, v, matrix):
    return torch.cat([plain(q, k, v), plain(q.roll(1, 1), k, v)], dim=-1) @ matrix


@pytest.mark.parametrize("matrix", [torch.eye(D), torch.randn(D, D, generator=torch.Generator().manual_seed(1))])
def test_a_projection_that_subtracts_one_result_from_another(matrix):
    with pytest.raises(NoAttentionError, match=r"Model: .*subtracted.* Model#1: .*subtracted"):
        record(lambda q, k, v: _beside(q, k, v, torch.cat([matrix, -FACTOR * matrix])))


@pytest.mark.parametrize("features", [1, 2, D, 100])
def test_a_projection_of_two_results_is_recorded(features):
    generator = torch.Generator().manual_seed(2)
    recording = record(lambda q, k, v: _beside(q, k, v, torch.randn(2 * D, features, generator=generator)))
    assert len(recording.layers) == 2
    assert not recording.skipped


def test_a_projection_of_values_with_one_number_a_token_is_recorded():
    """Of the features that it makes of two heads, half are opposed by chance."""
    recording = record(lambda q, k, v: _beside(q, k, v[..., :1] * torch.arange(1.0, D + 1), torch.randn(2 * D, 3)))
    assert len(recording.layers) == 2
    assert not recording.skipped


LESSENED = {
    "a mean": lambda y, v: y - v.mean(-2, keepdim=True),
    "a part of the sum": lambda y, v: y + (-0.01) * v.sum(2, keepdim=True),
    "by a learned factor": lambda y, v: torch.addcmul(y, v.mean(2, keepdim=True), LEARNED),
    "of what is seen so far": lambda y, v: y - v.cumsum(2) / torch.arange(1.0, N + 1)[:, None],
    "of merged heads": lambda y, v: (
        y.transpose(1, 2).flatten(2).sub(v.transpose(1, 2).flatten(2).mean(1, keepdim=True))
    ),
    "the other way round": lambda y, v: v.mean(2, keepdim=True) - y,
}


@pytest.mark.parametrize("attend", [plain, functional.scaled_dot_product_attention])
@pytest.mark.parametrize("name", LESSENED)
def test_what_is_less_the_mean_of_its_values_is_refused_by_name(attend, name):
    with pytest.raises(NoAttentionError, match="the mean of its values is subtracted"):
        record(lambda q, k, v: LESSENED[name](attend(q, k, v), v))


NOT_LESSENED = {
    "its own mean": lambda y, v: y - y.mean(2, keepdim=True),
    "a mean that is added": lambda y, v: y + v.mean(2, keepdim=True),
    "another mean": lambda y, v: y - v.roll(1, -1).mean(2, keepdim=True),
    "a mean over heads and tokens": lambda y, v: y - 0.1 * y.mean((0, 1, 2)) - y.sum(),
    "a bias": lambda y, v: y - torch.linspace(-1, 1, D),
}


@pytest.mark.parametrize("name", NOT_LESSENED)
def test_other_means_are_no_obstacle(name):
    recording = record(lambda q, k, v: NOT_LESSENED[name](plain(q * 1e-6, k, v), v))
    assert len(recording.layers) == 1
    assert not recording.skipped


def test_few_values_in_sixteen_bits_are_added():
    """Of many heads, some are nearly opposed in a feature by chance."""
    heads, found = 128, Opposed()
    one, other = (torch.randn(1, heads, N, 64, generator=torch.Generator().manual_seed(s)) for s in (0, 1))
    found.take(range(1, heads + 1), one.bfloat16())
    found.take(range(heads + 1, 2 * heads + 1), other.bfloat16())
    numbers = torch.arange(1, heads + 1)
    assert not found.any_of(numbers, numbers + heads)
    found.take(range(heads + 1, 2 * heads + 1), (-FACTOR * one).bfloat16())
    assert found.any_of(numbers, numbers + heads)


def test_a_product_that_is_added_to_a_result_with_a_negative_factor():
    def attend(q, k, v):
        rows = v.flatten(0, 1)
        second = scores_of(q.roll(1, 1), k).softmax(-1).flatten(0, 1)
        return torch.baddbmm(plain(q, k, v).flatten(0, 1), second, rows, alpha=-FACTOR)

    with pytest.raises(NoAttentionError, match="subtracted"):
        record(attend)


ADDED = {
    "a sum": lambda a, b, x: a + FACTOR * b,
    "a mean": lambda a, b, x: torch.stack([a, b]).mean(0),
    "between the two": lambda a, b, x: a.lerp(b, FACTOR),
    "to the residual stream": lambda a, b, x: x - a,
    "projected": lambda a, b, x: (
        a.transpose(1, 2).flatten(2) @ torch.arange(-16.0, 16).diag() - b.transpose(1, 2).flatten(2)
    ),
    "projected head by head": lambda a, b, x: (
        einsum("bhnd,hdm->bnm", a - x, torch.eye(D).repeat(H, 1, 1) - 0.5) + b.mean(1)
    ),
    "rotated": lambda a, b, x: a * 0.6 + torch.cat([-a[..., 4:], a[..., :4]], dim=-1) * 0.8,
}


@pytest.mark.parametrize("name", ADDED)
def test_what_is_not_subtracted_is_recorded(name):
    recording = record(lambda q, k, v: ADDED[name](plain(q, k, v), plain(q.roll(1, 1), k, v), v))
    assert len(recording.layers) == 2
    assert not recording.skipped


class Residual(nn.Module):
    """Layers without a projection, each of which subtracts what it attends to from what it was given."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(N, H * D)

    def forward(self, ids):
        x = self.embedding(ids).view(len(ids), N, H, D).transpose(1, 2)
        for _ in range(2):
            x = x - plain(x, x, x)
        return x


def test_layers_after_each_other_are_not_subtracted_from_each_other():
    recording = capture(Residual(), Probe((torch.arange(N).expand(B, N),), TOKENS))
    assert len(recording.layers) == 2
    assert not recording.skipped


@pytest.mark.parametrize("is_product", [True, False], ids=["of queries and keys, too", "of positions"])
def test_a_mixture_of_two_softmaxes_is_refused_as_one(is_product):
    """ConViT's gate (arXiv 2103.10697): what both give is of each no more than a part."""

    def gated(q, k, v):
        other = (
            scores_of(k, q) if is_product else -torch.arange(N).sub(torch.arange(N)[:, None]).abs().expand(B, H, N, N)
        )
        gate = torch.linspace(0.2, 0.8, H).view(H, 1, 1)
        weights = gate * scores_of(q, k).softmax(-1) + (1 - gate) * other.float().softmax(-1)
        return weights / weights.sum(-1, keepdim=True) @ v

    with pytest.raises(NoAttentionError) as refused:
        capture(Model(gated), Probe((Q, K, V), TOKENS))
    why = str(refused.value)
    mixed = why.count("its weights are mixed with those of another softmax before they meet values")
    assert (mixed, why.count("its logits are no product of queries and keys")) == ((2, 0) if is_product else (1, 1))
