"""nn.MultiheadAttention: of which tokens it is, and what a model does with the weights that it hands out."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tb_attnviz.callbacks import NoAttentionError, Probe
from tb_attnviz.callbacks.capture import capture
from tb_attnviz.events import Grid

B, N, WIDTH = 3, 6, 16
IDS = torch.arange(B * N).reshape(B, N) % 9


class Model(nn.Module):
    """`use` makes something of the module, its inputs, its result and its weights."""

    def __init__(self, use, heads=2, move=lambda x: (x, x), **options):
        super().__init__()
        torch.manual_seed(0)
        self.embedding, self.v = nn.Embedding(9, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.attention = nn.MultiheadAttention(WIDTH, heads, batch_first=True)
        self.use, self.move, self.options = use, move, options

    def forward(self, ids):
        x, values = self.move(3 * self.embedding(ids))
        return self.use(self.v(x), *self.attention(x, x, values, **self.options))


def record(*given, **options):
    return capture(Model(*given, **options), Probe((IDS,), [list("abcdef")] * B), values=True)


MEETING = {
    "matmul": lambda v, _, w: w @ v,
    "bmm, beside the result": lambda v, result, w: result + torch.bmm(w, v),
    "einsum": lambda v, _, w: torch.einsum("bij,bjd->bid", w, v),
    "summed by hand": lambda v, _, w: (w.unsqueeze(-1) * v.unsqueeze(1)).sum(2),
    "after a change": lambda v, _, w: torch.where(w > 0.1, w, 0.0) @ v,
}


@pytest.mark.parametrize("name", MEETING)
def test_mean_weights_that_meet_values_are_refused_by_name(name):
    with pytest.raises(NoAttentionError, match=r"by the mean over heads that need_weights=True gives"):
        record(MEETING[name])


def test_weights_of_each_head_that_are_changed_are_refused_by_name():
    with pytest.raises(NoAttentionError, match=r"changed after softmax \(by pow\)"):
        record(lambda v, result, w: w**2 @ v.unflatten(-1, (2, -1)).transpose(1, 2), average_attn_weights=False)


KEEPING = {
    "looked at": (lambda v, result, w: (result, w.sum(1), w.topk(2), (w > 0.5).float()), {}),
    "of one head": (lambda v, _, w: w @ v, {"heads": 1}),
    "of each head": (lambda v, _, w: w @ v.unflatten(-1, (2, -1)).transpose(1, 2), {"average_attn_weights": False}),
    "of one head alone": (lambda v, result, w: (w[:, 0] @ v, result), {"average_attn_weights": False}),
}


@pytest.mark.parametrize("name", KEEPING)
def test_weights_that_are_used_as_they_are_change_nothing(name):
    use, options = KEEPING[name]
    recording = record(use, **options)
    assert [layer.values for layer in recording.layers] == [True]
    assert not recording.skipped


MOVED = {
    "rolled": (lambda x: (x.roll(1, 1),) * 2, "in another order"),
    "every other token first": (lambda x: (torch.cat([x[:, ::2], x[:, 1::2]], 1),) * 2, "in another order"),
    "pooled": (lambda x: (functional.avg_pool1d(x.mT, 2).mT.repeat_interleave(2, 1),) * 2, "several tokens"),
    "values rolled": (lambda x: (x, x.roll(1, 1)), "values are not of the tokens"),
}


@pytest.mark.parametrize("name", MOVED)
def test_tokens_in_other_places_are_refused_by_name(name):
    move, why = MOVED[name]
    with pytest.raises(NoAttentionError, match=why):
        record(lambda v, result, _: result, move=move)


class Patches(nn.Module):
    """Patches of an image, column after column, attend to each other, and a learned query to them."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.patches, self.query = nn.Conv2d(3, WIDTH, 4, 4), nn.Parameter(torch.randn(1, 1, WIDTH))
        self.own, self.pooling = (nn.MultiheadAttention(WIDTH, 2, batch_first=True) for _ in range(2))
        self.weights = []

    def forward(self, x):
        x = 3 * self.patches(x).transpose(2, 3).flatten(2).mT
        query = self.query.expand(len(x), -1, -1)
        self.weights = [
            layer(q, x, x, average_attn_weights=False) for layer, q in ((self.own, x), (self.pooling, query))
        ]
        return self.weights[0][0], self.weights[1][0]


def test_patches_are_followed_into_it():
    model, pixels = Patches().eval(), torch.randn(B, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    recording = capture(model, Probe.from_images(None, pixels, 4, special=()))
    assert [layer.query_grid for layer in recording.layers] == [None, Grid(1, 1)], "the probe's own patches, and one"
    assert [layer.key_grid for layer in recording.layers] == [None, None]
    with torch.no_grad():
        model(pixels)
    columns_first = torch.arange(6).view(3, 2).T.flatten()
    for layer, samples, (_, weights) in zip(recording.layers, recording.samples, model.weights, strict=True):
        q, k = (torch.tensor(x).unflatten(1, (B, -1)) for x in (samples.queries, samples.keys))
        expected = weights[..., columns_first].transpose(0, 1)
        expected = expected[:, :, columns_first] if expected.shape[2] > 1 else expected
        np.testing.assert_allclose((q @ k.mT * layer.scale).softmax(-1), expected, atol=1e-5)
