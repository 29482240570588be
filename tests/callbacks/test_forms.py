"""One attention, written in all the ways that models write it, is recorded as that one attention, with its values."""

import math

import numpy as np
import pytest
import torch
from torch import einsum, nn
from torch.nn import functional

from tb_attnviz.callbacks import NoAttentionError, Probe
from tb_attnviz.callbacks.capture import capture
from tb_attnviz.geometry import attention, logits, visible_pairs

B, H, N, D = 3, 4, 6, 8
SCALE = 1 / math.sqrt(D)
GENERATOR = torch.Generator().manual_seed(0)
Q, K, V = (torch.randn(B, H, N, D, generator=GENERATOR) for _ in range(3))
TEMPERATURES = torch.tensor([0.5, 1.0, 2.0, 4.0])
SINKS = torch.tensor([0.5, -1.0, 2.0, 0.0])
TOKENS = [list("abcdef")] * B


class Model(nn.Module):
    def __init__(self, attend):
        super().__init__()
        self.attend = attend

    def forward(self, *qkv):
        return self.attend(*qkv)


def record(attend, kv_heads=H):
    probe = Probe((Q, K[:, :kv_heads], V[:, :kv_heads]), TOKENS)
    return capture(Model(attend), probe, values=True)


def recomputed(recording):
    """[B, heads, N, N] from what is recorded."""
    [layer], [samples] = recording.layers, recording.samples
    queries, keys = samples.queries, samples.expanded_keys()  # (heads, B · N, d)
    found = []
    for sequence in range(B):
        part = slice(sequence * N, (sequence + 1) * N)
        bias = None if samples.bias is None else samples.bias[sequence % len(samples.bias)]
        scores = logits(queries[:, part], keys[:, part], scale=layer.scale, softcap=layer.softcap, bias=bias)
        visible = visible_pairs(N, N, causal=layer.causal, bias=bias, like=queries)
        found.append(attention(scores, visible, sinks=samples.sinks))
    return np.stack(found)


def softmax_of(q, k, scale=SCALE):
    """In float64, pair by pair."""
    scores = (q.double()[:, :, :, None] * k.double()[:, :, None]).sum(dim=-1) * scale
    return scores.softmax(dim=-1).numpy()


def scores_of(q, k):
    return q @ k.mT / math.sqrt(D)


def dots(q, k, v):
    return einsum("...qk,...kd->...qd", (einsum("...qd,...kd->...qk", q, k) * SCALE).softmax(-1), v)


def dots_in_front_of_heads(q, k, v):
    return einsum("...hqk,...hkd->...hqd", (einsum("...hqd,...hkd->...hqk", q, k) * SCALE).softmax(-1), v)


def einsum_of_a_list(q, k, v):
    weights = (torch.einsum("bhid, bhjd -> bhij", [q, k]) * SCALE).softmax(-1)
    return torch.einsum("bhij,bhjd->bihd", [weights, v]).flatten(2)


def einsum_without_an_arrow(q, k, v):
    return (einsum("abid,abjd->abij", q, k) * SCALE).softmax(-1) @ v


def heads_last(q, k, v):
    scores = einsum("bihd,bjhd->bijh", q.transpose(1, 2), k.transpose(1, 2)) * SCALE
    return einsum("bijh,bjhd->bihd", scores.softmax(dim=2), v.transpose(1, 2))


def permuted(q, k, v):
    scores = einsum("bhid,bhjd->ijbh", q, k) * SCALE
    weights = scores.permute(2, 3, 0, 1).softmax(-1)
    return weights @ v


def by_keyword(q, k, v):
    weights = torch.softmax(input=torch.matmul(input=q, other=k.mT) * SCALE, dim=-1)
    return torch.matmul(input=weights, other=v)


def keys_times_queries(q, k, v):
    scores = k @ q.mT * SCALE  # (B, H, keys, queries)
    return scores.transpose(-2, -1).softmax(-1) @ v


