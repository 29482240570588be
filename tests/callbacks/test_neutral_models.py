"""Training on images and on pairs of sequences is bit for bit the same with a recorder as without."""

import contextlib

import pytest
import torch
from transformers import BartConfig, BartModel, SwinConfig, SwinModel, ViTConfig, ViTModel

from tb_attnviz.callbacks import AttentionRecorder, Probe
from tests.callbacks.models import IDS, MASK, TOKENS
from tests.callbacks.test_neutral import assert_same, random_states
from tests.callbacks.zoo import BART, SWIN, TARGET_IDS, TARGET_MASK, TARGETS, VISION

DROPOUT = {"hidden_dropout_prob": 0.2, "attention_probs_dropout_prob": 0.2}


def vit():
    return ViTModel(ViTConfig(**VISION, **DROPOUT)), {"pixel_values": torch.randn(4, 3, 12, 12)}


def swin(**options):
    config = SwinConfig(**{**SWIN, **DROPOUT, "drop_path_rate": 0.2, **options})
    return SwinModel(config), {"pixel_values": torch.randn(4, 3, 16, 16)}


def bart():
    inputs = {"input_ids": IDS, "attention_mask": MASK, "decoder_input_ids": TARGET_IDS}
    return BartModel(BartConfig(**BART, vocab_size=64, dropout=0.2)), inputs


def small_images(size, patch_size, special):
    images = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(0))
    return Probe.from_images(None, images, patch_size, special=special)


def pairs():
    inputs = {"input_ids": IDS, "attention_mask": MASK}
    targets = {"decoder_input_ids": TARGET_IDS, "decoder_attention_mask": TARGET_MASK}
    return Probe({**inputs, **targets}, TARGETS, key_tokens=TOKENS)


WAYS = {
    "ViT": (vit, lambda: small_images(12, 4, ("[CLS]",))),
    "Swin": (swin, lambda: small_images(16, 2, ())),
    "Swin, shown images as small as its windows": (
        lambda: swin(depths=[2], num_heads=[2]),  # transformers then sets the windows' shift to 0, for good
        lambda: small_images(8, 2, ()),
    ),
    "BART, both sides": (bart, pairs),
}


def train(directory, make, make_probe):
    torch.manual_seed(0)
    model, inputs = make()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    recorder = AttentionRecorder(model, make_probe(), directory, every=1, on_error="raise") if directory else None
    losses = []
    with recorder or contextlib.nullcontext():
        for step in range(4):
            loss = model(**inputs).last_hidden_state.square().mean()
            loss.backward()
            if recorder:
                recorder.step(step)
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
    return {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "losses": losses}


@pytest.mark.filterwarnings("ignore:attention that is not recorded")
@pytest.mark.parametrize("way", WAYS)
def test_training_is_the_same_bit_for_bit(tmp_path, way):
    without, states = train(None, *WAYS[way]), random_states()
    assert_same(train(tmp_path, *WAYS[way]), without)
    assert_same(random_states(), states)
    assert list(tmp_path.glob("plugins/attnviz/samples-*.events"))
