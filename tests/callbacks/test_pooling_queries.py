"""A class token, or a learned query, that looks at all patches of an image is recorded as a grid of one patch."""

import numpy as np
import pytest
import torch
from torch import nn

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, Probe
from tb_attnviz.callbacks.capture import capture
from tb_attnviz.events import Grid


class Pooling(nn.Module):
    """A query that is none of the patches looks at all of them; keeps its weights."""

    def __init__(self, queries_and_keys, layers=1):
        super().__init__()
        torch.manual_seed(0)
        self.patches, self.cls = nn.Conv2d(3, 8, 4, 4), nn.Parameter(torch.randn(1, 1, 8))
        self.layers = nn.ModuleList(nn.ModuleDict({name: nn.Linear(8, 8) for name in "qkv"}) for _ in range(layers))
        self.queries_and_keys, self.weights = queries_and_keys, []

    def forward(self, pixels):
        x, self.weights = 3 * self.patches(pixels).flatten(2).mT, []
        query = self.cls.expand(len(x), -1, -1)
        for layer in self.layers:
            given, keys = self.queries_and_keys(query, x)
            q, k, v = (
                layer[n](y).unflatten(-1, (2, 4)).transpose(1, 2)
                for n, y in zip("qkv", (given, keys, keys), strict=True)
            )
            weights = (q @ k.mT / 2).softmax(-1)  # (images, 2, 1, n_key)
            self.weights.append(weights)
            query = query + (weights @ v).transpose(1, 2).flatten(2)
        return query


POOLING = {
    "a learned query": (lambda query, x: (query, x), 0, 1),
    "class attention, as in CaiT": (lambda query, x: ((y := torch.cat([query, x], 1))[:, :1], y), 1, 2),
    "the mean, as in CLIP's ResNets": (
        lambda _, x: ((y := torch.cat([x.mean(1, keepdim=True), x], 1))[:, :1], y),
        1,
        1,
    ),
}


@pytest.mark.parametrize("name", POOLING)
@pytest.mark.parametrize("named", [0, 1])
def test_one_query_that_looks_at_an_image_stands_for_all_of_it(tmp_path, name, named):
    queries_and_keys, special, layers = POOLING[name]
    model, pixels = Pooling(queries_and_keys, layers), torch.randn(3, 3, 16, 32)
    probe = Probe.from_images(None, pixels, 4, special=("[CLS]",) * named)
    with AttentionRecorder(model, probe, tmp_path, on_error="raise") as recorder:
        recorder.record(0)
    run = tb_attnviz.open_run(tmp_path)
    assert len(run.layers) == layers
    with torch.no_grad():
        model(pixels)
    for index, (layer, weights) in enumerate(zip(run.layers, model.weights, strict=True)):
        assert (layer.query_grid, layer.query_special) == (Grid(1, 1), 0)
        own = special == named  # the probe's own tokens
        assert (layer.key_grid, layer.key_special) == ((None, 0) if own else (Grid(4, 8), special))
        for head in range(2):
            np.testing.assert_allclose(run.attention(0, index, head, 1), weights[1, head], atol=1e-4)
    assert run.health()["entropy"].shape[-1] == 2 * layers


class Turned(nn.Embedding):
    """[texts, features, tokens]."""

    def forward(self, ids):
        return super().forward(ids).mT


@pytest.mark.parametrize("layers", [1, 3])
def test_a_learned_query_that_pools_a_text_again_and_again_stands_for_it(layers):
    """From its second layer on it is made of the text, too, and still none of its tokens."""
    torch.manual_seed(0)
    model, ids = Pooling(lambda query, x: (query, x), layers), torch.arange(12).reshape(2, 6) % 9
    model.patches = Turned(9, 8)
    recording = capture(model, Probe(ids, [list("abcdef")] * 2))
    assert not recording.skipped
    with torch.no_grad():
        model(ids)
    for samples, weights in zip(recording.samples, model.weights, strict=True):
        q, k = (torch.from_numpy(x) for x in (samples.queries, samples.keys))
        q, k = q.reshape(2, 2, 1, 4), k.reshape(2, 2, 6, 4)  # (heads, texts, n, d)
        torch.testing.assert_close((q @ k.mT / 2).softmax(-1).transpose(0, 1), weights, atol=1e-4, rtol=0)


def test_the_importance_of_a_query_that_stands_for_an_image_is_what_its_mean_costs(tmp_path):
    model, pixels = Pooling(lambda query, x: (query, x)).double(), torch.randn(3, 3, 8, 8).double()
    probe = Probe.from_images(None, pixels, 4, special=())
    options = {"loss": lambda output, _: output.square().sum(dim=(1, 2)), "ablate_every": 1}
    with AttentionRecorder(model, probe, tmp_path, on_error="raise", **options) as recorder:
        recorder.record(0)
    with torch.no_grad():
        given = model(pixels)  # the query, and what both heads add to it
    for head, found in enumerate(tb_attnviz.open_run(tmp_path).health()["importance_exact"][0]):
        own, without = slice(4 * head, 4 * head + 4), given.clone()
        without[..., own] = given[..., own].mean(0)
        rise = (without.square() - given.square()).sum() / 3
        assert found == pytest.approx(float(rise), rel=1e-4)


class TextPooling(nn.Module):
    """A learned query looks at all tokens of a text, of the first or the second input."""

    def __init__(self, of=0):
        super().__init__()
        torch.manual_seed(0)
        self.of, self.embedding, self.query = of, nn.Embedding(9, 8), nn.Parameter(torch.randn(1, 1, 8))
        self.own, self.pooling = (nn.MultiheadAttention(8, 2, batch_first=True) for _ in range(2))

    def forward(self, *ids, mask=None, **options):
        x, *others = (3 * self.embedding(one) for one in ids)
        hidden = None if mask is None else mask == 0
        x = x + self.own(x, x, x, key_padding_mask=hidden)[0]
        keys = [x, *others][self.of]
        return self.pooling(self.query.expand(len(x), -1, -1), keys, keys, key_padding_mask=hidden, **options)


def test_a_learned_query_that_pools_a_text_stands_for_it(tmp_path):
    model, ids = TextPooling(), torch.arange(12).reshape(2, 6) % 9
    mask = torch.tensor([[1] * 6, [1, 1, 1, 1, 0, 0]])
    forward = lambda model, ids, attention_mask: model(ids, mask=attention_mask)  # noqa: E731
    probe = Probe({"ids": ids, "attention_mask": mask}, [list("abcdef"), list("abcd")])
    with AttentionRecorder(model, probe, tmp_path, on_error="raise", forward=forward) as recorder:
        recorder.record(0)
    run = tb_attnviz.open_run(tmp_path)
    assert [(layer.name, layer.query_grid) for layer in run.layers] == [("own", None), ("pooling", Grid(1, 1))]
    with torch.no_grad():
        _, weights = model.eval()(ids, mask=mask, average_attn_weights=False)
    assert not [found for found in run.findings() if found.kind == "dead"], "though its queries are equal"
    for head in range(2):
        for sequence, n in enumerate((6, 4)):
            found = run.attention(0, 1, head, sequence)
            np.testing.assert_allclose(found, weights[sequence, head, :, :n], atol=1e-4)


def test_a_learned_query_that_pools_another_input_is_refused_by_name():
    ids = torch.arange(12).reshape(2, 6) % 9
    recording = capture(TextPooling(of=1), Probe((ids, ids.flip(1)), [list("abcdef")] * 2))
    assert [layer.name for layer in recording.layers] == ["own"]
    assert "among the tokens of another input" in recording.skipped["pooling"]
