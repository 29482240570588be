"""Layers and heads that are chosen are recorded as if all were, and carry the model's own numbers."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tb_attnviz.callbacks import Probe
from tb_attnviz.callbacks.capture import capture
from tb_attnviz.callbacks.capture.selection import Selection

TOKENS = [list("abcdef"), list("ghi")]
LENGTHS = torch.tensor([6, 3])


class Block(nn.Module):
    """Attention of 6 heads, with `groups` heads of keys, each head with a bias of its own."""

    def __init__(self, groups):
        super().__init__()
        self.q, self.k = nn.Linear(4, 6 * 8), nn.Linear(4, groups * 8)
        self.slopes = nn.Parameter(torch.rand(6))

    def forward(self, x):
        q = self.q(x).unflatten(-1, (6, 8)).transpose(1, 2)  # (batch, 6, n, d)
        k = self.k(x).unflatten(-1, (-1, 8)).transpose(1, 2)  # (batch, groups, n, d)
        places = torch.arange(x.shape[1])
        distance = (places[:, None] - places).float()
        bias = (-self.slopes[:, None, None] * distance).masked_fill(distance < 0, -torch.inf)
        return functional.scaled_dot_product_attention(q, k, k, attn_mask=bias[None], enable_gqa=True)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.lower = nn.ModuleList([Block(6), Block(3)])
        self.upper = nn.ModuleList([Block(2), Block(1)])

    def forward(self, x):
        for block in (*self.lower, *self.upper):
            block(x)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return Model()


@pytest.fixture(scope="module")
def probe():
    return Probe(torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(1)), TOKENS)


@pytest.fixture(scope="module")
def whole(model, probe):
    return capture(model, probe)


def select(model, probe, whole, **options):
    return capture(model, probe, select=Selection(whole.layers, **options))


@pytest.mark.parametrize(
    ("layers", "numbers"), [(2, [2]), (-1, [3]), ("lower.1", [1]), ("upper.*", [2, 3]), ([3, "lower.*"], [0, 1, 3])]
)
def test_layers(model, probe, whole, layers, numbers):
    part = select(model, probe, whole, layers=layers)
    assert [layer.name for layer in part.layers] == [whole.layers[number].name for number in numbers]
    assert [layer.number for layer in part.layers] == numbers
    for number, samples in zip(numbers, part.samples, strict=True):
        np.testing.assert_array_equal(samples.queries, whole.samples[number].queries)


@pytest.mark.parametrize("heads", [[0], [5, 1], [0, 1, 2, 3], [0, 2, 4], [1, 2, 5], -2])
def test_heads_are_those_of_the_whole_recording(model, probe, whole, heads):
    """Also where keys are grouped, whichever way the choice cuts through the groups."""
    numbers = sorted(head % 6 for head in ([heads] if isinstance(heads, int) else heads))
    part = select(model, probe, whole, heads=heads)
    for layer, samples, of_all in zip(part.layers, part.samples, whole.samples, strict=True):
        assert layer.head_numbers == tuple(numbers)
        assert (layer.heads, layer.kv_heads) == (len(numbers), samples.keys.shape[0])
        np.testing.assert_array_equal(samples.queries, of_all.queries[numbers])
        np.testing.assert_array_equal(samples.expanded_keys(), of_all.expanded_keys()[numbers])
        np.testing.assert_array_equal(samples.bias, of_all.bias[:, numbers])
    for figure, values in part.figures.items():
        expected = whole.figures[figure].reshape(4, 6)[:, numbers].reshape(-1)
        np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_keys_stay_grouped_where_they_can(model, probe, whole):
    assert [layer.kv_heads for layer in select(model, probe, whole, heads=[2, 3]).layers] == [2, 1, 2, 1]


def test_heads_by_layer(model, probe, whole):
    part = select(model, probe, whole, layers=["lower.0", "upper.*"], heads={"lower.*": [1], -1: 4})
    assert [(layer.name, layer.head_numbers) for layer in part.layers] == [
        ("lower.0", (1,)),
        ("upper.0", None),
        ("upper.1", (4,)),
    ]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"layers": 4}, r"layers names the layer 4, but the model has the layers 0 to 3: lower.0, lower.1, upp"),
        ({"layers": ["lower.*", "mlp.*"]}, r"layers names the layer 'mlp.\*', but the model has"),
        ({"layers": []}, "layers is empty: leave it out to record all"),
        ({"heads": [6]}, "heads names head 6, but layer lower.0 has heads 0 to 5"),
        ({"heads": {"x": [0]}}, "heads names the layer 'x', but the model has the layers"),
        ({"heads": []}, "heads is empty for layer lower.0"),
    ],
)
def test_what_does_not_exist_is_said(whole, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        Selection(whole.layers, **options)
