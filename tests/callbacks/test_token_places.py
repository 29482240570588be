"""Queries and keys that do not lie as [sequences, heads, tokens] of the probe are refused, whatever the shapes say."""

import functools
import queue

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tb_attnviz.callbacks import NoAttentionError, Probe
from tb_attnviz.callbacks.capture import capture

B, H, N, D = 4, 4, 6, 8  # as many heads as sequences
INDEX = torch.tensor([5, 3, 1, 0, 2, 4])[:, None]
MIXTURE = torch.randn(N, N, generator=torch.Generator().manual_seed(0))


def plain(q, k, v):
    return (q @ k.mT / D**0.5).softmax(-1) @ v


class Model(nn.Module):
    def __init__(self, run):
        super().__init__()
        self.embedding = nn.Embedding(9, H * D)
        self.q, self.k, self.v = (nn.Linear(H * D, H * D) for _ in range(3))
        self.run = run

    def forward(self, ids):
        x = self.embedding(ids)
        return self.run(self.q(x), self.k(x), self.v(x))


def record(run, **options):
    ids = torch.randint(0, 9, (B, N), generator=torch.Generator().manual_seed(0))
    return capture(Model(run), Probe((ids,), [list("abcdef")] * B), **options)


def heads(x):
    return x.view(B, N, H, D).transpose(1, 2)  # (B, H, N, D)


attends = pytest.mark.parametrize("attend", [plain, functional.scaled_dot_product_attention])

WRONG = {
    "view where a transpose is meant": (lambda x: x.view(B, H, N, D), "different tokens in the same place"),
    "shifted by a token": (lambda x: heads(functional.pad(x, (0, 0, 1, -1))), "in another order"),
    "rolled": (lambda x: heads(x).roll(1, 2), "in another order"),
    "the first token last": (lambda x: heads(torch.cat([x[:, 1:], x[:, :1]], 1)), "in another order"),
    "every other token": (lambda x: heads(torch.cat([x[:, ::2], x[:, 1::2]], 1)), "in another order"),
    "in columns": (lambda x: heads(x.unflatten(1, (2, 3)).transpose(1, 2).flatten(1, 2)), "in another order"),
    "written": (lambda x: heads(_shifted(x)), "in another order"),
}


WRONG |= {
    "scattered": (lambda x: heads(torch.zeros_like(x).scatter(1, INDEX.expand_as(x), x)), "in another order"),
    "scattered in place": (lambda x: heads(torch.zeros_like(x).scatter_(1, INDEX.expand_as(x), x)), "in another order"),
    "copied by an index": (lambda x: heads(torch.zeros_like(x).index_copy(1, INDEX[:, 0], x)), "in another order"),
    "added by an index": (lambda x: heads(torch.zeros_like(x).index_add(1, INDEX[:, 0], x)), "in another order"),
    "through .data": (lambda x: heads(_with_data(x)), "in another order"),
    "ordered by a matrix": (lambda x: heads(torch.eye(N)[INDEX[:, 0]] @ x), "made of several tokens"),
    "mixed by a layer over tokens": (lambda x: heads(functional.linear(x.mT, MIXTURE).mT), "all tokens"),
    "mixed by einsum": (lambda x: heads(torch.einsum("ij,bjd->bid", MIXTURE, x)), "made of several tokens"),
    "mixed by frequencies": (lambda x: heads(torch.fft.fft(x, dim=1).real), "made of several tokens"),
    "pooled and spread out": (
        lambda x: heads(functional.interpolate(functional.avg_pool1d(x.mT, 2), size=N).mT),
        "made of several tokens",
    ),
    "pooled and repeated": (
        lambda x: heads(functional.avg_pool1d(x.mT, 2).mT.repeat_interleave(2, 1)),
        "made of several tokens",
    ),
    "by NumPy": (lambda x: heads(torch.from_numpy(x.numpy()[:, ::-1].copy())), r"gave to NumPy or Python \(by numpy"),
    "by NumPy's functions": (lambda x: heads(torch.as_tensor(np.flip(np.asarray(x), 1).copy())), "NumPy or Python"),
    "by lists": (lambda x: heads(torch.tensor(x.tolist()).flip(1)), r"gave to NumPy or Python \(by tolist"),
    "through shared memory": (lambda x: heads(_turned_by_numpy(x)), "gave to NumPy or Python"),
}


def _with_data(x):
    x = x.clone()
    x.data = x.flip(1)
    return x