def softmax_over_rows(q, k, v):
    weights = (k @ q.mT * SCALE).softmax(dim=-2)  # (B, H, keys, queries)
    return v.mT @ weights


def merged_until_softmax(q, k, v):
    q, k, v = (x.reshape(B * H, N, D) for x in (q, k, v))
    return torch.bmm((torch.bmm(q, k.mT) * SCALE).softmax(-1), v)


def unmerged_before_softmax(q, k, v):
    q, k, v = (x.reshape(B * H, N, D) for x in (q, k, v))
    weights = (torch.bmm(q, k.mT).view(B, H, N, N) * SCALE).softmax(-1)
    return torch.bmm(weights.view(B * H, N, N), v)


def log_of_softmax(q, k, v):
    logarithms = scores_of(q, k).log_softmax(-1)
    entropy = -(logarithms.exp() * logarithms).sum(-1)  # what it is wanted for
    return logarithms.exp() @ v + entropy[..., None]


def rounded_to_half(q, k, v):
    return scores_of(q, k).softmax(-1).bfloat16().float() @ v


def by_other_names(q, k, v):
    return torch.linalg.matmul(torch.special.softmax(torch.linalg.matmul(q, k.mT) * SCALE, -1), v)


def by_operators(q, k, v):
    scores = torch.ops.aten.matmul.default(q, k.mT) * SCALE
    return torch.ops.aten.matmul(torch.ops.aten.softmax.int(scores, -1), v)


def by_the_kernels_operator(q, k, v):
    return torch.ops.aten.scaled_dot_product_attention(q, k, v)


def log_by_another_name(q, k, v):
    return torch.special.log_softmax(scores_of(q, k), -1).exp() @ v


@pytest.mark.parametrize("softmax", [functional.softmin, lambda x, dim: torch._masked_softmax(x, x > 9, dim)])
def test_other_kinds_of_softmax_are_refused_by_name(softmax):
    with pytest.raises(NoAttentionError, match="its logits are no product of queries and keys that could be seen"):
        record(lambda q, k, v: softmax(scores_of(q, k), 3) @ v)


def fused_and_merged(q, k, v):
    return functional.scaled_dot_product_attention(*(x.reshape(B * H, N, D) for x in (q, k, v)))


def heads_apart(q, k, v):
    weights = scores_of(q, k).softmax(-1)
    parts = [part @ values for part, values in zip(weights.unbind(1), v.unbind(1), strict=True)]
    return torch.stack(parts, dim=1)


def in_chunks(q, k, v):
    weights = torch.cat([part.contiguous() for part in scores_of(q, k).softmax(-1).chunk(2, dim=1)], dim=1)
    return weights @ v


def summed_by_hand(q, k, v):
    return (scores_of(q, k).softmax(-1)[..., None] * v[:, :, None]).sum(dim=-2)


def with_a_look_at_it(q, k, v):
    weights = scores_of(q, k).softmax(-1)
    mean, _strongest = weights.mean(dim=1), weights.topk(2)
    (weights.clamp(min=1e-9).log() * weights).sum()
    return weights @ v, mean


@torch.jit.script
def _attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, d: float):
    return torch.matmul((torch.matmul(q, k.transpose(-2, -1)) / d**0.5).softmax(-1), v)


def scripted(q, k, v):
    return _attend(q, k, v, float(D))


def traced(q, k, v):
    return _traced(q, k, v)


def exponentials_by_their_sum(q, k, v):
    exponentials = scores_of(q, k).exp()
    return (exponentials / exponentials.sum(-1, keepdim=True)) @ v


def exponentials_less_the_largest(q, k, v):
    scores = scores_of(q, k)
    exponentials = (scores - scores.amax(-1, keepdim=True)).exp_()
    exponentials /= exponentials.sum(-1, keepdim=True)
    return einsum("bhij,bhjd->bhid", exponentials, v)


def exponentials_of_logarithms(q, k, v):
    scores = scores_of(q, k)
    return (scores - scores.logsumexp(-1, keepdim=True)).exp() @ v


