"""Modules that are called attention and showed none are named, the innermost of them, and no others."""

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
