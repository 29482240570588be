"""Among which tokens a layer attends is told by what its queries and keys were made from, not by names or widths."""

from unittest import mock

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tb_attnviz.callbacks import AttentionRecorder, NoAttentionError, Probe
from tb_attnviz.callbacks.capture import capture
from tests.callbacks.models import IDS

N, WIDTH = 9, 32
SOURCE, TARGET = IDS, IDS.flip(0)
TOKENS, KEY_TOKENS = [list("abcdefghi")] * 4, [list("jklmnopqr")] * 4
OWN, KEYS, ACROSS = ("tokens", "tokens"), ("key_tokens", "key_tokens"), ("tokens", "key_tokens")


class Attend(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(WIDTH, WIDTH) for _ in range(3))

    def forward(self, x, y):
        q, k, v = (f(z).unflatten(-1, (4, -1)).transpose(1, 2) for f, z in ((self.q, x), (self.k, y), (self.v, y)))
        return x + functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


class Translator(nn.Module):
    """Two layers on each side, with names that say nothing."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(64, WIDTH)
        self.a, self.b, self.c = (nn.ModuleList(Attend() for _ in range(2)) for _ in range(3))

    def forward(self, source, target):
        x, y = self.embedding(source), self.embedding(target)
        for layer in self.a:
            x = layer(x, x)
        for own, across in zip(self.b, self.c, strict=True):
            y = across(own(y, y), x)
        return y


EXPECTED = {"a.0": KEYS, "a.1": KEYS, "b.0": OWN, "b.1": OWN, "c.0": ACROSS, "c.1": ACROSS}


def found(recording):
    return {layer.name: (layer.queries_of, layer.keys_of) for layer in recording.layers}


def test_an_encoder_and_a_decoder_of_one_length():
    torch.manual_seed(0)
    model = Translator()
    recording = capture(model, Probe((SOURCE, TARGET), TOKENS, key_tokens=KEY_TOKENS), batch_size=3)
    assert found(recording) == EXPECTED
    # The keys of the attention across are those that the encoder's output gives.
    with torch.no_grad():
        x = model.embedding(SOURCE)
        for layer in model.a:
            x = layer(x, x)
        keys = model.c[1].k(x).unflatten(-1, (4, -1)).permute(2, 0, 1, 3).flatten(1, 2)  # (heads, 4 · N, d)
    index = [layer.name for layer in recording.layers].index("c.1")
    np.testing.assert_allclose(recording.samples[index].keys, keys, atol=1e-5)


def test_what_sides_attentions_are_of_costs_no_pass_once_it_is_known():
    forward = mock.Mock(side_effect=nn.Module.__call__)
    probe, shown = Probe((SOURCE, TARGET), TOKENS, key_tokens=KEY_TOKENS), {}
    model = Translator()
    first = capture(model, probe, forward=forward, shown=shown)
    assert forward.call_count == 2
    assert found(capture(model, probe, forward=forward, shown=shown)) == found(first) == EXPECTED
    assert forward.call_count == 3


def test_both_made_of_one_input():
    """As where a model shifts the encoder's tokens for its decoder."""

    class Model(Translator):
        def forward(self, ids):
            return super().forward(ids, ids.roll(1, 1))

    recording = capture(Model(), Probe(IDS, TOKENS, key_tokens=KEY_TOKENS))
    assert found(recording) == EXPECTED
    recording = capture(Model(), Probe(IDS, TOKENS))
    assert set(found(recording)) == {"a.0", "a.1"}
    assert "cross-attention" in recording.skipped["c.0"]
    assert "the decoder's tokens" in recording.skipped["b.1"]


def test_keys_of_an_earlier_layer_that_are_used_again_are_no_other_sequence():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.first, self.second = nn.Embedding(64, WIDTH), Attend(), Attend()

        def forward(self, ids):
            x = self.embedding(ids)
            return self.second(self.first(x, x), x)

    assert found(capture(Model(), Probe(IDS, TOKENS))) == {"first": OWN, "second": OWN}


class Mutual(nn.Module):
    """Two sequences that attend to each other."""

    def __init__(self):
        super().__init__()
        self.embedding, self.there, self.back = nn.Embedding(64, WIDTH), Attend(), Attend()

    def forward(self, left, right):
        x, y = self.embedding(left), self.embedding(right)
        return self.there(x, y), self.back(y, x)


def test_what_cannot_be_told_is_refused_with_what_tells_it(tmp_path):
    probe = Probe((SOURCE, TARGET), TOKENS, key_tokens=KEY_TOKENS)
    with pytest.raises(NoAttentionError, match=r'sides=\{"there": \("tokens", "key_tokens"\)\}'):
        capture(Mutual(), probe)
    sides = {"th*": ("tokens", "key_tokens"), "back": ("key_tokens", "tokens")}
    with AttentionRecorder(Mutual(), probe, tmp_path, sides=sides) as recorder:
        told = {layer.name: (layer.queries_of, layer.keys_of) for layer in recorder.layers}
    assert told == {"there": ACROSS, "back": ("key_tokens", "tokens")}
    with pytest.raises(ValueError, match=r"sides\['x'\]=\('tokens', 'keys'\)"):
        AttentionRecorder(Mutual(), probe, tmp_path, sides={"x": ("tokens", "keys")})