def _turned_by_numpy(x):
    x = x.clone()
    x.numpy()[:] = x.numpy()[:, ::-1].copy()
    return x


def _shifted(x):
    y = torch.zeros_like(x)
    y[:, 1:] = x[:, :-1]
    return y


@attends
@pytest.mark.parametrize("name", WRONG)
def test_tokens_in_other_places_are_refused_by_name(attend, name):
    move, why = WRONG[name]
    with pytest.raises(NoAttentionError, match=why):
        record(lambda q, k, v: attend(move(q), move(k), move(v)))
    with pytest.raises(NoAttentionError, match=why):
        record(lambda q, k, v: plain(heads(q), (y := move(k)).reshape(B, H, N, D), y.reshape(B, H, N, D)))


HEADS_FIRST = {
    # Set Transformer, https://github.com/juho-lee/set_transformer/blob/master/modules.py: (H · B, N, D)
    "in one axis": lambda x: torch.cat(x.split(D, -1), 0),
    "in two": lambda x: heads(x).transpose(0, 1),
}


@attends
@pytest.mark.parametrize("sequences", [B, B - 1])
@pytest.mark.parametrize("name", HEADS_FIRST)
def test_heads_before_sequences_are_put_behind_them(attend, sequences, name):
    ids = torch.randint(0, 9, (B, N), generator=torch.Generator().manual_seed(0))[:sequences]
    move, seen = HEADS_FIRST[name], queue.SimpleQueue()  # which nothing puts back

    def run(q, k, v):
        seen.put([x.unflatten(-1, (H, D)).transpose(1, 2) for x in (q, k, v)])
        return attend(*(move(x.unflatten(-1, (H, D)).flatten(2)) if name == "in one axis" else
                        x.unflatten(-1, (H, D)).permute(2, 0, 1, 3) for x in (q, k, v)))  # fmt: skip

    recording = capture(Model(run), Probe((ids,), [list("abcdef")] * sequences), values=True)
    (samples,) = recording.samples
    given = [seen.get() for _ in range(seen.qsize())][-1]
    for own, found in zip(given, (samples.queries, samples.keys), strict=False):
        np.testing.assert_array_equal(found, own.transpose(0, 1).flatten(1, 2))
    norms = given[2].norm(dim=-1).transpose(0, 1).flatten(1)
    np.testing.assert_allclose(samples.value_norms, norms, rtol=1e-5)
    assert samples.bias is None


