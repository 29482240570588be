"""A probe of what a loader hands to a model."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader
from transformers import AutoTokenizer, ViTConfig, ViTModel

from tb_attnviz.callbacks.batch_probe import batch_probe, first_loader
from tb_attnviz.callbacks.training_probe import NoProbeError
from tests.callbacks.models import MINILM, TEXTS, Decoder

IDS = torch.arange(4 * 12).reshape(4, 12)


class Encoder(nn.Module):
    """Sees all tokens that the mask has."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(30_522, 8)

    def forward(self, input_ids, attention_mask, labels=None):
        x = self.embedding(input_ids)[:, None]
        return functional.scaled_dot_product_attention(x, x, x, attn_mask=attention_mask[:, None, None].bool())


def test_a_pair_is_shown_without_its_answer():
    loader = DataLoader(list(zip(IDS, range(4), strict=True)))
    probe = batch_probe({"validation": None, "training": loader}, Decoder())
    assert probe.record.sequences[1].tokens == tuple(map(str, range(12, 24)))
    assert [sequence.repeat is None for sequence in probe.record.sequences] == [True] * 4 + [False] * 3


def test_a_dictionary_is_shown_as_its_mask_says_with_the_names_of_the_tokenizer():
    tokenizer = AutoTokenizer.from_pretrained(MINILM)
    data = [{**tokenizer(text, padding="max_length", max_length=32), "labels": 1} for text in TEXTS]
    loader = DataLoader(
        data, collate_fn=lambda rows: {key: torch.tensor([row[key] for row in rows]) for key in rows[0]}
    )
    probe = batch_probe({"validation": loader}, Encoder(), tokenizer=tokenizer)
    assert [sequence.tokens for sequence in probe.record.sequences] == [
        tuple(tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"])) for text in TEXTS
    ]
    [batch] = probe.batches(16, device=torch.device("cpu"))
    assert set(batch.kwargs) == {"input_ids", "attention_mask"}


def test_images_in_the_patches_that_the_model_has():
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    model = ViTModel(ViTConfig(image_size=32, patch_size=8, **sizes))
    probe = batch_probe({"training": DataLoader([(torch.rand(3, 32, 32), 0)] * 2)}, model)
    assert probe.record.sequences[0].tokens[:1] == ("[CLS]",)
    assert [sequence.grid.size for sequence in probe.record.sequences] == [16, 16]


def test_long_sequences_are_fewer():
    loader = DataLoader(torch.randint(64, (24, 700)))
    assert batch_probe({"training": loader}, Encoder_of_ids()).lengths == (700, 700)


class Encoder_of_ids(Encoder):  # noqa: N801
    def forward(self, ids):
        return super().forward(ids, torch.ones_like(ids))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ([(torch.rand(3, 8, 8), 0)] * 2, "images, and the model does not say of which size its patches are"),
        ([torch.rand(5)] * 2, r"the training data hold float32 \[2, 5\]"),
        ([{"features": torch.rand(5)}] * 2, "forward takes input_ids, attention_mask, and a batch holds features"),
    ],
)
def test_what_cannot_be_shown_is_named(data, why):
    with pytest.raises(NoProbeError, match=f"{why}. Give one: AttnVizCallback"):
        batch_probe({"training": DataLoader(data)}, Encoder())


def test_the_first_loader_of_several():
    loader = DataLoader(IDS)
    assert first_loader({"a": [loader], "b": SimpleNamespace()}) is loader
    assert first_loader(None) is None