def test_tokens_that_are_shuffled_at_random_are_refused():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.layer = nn.Embedding(64, WIDTH), Attend()

        def forward(self, ids):
            x = self.embedding(ids)
            order = torch.rand(ids.shape).argsort(dim=1)
            x = torch.gather(x, 1, order[..., None].expand(x.shape))
            return self.layer(x, x)

    with pytest.raises(NoAttentionError, match="picked by random numbers"):
        capture(Model(), Probe(IDS, TOKENS))


def test_every_pass_draws_the_same_random_numbers():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.layer = nn.Embedding(64, WIDTH), Attend()

        def forward(self, ids):
            x = self.embedding(ids)
            x = x + torch.randn_like(x) + float(np.random.rand())
            return self.layer(x, x)

    torch.manual_seed(3)
    model, probe = Model(), Probe(IDS, TOKENS)
    first = capture(model, probe)
    torch.rand(5), np.random.rand(5)
    again = capture(model, probe)
    np.testing.assert_array_equal(first.samples[0].queries, again.samples[0].queries)
    after = torch.rand(3)
    torch.manual_seed(3)
    Model(), torch.rand(5)
    torch.testing.assert_close(torch.rand(3), after)  # training's own numbers go on


def test_a_model_that_takes_tokens_before_sequences_is_refused_where_both_are_as_many():
    class First(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(64, WIDTH)
            self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(WIDTH, 4, 32), 1)

        def forward(self, ids):
            return self.encoder(self.embedding(ids))

    ids, tokens = torch.randint(0, 64, (N, N)), [list("abcdefghi")] * N
    with pytest.raises(NoAttentionError, match="tokens before sequences"):
        capture(First().eval(), Probe(ids, tokens))
    turned = capture(First().eval(), Probe(ids, tokens), forward=lambda model, ids: model(ids.T))
    assert [layer.name for layer in turned.layers] == ["encoder.layers.0.self_attn"]


def test_a_miscount_says_both_counts():
    class Registers(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.layer = nn.Embedding(64, WIDTH), Attend()
            self.registers = nn.Parameter(torch.randn(3, WIDTH))

        def forward(self, ids):
            x = torch.cat([self.registers.expand(len(ids), -1, -1), self.embedding(ids)], dim=1)
            return self.layer(x, x)

    with pytest.raises(NoAttentionError, match="the model has 12 tokens a sequence there, and the probe names 9"):
        capture(Registers(), Probe(IDS, TOKENS))


@pytest.mark.parametrize("written", ["linear", "convolution", "fused"])
def test_attention_among_channels_is_refused_where_they_are_as_many_as_tokens(written):
    class Model(nn.Module):
        """XCiT's: of 2 heads of 9 channels, on 9 tokens."""

        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(64, 18)
            self.qkv = nn.Linear(18, 54) if written != "convolution" else nn.Conv1d(18, 54, 1)
            self.layer = nn.Linear(18, 18)

        def forward(self, ids):
            x = self.embedding(ids)
            if written == "convolution":
                q, k, v = self.qkv(x.mT).unflatten(1, (3, 2, N)).unbind(1)  # each (batch, heads, channels, tokens)
            else:
                q, k, v = self.qkv(x).reshape(-1, N, 3, 2, N).permute(2, 0, 3, 4, 1).unbind(0)
            q, k = (functional.normalize(y, dim=-1) for y in (q, k))
            if written == "fused":
                return functional.scaled_dot_product_attention(q, k, v)
            return (q @ k.transpose(-2, -1)).softmax(-1) @ v

    with pytest.raises(NoAttentionError, match="among channels"):
        capture(Model(), Probe(IDS, TOKENS))


@pytest.mark.parametrize("fused", [True, False])
def test_attentions_whose_results_are_subtracted_are_refused(fused):
    """Differential attention, as DiffLlama writes it and as its paper does."""

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.qkv, self.out = nn.Embedding(64, WIDTH), nn.Linear(WIDTH, 96), nn.Linear(WIDTH, WIDTH)
            self.after = Attend()

        def forward(self, ids):
            x = self.embedding(ids)
            q, k, v = self.qkv(x).unflatten(-1, (3, 4, -1)).permute(2, 0, 3, 1, 4)
            if fused:
                y = functional.scaled_dot_product_attention(q, k, v)
                first, second = y.transpose(1, 2).chunk(2, dim=2)
                y = first - 0.5 * second
            else:
                first, second = (
                    (a @ b.mT).softmax(-1) @ v[:, :2] for a, b in zip(q.chunk(2, 1), k.chunk(2, 1), strict=True)
                )
                y = (first - 0.5 * second).transpose(1, 2)
            x = x + functional.linear(y.flatten(2), self.out.weight[:, :16])
            return self.after(x, x)

    recording = capture(Model(), Probe(IDS, TOKENS))
    assert [layer.name for layer in recording.layers] == ["after"]
    assert all("subtracted" in why for why in recording.skipped.values())
    assert len(recording.skipped) == (1 if fused else 2)