KV = 2  # heads of keys
GROUPED = {
    # [batch · kv_heads, group, n, d], the group's keys once
    "in the batch": lambda x: heads(x).reshape(B * KV, H // KV, N, D) if x.shape[-1] == H * D else _of_keys(x),
    # [batch · kv_heads, group · n, d]
    "in the batch, and in rows": lambda x: (
        heads(x).reshape(B * KV, -1, D) if x.shape[-1] == H * D else _of_keys(x)[:, 0]
    ),
}


def _of_keys(x):
    return x.view(B, N, KV, D).transpose(1, 2).reshape(B * KV, 1, N, D)


@pytest.mark.parametrize("attend", [plain, functools.partial(functional.scaled_dot_product_attention, enable_gqa=True)])
@pytest.mark.parametrize("name", GROUPED)
def test_heads_in_groups_that_are_folded_into_the_batch(attend, name):
    seen = queue.SimpleQueue()

    def run(q, k, v):
        k, v = (x[..., : KV * D].contiguous() for x in (k, v))
        seen.put((heads(q), *(x.view(B, N, KV, D).transpose(1, 2) for x in (k, v))))
        return attend(*map(GROUPED[name], (q, k, v)))

    (samples,), given = record(run, values=True).samples, seen.get()
    for own, found in zip(given, (samples.queries, samples.keys), strict=False):
        np.testing.assert_array_equal(found, own.transpose(0, 1).flatten(1, 2))
    np.testing.assert_allclose(samples.value_norms, given[2].norm(dim=-1).transpose(0, 1).flatten(1), rtol=1e-5)


@attends
def test_keys_alone_before_their_sequences_are_refused_by_name(attend):
    with pytest.raises(NoAttentionError, match="before its sequences"):
        record(lambda q, k, v: attend(heads(q), heads(k).transpose(0, 1).reshape(B, H, N, D), heads(v)))


VALUES = {
    "reversed": lambda v: v.flip(2),
    "rolled": lambda v: v.roll(1, 2),
    "by an index": lambda v: v[:, :, INDEX[:, 0]],
    "pooled": lambda v: v.unflatten(2, (-1, 2)).mean(3).repeat_interleave(2, 2),
}


@attends
@pytest.mark.parametrize("name", VALUES)
def test_values_of_other_tokens_than_the_keys_are_refused_by_name(attend, name):
    with pytest.raises(NoAttentionError, match="values are not of the tokens that its keys are of"):
        record(lambda q, k, v: attend(heads(q), heads(k), VALUES[name](heads(v))))


@attends
def test_some_tokens_at_a_time_are_refused_by_name(attend):
    with pytest.raises(NoAttentionError, match=r"Model: .* are 3 of the 6 tokens.*Model#1: .* are 3 of the 6 tokens"):
        record(lambda q, k, v: [attend(part, heads(k), heads(v)) for part in heads(q).chunk(2, dim=2)])


def test_a_softmax_that_is_summed_up_over_some_keys_at_a_time_is_refused_by_name():
    """As FlashAttention does it, in Python (arXiv 2205.14135)."""

    def attend(q, k, v):
        largest, total, out = torch.full((B, H, N, 1), -1e9), torch.zeros(B, H, N, 1), torch.zeros_like(q)
        for some, values in zip(k.split(2, 2), v.split(2, 2), strict=True):
            scores = q @ some.mT
            new = torch.maximum(largest, scores.amax(-1, keepdim=True))
            e, before = (scores - new).exp(), (largest - new).exp()
            total, out, largest = total * before + e.sum(-1, keepdim=True), out * before + e @ values, new
        return out / total

    with pytest.raises(NoAttentionError, match="writes its softmax out"):
        record(lambda q, k, v: attend(heads(q), heads(k), heads(v)))


@attends
@pytest.mark.parametrize(("tokens", "which", "pad"), [(slice(-1), "last", (0, 1)), (slice(1, None), "first", (1, 0))])
def test_all_tokens_but_one_are_refused_with_a_way_out(attend, tokens, which, pad):
    model = Model(lambda *qkv: attend(*(heads(x)[:, :, tokens] for x in qkv)))
    probe = Probe((torch.zeros(B, N, dtype=torch.long),), [list("abcdef")] * B)
    with pytest.raises(
        NoAttentionError, match=rf"are 5 of the 6 tokens: .* the {which} one.*x, \({pad[0]}, {pad[1]}\)"
    ):
        capture(model, probe)


def test_the_way_out_records_all_tokens_of_the_probe():
    class Shifted(nn.Module):
        """Learns to tell the next token of each but the last."""

        def __init__(self):
            super().__init__()
            self.inner = Inner()

        def forward(self, ids):
            return self.inner(ids[:, :-1]), ids[:, 1:]

    class Inner(Model):
        def __init__(self):
            super().__init__(None)

        def forward(self, ids):
            x = self.embedding(ids)
            return plain(*(f(x).unflatten(-1, (H, D)).transpose(1, 2) for f in (self.q, self.k, self.v)))

    model, ids = Shifted(), torch.randint(0, 9, (B, N), generator=torch.Generator().manual_seed(0))
    probe = Probe((ids,), [list("abcdef")] * B)
    recording = capture(model, probe, forward=lambda model, x: model(functional.pad(x, (0, 1))))
    q = model.inner.q(model.inner.embedding(ids)).unflatten(-1, (H, D)).transpose(1, 2)
    np.testing.assert_allclose(recording.samples[0].queries, q.detach().transpose(0, 1).flatten(1, 2), atol=1e-6)


RIGHT = {
    "tokens before sequences on the way": lambda x: heads(x.transpose(0, 1).contiguous().transpose(0, 1)),
    "moved and moved back": lambda x: heads(x.roll(2, 1).roll(-2, 1)),
    "mixed with the token before": lambda x: heads(x + functional.pad(x, (0, 0, 1, -1))),
    "written through a view": lambda x: heads(_zeroed(x) * 2),
    "mixed over tokens beside themselves": lambda x: heads(x + MIXTURE @ x),
    "looked at by NumPy": lambda x: heads(x * (1 + 0 * float(np.asarray(x).sum()))),
    "scattered back": lambda x: heads(_scattered_back(x)),
    "heads behind sequences in one axis": lambda x: heads(x).reshape(B * H, N, D).view(B, H, N, D),
}


def _scattered_back(x):
    picked = x.gather(1, INDEX.expand_as(x))
    return torch.zeros_like(x).scatter(1, INDEX.expand_as(x), picked)


def _zeroed(x):
    x = x.clone()
    x.view(-1)[::7] = 0.0
    return x


@attends
@pytest.mark.parametrize("name", RIGHT)
def test_tokens_in_their_places_are_recorded(attend, name):
    recording = record(lambda q, k, v: attend(*map(RIGHT[name], (q, k, v))))
    assert [layer.heads for layer in recording.layers] == [H]
    assert not recording.skipped


class Latents(Model):
    """As many learned vectors as tokens attend to them, and then among each other."""

    def __init__(self, attend):
        super().__init__(self._attend)
        self.latents = nn.Parameter(torch.randn(N, H * D))
        self.attend = attend

    def _attend(self, q, k, v):
        x = self.latents.expand(B, -1, -1)
        x = x + self.attend(heads(self.q(x)), heads(k), heads(v)).transpose(1, 2).flatten(2)
        return self.attend(heads(self.q(x)), heads(self.k(x)), heads(self.v(x)))


@attends
def test_latents_that_are_as_many_as_tokens_are_refused_by_name(attend):
    with pytest.raises(NoAttentionError, match=r"(?s)made of none of the inputs.*made of none of the inputs"):
        capture(Latents(attend), Probe((torch.zeros(B, N, dtype=torch.long),), [list("abcdef")] * B))


LOOKED_UP = {
    "by an index": lambda m, ids: m.embedding.weight[ids],
    "by index_select": lambda m, ids: m.embedding.weight.index_select(0, ids.flatten()).view(B, N, -1),
    "by one-hot vectors": lambda m, ids: functional.one_hot(ids, 9).float() @ m.embedding.weight,
    "behind a recurrent layer": lambda m, ids: m.recurrent(m.embedding(ids))[0],
}


@pytest.mark.parametrize("name", LOOKED_UP)
def test_tokens_are_followed_from_their_table(name):
    class Rolled(Model):
        def __init__(self, by):
            super().__init__(None)
            self.by, self.recurrent = by, nn.LSTM(H * D, H * D, batch_first=True)

        def forward(self, ids):
            x = LOOKED_UP[name](self, ids).roll(self.by, 1)
            return plain(heads(self.q(x)), heads(self.k(x)), heads(self.v(x)))

    probe = Probe((torch.zeros(B, N, dtype=torch.long),), [list("abcdef")] * B)
    assert not capture(Rolled(0), probe).skipped
    with pytest.raises(NoAttentionError, match="in another order"):
        capture(Rolled(1), probe)


LOOKS = {"a list of the tokens": lambda ids: ids.tolist(), "NumPy": lambda ids: ids.numpy().sum()}


@attends
@pytest.mark.parametrize("look", LOOKS)
def test_what_the_model_looks_at_outside_of_tensors_makes_no_attention_unseen(attend, look):
    """Logs, or positions computed from the tokens: queries and keys that are not followed are made of inputs still."""

    class Looking(Model):
        def forward(self, ids):
            LOOKS[look](ids)
            return super().forward(ids)

    ids = torch.randint(0, 9, (B, N), generator=torch.Generator().manual_seed(0))
    model = Looking(lambda q, k, v: attend(*(heads(_by_frequencies(x)) for x in (q, k, v))))
    recording = capture(model, Probe((ids,), [list("abcdef")] * B))
    assert [layer.heads for layer in recording.layers] == [H]
    assert not recording.skipped


@attends
@pytest.mark.parametrize("name", HEADS_FIRST)
def test_heads_before_sequences_are_told_after_a_look_at_the_tokens(attend, name):
    ids = torch.randint(0, 9, (B, N), generator=torch.Generator().manual_seed(0))

    class Looking(Model):
        def forward(self, ids):
            ids.tolist()
            return super().forward(ids)

    move = HEADS_FIRST[name]
    model = Looking(lambda q, k, v: attend(*map(move, (q, k, v))))
    (samples,) = capture(model, Probe((ids,), [list("abcdef")] * B)).samples
    q = heads(model.q(model.embedding(ids))).transpose(0, 1).flatten(1, 2)  # (H, B · N, D)
    np.testing.assert_allclose(samples.queries, q.detach(), rtol=1e-5, atol=1e-6)


def _by_frequencies(x):
    """There and back again, which is not followed."""
    return torch.fft.ifft(torch.fft.fft(x, dim=1), dim=1).real
