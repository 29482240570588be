"""Modules that are called attention and showed none are named, the innermost of them, and no others."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from tb_attnviz.callbacks import NoAttentionError, Probe
from tb_attnviz.callbacks.capture import capture
from tb_attnviz.callbacks.capture.unseen import unseen

CALLED = {
    "Model": "SomeAttentionModel",
    "layers.0": "MambaBlock",
    "layers.0.norm": "MambaNorm",
    "layers.0.mixer": "MambaMixer",
    "layers.1": "Block",
    "layers.1.attention": "Attention",
    "layers.1.attention.inner": "AttentionKernel",
    "layers.1.mlp": "Linear",
}


def test_the_innermost_is_named_with_its_class():
    found = unseen(CALLED, known=["layers.1.attention.inner"])
    assert list(found) == ["layers.0.mixer"]
    assert "MambaMixer, which has no softmax" in found["layers.0.mixer"]


def test_an_attention_in_or_around_it_stands_for_it():
    for known in ("layers.1.attention", "layers.1.attention.inner#2", "layers.1"):
        assert list(unseen(CALLED, known=[known])) == ["layers.0.mixer"]
    assert list(unseen(CALLED, known=["layers.11"])) == ["layers.0.mixer", "layers.1.attention.inner"]


def test_the_model_itself_if_nothing_in_it_can_be_named():
    assert list(unseen({"Model": "LinearAttention", "out": "Linear"}, known=[])) == ["Model"]
    assert unseen({"Model": "Model", "out": "Linear"}, known=[]) == {}


class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weights = torch.matmul(self.q(x), self.k(x).transpose(-2, -1)).softmax(dim=-1)
        return torch.matmul(weights, x)


class Fused(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.scaled_dot_product_attention(x, x, x)


class Parts(nn.Module):
    """Shows ids to some modules, one after the other."""

    def __init__(self, *parts):
        super().__init__()
        self.embedding, self.parts = nn.Embedding(20, 8), nn.ModuleList(parts)

    def forward(self, ids):
        x = self.embedding(ids)
        for part in self.parts:
            x = x + part(x)
        return x


IDS = torch.arange(12).view(2, 6)
PROBE = Probe(IDS, [list("abcdef")] * 2)


@pytest.mark.parametrize("make", [torch.jit.script, lambda part: torch.jit.trace(part, torch.zeros(2, 6, 8))])
def test_attention_in_torchscript_modules_is_named_and_others_are_recorded(make):
    parts = make(nn.Sequential(nn.Linear(8, 8), Inner())), make(Fused()), make(nn.Linear(8, 8)), Inner()
    recording = capture(Parts(*parts), PROBE)
    assert [layer.name for layer in recording.layers] == ["parts.3"]
    assert list(recording.skipped) == ["parts.0.1", "parts.1"]
    assert all("compiled to TorchScript" in why for why in recording.skipped.values())


def test_a_model_that_is_all_torchscript_says_so():
    with pytest.raises(NoAttentionError, match="Inner compiled to TorchScript"):
        capture(torch.jit.script(nn.Sequential(nn.Embedding(20, 8), Inner())), PROBE)
