"""Attention among tokens that the probe does not name is refused, also where lengths would hide it."""

import pytest
import torch
from transformers import BartConfig, BartModel, BertConfig, BertModel, CLIPConfig, CLIPModel

from tb_attnviz.callbacks import Probe
from tb_attnviz.callbacks.capture import capture
from tests.callbacks.models import IDS
from tests.callbacks.zoo import BART, BERT

TOKENS = [list("abcdefghi")] * 4


def recorded(model, inputs):
    recording = capture(model, Probe(inputs, TOKENS))
    return [layer.name for layer in recording.layers], recording.skipped


@pytest.fixture(scope="module")
def bart():
    return BartModel(BartConfig(**BART, vocab_size=64))


def test_a_decoder_with_tokens_of_its_own(bart):
    names, skipped = recorded(bart, {"input_ids": IDS, "decoder_input_ids": IDS.flip(0)})
    assert names == ["encoder.layers.0.self_attn", "encoder.layers.1.self_attn"]
    assert "the probe names those of the encoder" in skipped["decoder.layers.0.self_attn"]
    assert "cross-attention" in skipped["decoder.layers.0.encoder_attn"]


def test_a_compiled_model_is_told_like_any_other(bart):
    inputs = {"input_ids": IDS, "decoder_input_ids": IDS.flip(0)}
    assert recorded(torch.compile(bart, backend="eager"), inputs) == recorded(bart, inputs)


def test_a_decoder_that_gets_its_tokens_from_the_model(bart):
    """BART shifts the encoder's by one."""
    names, skipped = recorded(bart, {"input_ids": IDS})
    assert all(name.startswith("encoder.") for name in names)
    assert "the probe names those of the encoder" in skipped["decoder.layers.1.self_attn"]


def test_both_with_the_same_tokens(bart):
    names, _ = recorded(bart, {"input_ids": IDS, "decoder_input_ids": IDS})
    assert [name.partition(".")[0] for name in names] == ["encoder", "encoder", "decoder", "decoder"]


def test_cross_attention_to_states_that_are_handed_in():
    model = BertModel(BertConfig(**BERT, vocab_size=64, is_decoder=True, add_cross_attention=True))
    names, skipped = recorded(model, {"input_ids": IDS, "encoder_hidden_states": torch.randn(4, 9, 32)})
    assert names == [f"encoder.layer.{layer}.attention.self" for layer in range(2)]
    assert all("crossattention" in name and "cross-attention" in why for name, why in skipped.items())
    assert len(skipped) == 2


def test_an_image_beside_a_text_of_the_same_length():
    text = {**BERT, "vocab_size": 64, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    vision = {**BERT, "image_size": 8, "patch_size": 2, "num_channels": 1}  # 16 patches and [CLS]
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=8))
    inputs = {"input_ids": IDS.repeat(1, 2)[:, :17], "pixel_values": torch.randn(4, 1, 8, 8)}
    recording = capture(model, Probe(inputs, [list("abcdefghijklmnopq")] * 4))
    assert {layer.name.partition(".")[0] for layer in recording.layers} == {"text_model"}
    assert all(name.startswith("vision_model.") and "image" in why for name, why in recording.skipped.items())
