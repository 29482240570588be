"""Attention equals PyTorch's own scaled_dot_product_attention, on NumPy and on torch alike."""

import numpy as np
import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from tb_attnviz import geometry

QUERIES, KEYS = torch.randn(2, 3, 7, 4), torch.randn(2, 3, 7, 4)  # (sequences, heads, n, d)
BIAS = torch.randn(2, 1, 7, 7).masked_fill(torch.rand(2, 1, 7, 7) > 0.7, -torch.inf)
BIAS[..., 0] = 0.0  # every query sees something


def pytorch_attention(**arguments: object) -> torch.Tensor:
    """The weights that PyTorch's kernel applies: with the identity as values, its output is the attention itself."""
    return scaled_dot_product_attention(QUERIES, KEYS, torch.eye(7).expand(2, 3, 7, 7), **arguments)


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize(("causal", "bias"), [(False, None), (True, None), (False, BIAS)])
def test_equal_to_pytorch(library: str, causal: bool, bias: torch.Tensor | None) -> None:
    def convert(tensor: torch.Tensor | None) -> object:
        return tensor.numpy() if tensor is not None and library == "numpy" else tensor

    queries, keys = convert(QUERIES), convert(KEYS)
    logits = geometry.logits(queries, keys, scale=0.7, bias=convert(bias))
    visible = geometry.visible_pairs(7, 7, causal=causal, bias=convert(bias), like=queries)
    expected = pytorch_attention(is_causal=causal, attn_mask=bias, scale=0.7)
    np.testing.assert_allclose(geometry.attention(logits, visible), expected, atol=1e-6)


def test_a_query_that_sees_nothing_attends_to_nothing() -> None:
    attention = geometry.attention(np.ones((1, 2)), np.zeros((1, 2), bool))
    np.testing.assert_array_equal(attention, [[0, 0]])


def test_large_logits_do_not_overflow() -> None:
    attention = geometry.attention(np.array([[1e5, 0.0]], np.float32), np.ones((1, 2), bool))
    np.testing.assert_array_equal(attention, [[1, 0]])


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_a_soft_cap_bounds_the_products_before_the_bias(library: str) -> None:
    queries, keys = 9 * QUERIES, KEYS
    expected = 5 * torch.tanh(queries @ keys.mT * 0.7 / 5) + BIAS
    arrays = [x.numpy() if library == "numpy" else x for x in (queries, keys, BIAS)]
    found = geometry.logits(arrays[0], arrays[1], scale=0.7, softcap=5.0, bias=arrays[2])
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_sinks_are_a_column_that_is_dropped_after_softmax(library: str) -> None:
    logits, sinks = QUERIES @ KEYS.mT, torch.tensor([-50.0, 0.5, 300.0])  # one that takes nothing, one that takes all
    column = sinks[:, None, None].expand(2, 3, 7, 1)
    expected = torch.cat([logits, column], dim=-1).softmax(dim=-1)[..., :-1]
    arrays = [x.numpy() if library == "numpy" else x for x in (logits, sinks)]
    visible = geometry.visible_pairs(7, 7, causal=False, like=arrays[0])
    np.testing.assert_allclose(geometry.attention(arrays[0], visible, sinks=arrays[1]), expected, atol=1e-6)
