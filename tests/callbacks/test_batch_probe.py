"""A probe of what a loader hands to a model."""

import random
from types import SimpleNamespace

import numpy as np
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


class Whole(Decoder):
    """Takes its batch whole, as a LightningModule often does."""

    def forward(self, batch):
        assert {"input_ids"} <= batch.keys() <= {"input_ids", "attention_mask", "labels"}
        return super().forward(batch["input_ids"])


@pytest.mark.parametrize(("beside", "added"), [({}, 3), ({"labels": IDS[0] * 0 - 100}, 0)], ids=["ids", "labels too"])
def test_a_batch_that_is_taken_whole_is_looked_into(beside, added):
    rows = [{**beside, "input_ids": row % 64} for row in IDS]
    probe = batch_probe({"training": DataLoader(rows)}, Whole())
    sequences = probe.record.sequences
    assert [sequence.tokens for sequence in sequences[:4]] == [tuple(map(str, (row % 64).tolist())) for row in IDS]
    assert [sequence.repeat is not None for sequence in sequences] == [False] * 4 + [True] * added
    [batch] = probe.batches(16, device=torch.device("cpu"))
    assert not batch.kwargs
    assert torch.equal(batch.args[0]["input_ids"][:4], IDS % 64)


class Masked(Decoder):
    """Causal, with a mask that has its heads' axis already."""

    def forward(self, input_ids, attention_mask):
        assert attention_mask.dim() == 4
        return super().forward(input_ids)


def test_beside_a_mask_of_pairs_no_sequences_are_added():
    seen = torch.ones(1, 12, 12).tril().bool()
    rows = [{"input_ids": row % 64, "attention_mask": seen} for row in IDS]
    assert batch_probe({"training": DataLoader(rows)}, Masked()).lengths == (12,) * 4


def test_the_first_loader_of_several():
    loader = DataLoader(IDS)
    assert first_loader({"a": [loader], "b": SimpleNamespace()}) is loader
    assert first_loader(None) is None


class Noisy(torch.utils.data.Dataset):
    """Changes each example at random, by generators of its own and of its transform."""

    def __init__(self):
        self.generator = torch.Generator().manual_seed(3)
        self.transforms = [SimpleNamespace(draw=np.random.default_rng(4).integers)]

    def __len__(self):
        return len(IDS)

    def __getitem__(self, index):
        return (
            IDS[index] % 12 + torch.randint(9, IDS[index].shape, generator=self.generator) + self.transforms[0].draw(9)
        )


def test_generators_of_the_data_are_as_they_were():
    data, collator = Noisy(), random.Random(5)
    chance = collator.random  # a method of an object written in C
    subset = torch.utils.data.Subset(data, range(4))
    loader = DataLoader(subset, collate_fn=lambda rows: torch.stack(rows) + int(chance() * 9), shuffle=True)
    draw = data.transforms[0].draw.__self__
    before = data.generator.get_state(), draw.bit_generator.state, collator.getstate()
    one, other = (batch_probe({"training": loader}, Decoder()).record.sequences[0].tokens for _ in range(2))
    assert one == other
    assert torch.equal(data.generator.get_state(), before[0])
    assert (draw.bit_generator.state, collator.getstate()) == before[1:]


@pytest.mark.parametrize("batch", [{1, 2}, 3, SimpleNamespace(ids=IDS)])
def test_a_batch_of_another_kind_says_what_it_is(batch):
    loader = DataLoader([0], collate_fn=lambda rows: batch)
    with pytest.raises(NoProbeError, match=type(batch).__name__):
        batch_probe({"training": loader}, Decoder())