def powers_of_two(q, k, v):
    powers = torch.exp2(scores_of(q, k) * math.log2(math.e))
    return (powers * (1 / powers.sum(-1, keepdim=True))) @ v


def normalized_exponentials(q, k, v):
    return functional.normalize(scores_of(q, k).exp(), p=1, dim=-1) @ v


def written_in_place_to_the_same(q, k, v):
    weights = scores_of(q, k).softmax(-1)
    weights *= torch.ones(H, 1, 1)
    return weights @ v


def made_to_sum_to_1_again(q, k, v):
    weights = scores_of(q, k).softmax(-1)
    return (weights / (weights.sum(-1, keepdim=True) + 1e-9)) @ v


_traced = torch.jit.trace(functional.scaled_dot_product_attention, (Q, K, V))

SAME = [
    dots, dots_in_front_of_heads, einsum_of_a_list, einsum_without_an_arrow, heads_last, permuted, by_keyword,
    keys_times_queries, softmax_over_rows, merged_until_softmax, unmerged_before_softmax, log_of_softmax,
    rounded_to_half, by_other_names, by_operators, by_the_kernels_operator, log_by_another_name,
    fused_and_merged, heads_apart, in_chunks, summed_by_hand, with_a_look_at_it, written_in_place_to_the_same,
    scripted, traced, exponentials_by_their_sum, exponentials_less_the_largest, exponentials_of_logarithms,
    powers_of_two, normalized_exponentials, made_to_sum_to_1_again,
]  # fmt: skip


@pytest.mark.parametrize("attend", SAME)
def test_it_is_the_same_attention(attend):
    recording = record(attend)
    assert not recording.skipped
    [layer], [samples] = recording.layers, recording.samples
    np.testing.assert_allclose(recomputed(recording), softmax_of(Q, K), atol=1e-6)
    np.testing.assert_array_equal(samples.queries, Q.transpose(0, 1).flatten(1, 2))
    assert layer.scale == pytest.approx(SCALE)
    assert samples.bias is None
    if attend not in (heads_apart, summed_by_hand):  # which meet their values a part at a time, or all at once
        norms = V.norm(dim=-1).transpose(0, 1).flatten(1)
        np.testing.assert_allclose(samples.value_norms, norms, rtol=1e-5)


def shared_by_einsum(q, k, v):
    k, v = k[:, 0], v[:, 0]
    return einsum("bhij,bjd->bhid", (einsum("bhid,bjd->bhij", q, k) * SCALE).softmax(-1), v)


def shared_as_rows(q, k, v):
    scores = q.reshape(B, H * N, D) @ k[:, 0].mT
    weights = (scores.view(B, H, N, N) * SCALE).softmax(-1)
    return weights.view(B, H * N, N) @ v[:, 0]


def shared_by_broadcast(q, k, v):
    return scores_of(q, k).softmax(-1) @ v


def in_groups(q, k, v):
    grouped = q.view(len(q), 2, 2, N, D)
    scores = einsum("bgrid,bgjd->bgrij", grouped, k) * SCALE
    return einsum("bgrij,bgjd->bgrid", scores.softmax(-1), v)


@pytest.mark.parametrize(
    ("attend", "kv_heads"), [(shared_by_einsum, 1), (shared_as_rows, 1), (shared_by_broadcast, 1), (in_groups, 2)]
)
def test_shared_keys_are_kept_once(attend, kv_heads):
    recording = record(attend, kv_heads)
    [layer], [samples] = recording.layers, recording.samples
    assert (layer.heads, layer.kv_heads) == (H, kv_heads)
    np.testing.assert_allclose(
        recomputed(recording), softmax_of(Q, K[:, :kv_heads].repeat_interleave(H // kv_heads, 1)), atol=1e-6
    )
    np.testing.assert_allclose(samples.value_norms, V[:, :kv_heads].norm(dim=-1).transpose(0, 1).flatten(1), rtol=1e-5)


def test_a_softmax_that_is_written_out_with_a_mask():
    def attend(q, k, v):
        exponentials = scores_of(q, k).exp() * torch.ones(N, N).tril()
        return (exponentials / exponentials.sum(-1, keepdim=True)) @ v

    recording = record(attend)
    assert recording.layers[0].causal
    expected = (Q.double() @ K.double().mT * SCALE).masked_fill(torch.ones(N, N).triu(1).bool(), -torch.inf).softmax(-1)
    np.testing.assert_allclose(recomputed(recording), expected, atol=1e-6)


NO_SOFTMAX = {
    "less below": lambda e, v: (e / (e.sum(-1, keepdim=True) - 0.5)) @ v,
    "divided behind the values": lambda e, v: (e @ v) / e.sum(-1, keepdim=True),
    "not divided": lambda e, v: e @ v,
}


@pytest.mark.parametrize("name", NO_SOFTMAX)
def test_exponentials_that_are_no_weights_are_refused_by_name(name):
    with pytest.raises(NoAttentionError, match="writes its softmax out"):
        record(lambda q, k, v: NO_SOFTMAX[name](scores_of(q, k).exp(), v))


def test_weights_that_are_written_out_and_changed_are_refused_by_name():
    def attend(q, k, v):
        exponentials = scores_of(q, k).exp()
        weights = exponentials / exponentials.sum(-1, keepdim=True)
        weights[..., 0] = 0
        return weights @ v

    with pytest.raises(NoAttentionError, match="after softmax"):
        record(attend)


@pytest.mark.parametrize("fused", [True, False])
def test_a_model_that_asks_for_gradients_in_its_forward(fused):
    """As those of energies do, whose forces are gradients."""
    bias = torch.randn(N, N, generator=torch.Generator().manual_seed(1)).requires_grad_()

    def attend(q, k, v):
        with torch.enable_grad():
            q = q.clone().requires_grad_()
            if fused:
                y = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
            else:
                y = (scores_of(q, k) + bias).softmax(-1) @ v
            [gradient] = torch.autograd.grad(y.sum(), q)
        return y + gradient

    recording = record(attend)
    expected = (Q.double() @ K.double().mT * SCALE + bias.detach()).softmax(-1)
    np.testing.assert_allclose(recomputed(recording), expected, atol=1e-6)
    assert recording.layers[0].values


def test_products_of_complex_numbers_are_refused_by_name():
    def attend(q, k, v):
        q, k = (torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous()) for x in (q, k))
        return (q @ k.mH).real.softmax(-1) @ v

    with pytest.raises(NoAttentionError, match="no product of queries and keys"):
        record(attend)


MIXING = torch.randn(H, D, D, generator=torch.Generator().manual_seed(1))
CHANNELS = torch.rand(H, D, generator=torch.Generator().manual_seed(2)) + 0.5
OF_THREE = {
    "bhid,bhjd,h->bhij": (lambda q, k: (q, k, TEMPERATURES), Q * TEMPERATURES[:, None, None]),
    "h,bhid,bhjd->bhij": (lambda q, k: (TEMPERATURES, q, k), Q * TEMPERATURES[:, None, None]),
    "bhid,hd,bhjd->bhij": (lambda q, k: (q, CHANNELS, k), Q * CHANNELS[:, None]),
    "bhid,hde,bhje->bhij": (lambda q, k: (q, MIXING, k), Q @ MIXING),
}


@pytest.mark.parametrize("equation", OF_THREE)
def test_an_einsum_of_three_is_read_as_two_of_two(equation):
    given, queries = OF_THREE[equation]
    values = torch.randn(H, D, 5, generator=torch.Generator().manual_seed(3))

    def attend(q, k, v):
        weights = einsum(equation, *given(q, k)).softmax(-1)
        return einsum("bhij,bhjd,hdo->bio", weights, v, values)

    recording = record(attend)
    assert not recording.skipped
    np.testing.assert_allclose(recomputed(recording), softmax_of(queries, K, scale=1), atol=1e-6)
    assert recording.layers[0].values


def test_an_einsum_of_weights_values_and_factors_of_keys_is_refused_by_name():
    with pytest.raises(NoAttentionError, match="after softmax"):
        record(lambda q, k, v: einsum("bhij,j,bhjd->bhid", scores_of(q, k).softmax(-1), torch.arange(N) / N, v))


BY_TEMPERATURES = {
    "times": lambda scores: scores * TEMPERATURES[:, None, None],
    "divided by": lambda scores: scores / TEMPERATURES[:, None, None],
    "by einsum": lambda scores: einsum("h,bhij->bhij", TEMPERATURES, scores),
}


@pytest.mark.parametrize("name", BY_TEMPERATURES)
def test_a_temperature_of_each_head_becomes_part_of_its_queries(name):
    recording = record(lambda q, k, v: BY_TEMPERATURES[name](q @ k.mT).softmax(-1) @ v)
    assert recording.samples[0].bias is None
    factors = 1 / TEMPERATURES if name == "divided by" else TEMPERATURES
    expected = softmax_of(Q * factors[:, None, None], K, scale=1)
    np.testing.assert_allclose(recomputed(recording), expected, atol=1e-6)


def test_the_sum_of_two_products_is_one_of_longer_vectors():
    def attend(q, k, v):
        content = einsum("bhid,bhjd->bhij", q, k)
        position = 0.5 * (k.roll(1, 1) @ v.mT)
        return ((content + position) * SCALE).softmax(-1) @ v

    recording = record(attend)
    assert recording.layers[0].head_dim == 2 * D
    assert recording.samples[0].bias is None
    queries, keys = torch.cat([Q, 0.5 * K.roll(1, 1)], dim=-1), torch.cat([K, V], dim=-1)
    np.testing.assert_allclose(recomputed(recording), softmax_of(queries, keys), atol=1e-6)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("padded", [True, False])
def test_sinks_before_the_keys_or_behind_them(first, padded):
    def attend(q, k, v):
        scores = scores_of(q, k)
        if padded:
            scores = functional.pad(scores, (1, 0) if first else (0, 1), value=0.5)
        else:
            column = SINKS.view(1, H, 1, 1).expand(B, H, N, 1)
            scores = torch.cat([column, scores] if first else [scores, column], dim=-1)
        weights = scores.softmax(-1)
        return (weights[..., 1:] if first else weights[..., :-1]) @ v

    recording = record(attend)
    assert not recording.skipped
    sinks = torch.full((H,), 0.5) if padded else SINKS
    np.testing.assert_allclose(recording.samples[0].sinks, sinks, rtol=1e-6)
    scores = (Q.double() @ K.double().mT * SCALE).exp()
    expected = scores / (scores.sum(-1, keepdim=True) + sinks.double().exp().view(1, H, 1, 1))
    np.testing.assert_allclose(recomputed(recording), expected, atol=1e-6)
    assert recording.layers[0].values


def one_more_below(scores):
    e = scores.exp()
    return e / (1 + e.sum(-1, keepdim=True))


def one_more_below_in_place(scores):
    e = scores.exp()
    below = e.sum(dim=-1, keepdim=True)
    below += 1.0
    e /= below
    return e


def one_more_below_and_safe_from_overflow(scores):
    largest = scores.amax(-1, keepdim=True)
    e = (scores - largest).exp()
    return e / (e.sum(-1, keepdim=True) + (-largest).exp())


def one_more_below_and_masked(scores):
    e = scores.exp().masked_fill(torch.ones(N, N).triu(1).bool(), 0.0)
    return e / (e.sum(-1, keepdim=True) + 1)


def a_number_of_each_head_below(scores):
    e = scores.exp()
    return e / (e.sum(-1, keepdim=True) + SINKS.exp().view(H, 1, 1))


def a_number_of_each_query_below(scores):
    e = scores.exp()
    return e / (e.sum(-1, keepdim=True) + torch.arange(1.0, N + 1)[:, None])


MORE_BELOW = {
    one_more_below: torch.zeros(H),
    one_more_below_in_place: torch.zeros(H),
    one_more_below_and_safe_from_overflow: torch.zeros(H),
    one_more_below_and_masked: torch.zeros(H),
    a_number_of_each_head_below: SINKS,
    a_number_of_each_query_below: torch.zeros(H),
}


@pytest.mark.parametrize("weigh", MORE_BELOW, ids=lambda weigh: weigh.__name__)
def test_what_is_added_below_a_softmax_that_is_written_out_is_a_sink(weigh):
    recording = record(lambda q, k, v: weigh(scores_of(q, k)) @ v)
    assert not recording.skipped
    np.testing.assert_allclose(recording.samples[0].sinks, MORE_BELOW[weigh], atol=1e-6)
    assert (recording.samples[0].bias is None) == (weigh is not a_number_of_each_query_below)
    np.testing.assert_allclose(recomputed(recording), weigh(Q.double() @ K.double().mT * SCALE), atol=1e-6)


def test_what_is_added_to_the_logits_of_a_query_counts_beside_a_sink():
    def weights_of(scores):
        return functional.pad(scores + torch.arange(N)[:, None], (0, 1)).softmax(-1)[..., :-1]

    recording = record(lambda q, k, v: weights_of(scores_of(q, k)) @ v)
    np.testing.assert_allclose(recomputed(recording), weights_of(Q.double() @ K.double().mT * SCALE), atol=1e-6)


CHANGED = {
    "a key set to zero": lambda w, v: w.index_fill(-1, torch.tensor([0]), 0.0) @ v,
    "one set to zero in place": lambda w, v: _set(w, 0.0) @ v,
    "one set to zero through a view": lambda w, v: (w[..., 0].zero_(), w @ v),
    "squared": lambda w, v: (w**2 / (w**2).sum(-1, keepdim=True)) @ v,
    "the strongest alone": lambda w, v: torch.zeros_like(w).scatter(-1, w.topk(2).indices, w.topk(2).values) @ v,
    "heads mixed by matmul": lambda w, v: (torch.eye(H).roll(1, 0) @ w.flatten(-2)).view_as(w) @ v,
    "heads mixed by permute": lambda w, v: (w.permute(0, 2, 3, 1) @ torch.eye(H).roll(1, 0)).permute(0, 3, 1, 2) @ v,
    "heads rolled": lambda w, v: w.roll(1, 1) @ v,
    "heads averaged": lambda w, v: w.mean(1, keepdim=True) @ v,
    "heads averaged, einsum": lambda w, v: einsum("bij,bhjd->bhid", w.mean(1), v),
    "cumulated": lambda w, v: w.cumsum(-1) @ v,
    "transposed": lambda w, v: w.mT @ v,
    "renormalised over queries": lambda w, v: (w / w.sum(-2, keepdim=True)) @ v,
    "sharpened by another softmax": lambda w, v: (3 * w).softmax(-1) @ v,
    "a key left out": lambda w, v: w[..., 1:] @ v[:, :, 1:],
    "by a convolution": lambda w, v: functional.conv2d(w, torch.ones(H, H, 1, 1)) @ v,
    "by a linear layer": lambda w, v: functional.linear(w, torch.eye(N).roll(1, 0)) @ v,
    "added to another": lambda w, v: (w - 0.5 * w.roll(1, 0)) @ v,
    "applied twice": lambda w, v: w @ (w @ v),
    "squared as a matrix": lambda w, v: (w @ w) @ v,
    "by a function that nobody knows": lambda w, v: (torch.special.expit(w) * v.mean()).unsqueeze(-1) * v[:, :, None],
}


OUT_OF_SIGHT = {
    "through frequencies": lambda w, v: torch.fft.ifft(torch.fft.fft(w) * 0.5).real @ v,
    "by NumPy": lambda w, v: torch.from_numpy(w.numpy() * 0.5) @ v,
    "by Python": lambda w, v: torch.tensor(w.tolist()) @ v,
    "the strongest key alone": lambda w, v: functional.one_hot(w.argmax(-1), N).float() @ v,
    "as a sparse matrix": lambda w, v: torch.sparse.mm(w[0, 0].to_sparse(), v[0, 0]),
    "by fixed weights in their place": lambda w, v: torch.eye(N) @ v,
    "through another tensor, as another head's": lambda w, v: _written(w, [1, 0, 3, 2]) @ v,
    "one head's in the place of all": lambda w, v: w[:, :1] @ v,
    "one head's in the place of all, spread out": lambda w, v: w[:, 1:2].expand(-1, H, -1, -1) @ v,
    "for a figure alone": lambda w, v: v * w.amax(),
}


def _set(weights, value):
    weights[..., 0] = value
    return weights


def _written(weights, heads):
    other = torch.zeros(B, H, N, N)
    for head, of in enumerate(heads):
        other[:, head] = weights[:, of]
    return other


@pytest.mark.parametrize("name", CHANGED)
def test_weights_that_are_changed_are_refused_by_name(name):
    with pytest.raises(NoAttentionError, match="after softmax"):
        record(lambda q, k, v: CHANGED[name](scores_of(q, k).softmax(-1), v))


@pytest.mark.parametrize("in_front", [True, False])
def test_weights_of_heads_that_are_put_together_are_refused_for_what_is_true(in_front):
    def attend(q, k, v):
        each = [scores_of(q[:, head], k[:, head]).softmax(-1) for head in range(H)]
        weights = torch.stack(each, dim=1) if in_front else torch.cat([one[:, None] for one in each], dim=1)
        return weights @ v

    with pytest.raises(NoAttentionError, match=r"put into one tensor with others \(by (stack|cat)\) before"):
        record(attend)


def test_the_operation_that_changes_weights_is_named_and_none_of_its_mask():
    with pytest.raises(NoAttentionError, match=r"after softmax \(by mul\)"):
        record(lambda q, k, v: ((w := scores_of(q, k).softmax(-1)) * torch.ones_like(w).tril()) @ v)


@pytest.mark.parametrize("name", OUT_OF_SIGHT)
def test_weights_that_meet_no_values_in_sight_are_refused_by_name(name):
    with pytest.raises(NoAttentionError, match="meet no values that could be seen"):
        record(lambda q, k, v: OUT_OF_SIGHT[name](scores_of(q, k).softmax(-1), v))


def test_weights_that_are_dropped_in_evaluation_mode_are_refused_by_name():
    with pytest.raises(NoAttentionError, match=r"drops weights at random .*dropout_p=0.5"):
        record(lambda q, k, v: functional.scaled_dot_product_attention(q, k, v, dropout_p=0.5))


def test_a_kernel_that_is_called_with_heads_in_groups():
    def attend(q, k, v):
        return functional.scaled_dot_product_attention(*(x.view(len(x), 2, 2, N, D) for x in (q, k, v)))

    recording = record(attend)
    assert recording.layers[0].heads == H
    np.testing.assert_allclose(recomputed(recording), softmax_of(Q, K), atol=1e-6)


def test_scripted_functions_are_compiled_again_after_the_pass():
    record(scripted)
    assert torch.jit.ScriptFunction.__call__.__name__ != "_call"


def test_shapes_of_logits_and_weights_may_be_asked_for():
    def attend(q, k, v):
        scores = scores_of(q, k)
        weights = scores.view(scores.shape).softmax(-1)
        assert weights.shape == (*q.shape[:3], N)
        return weights.view(*weights.shape).to(v.dtype) @ v

    assert not record(attend).skipped


@pytest.mark.parametrize("first", [True, False])
def test_weights_that_are_computed_once_more_to_be_kept_are_no_layer(first):
    kept = []

    def attend(q, k, v):
        scores = scores_of(q, k)
        if first:
            kept.append(scores.softmax(-1).detach())
        weights = scores.softmax(-1)
        if not first:
            kept.append(functional.softmax(scores.detach(), dim=-1))
        return weights @ v

    recording = record(attend)
    assert len(recording.layers) == 1
    (why,) = recording.skipped.values()
    assert "computed once more" in why
