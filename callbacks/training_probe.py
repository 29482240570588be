"""Training probe: what a model is shown where the user gives no probe, from the data that it is trained with."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from .capture.neutral import random_states
from .capture.own_generators import generators_of_data
from .patches import patch_size, special_tokens
from .probe import Probe

if TYPE_CHECKING:
    from torch.utils.data import DataLoader
    from transformers import PreTrainedTokenizerBase

_log = logging.getLogger("tb_attnviz")

EXAMPLES = 24
MAX_LENGTH = 64  # tokens
_IGNORED = -100  # a label that counts for no loss


class NoProbeError(ValueError):
    """No probe can be made of the training's data; the message says why, and what to write.

    why: what the data are, or hold.
    """

    def __init__(self, why: str) -> None:
        super().__init__(
            f"no probe was given, and none can be made of the training's data: {why}. Give one: "
            "AttnVizCallback(Probe.from_texts(texts, tokenizer))"
        )


def training_probe(
    loaders: "Mapping[str, DataLoader[Any] | None]", tokenizer: "PreTrainedTokenizerBase | None", model: nn.Module
) -> Probe:
    """A probe of the first examples of the first data that is there: their texts, pairs of texts, or images.

    loaders: by what the data are called; `model`: of transformers. Says in the log what it has taken. Data that are
    made anew at each look leave the random numbers of the training as they were.
    """
    config: Any = getattr(model, "config", None)
    found = next(((name, loader) for name, loader in loaders.items() if loader is not None), None)
    if found is None:
        raise NoProbeError("the Trainer has no data")
    name, loader = found
    with random_states(model), generators_of_data(loader):
        examples = [dict(example) for example in first_examples(loader.dataset) if isinstance(example, Mapping)]
    if not examples:
        raise NoProbeError(f"the {name} data are a stream, which can be read only once, or hold no examples by name")
    if tokenizer is not None and (said := _texts(examples, tokenizer)):
        texts = [text for text, _ in said]
        targets = (
            _targets([example for _, example in said], tokenizer)
            if getattr(config, "is_encoder_decoder", False)
            else None
        )
        kind = "texts" if targets is None else "pairs of texts"
        _log.info("no probe was given: the first %d %s of the %s data are it", len(texts), kind, name)
        if targets is None:
            return Probe.from_texts(texts, tokenizer, max_length=MAX_LENGTH)
        start = getattr(config, "decoder_start_token_id", None)
        return Probe.from_texts(texts, tokenizer, max_length=MAX_LENGTH, targets=targets, decoder_start=start)
    size = patch_size(model)
    if all("pixel_values" in example for example in examples) and size is not None:
        pixels = torch.stack([torch.as_tensor(example["pixel_values"]) for example in examples])
        _log.info("no probe was given: the first %d images of the %s data are it", len(pixels), name)
        return Probe.from_images(None, pixels, size, special=special_tokens(model))
    keys = ", ".join(sorted(examples[0]))
    needed = "" if tokenizer is not None else ", and the Trainer has no tokenizer (processing_class)"
    raise NoProbeError(f"the {name} data hold {keys}{needed}")


def first_examples(dataset: Any) -> list[Any]:
    """The first examples; [] of data that are no list."""
    if hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__"):
        return [dataset[index] for index in range(min(EXAMPLES, len(dataset)))]
    return []


def _texts(examples: list[dict[str, Any]], tokenizer: "PreTrainedTokenizerBase") -> list[tuple[str, dict[str, Any]]]:
    """Of each example, as it is, or as its ids say it, and the example; without those that are empty."""
    if all(isinstance(example.get("text"), str) for example in examples):
        found = [example["text"] for example in examples]
    elif all("input_ids" in example for example in examples):
        found = [_said(example["input_ids"], tokenizer) for example in examples]
    else:
        return []
    return [(text, example) for text, example in zip(found, examples, strict=True) if text.strip()]


def _targets(examples: list[dict[str, Any]], tokenizer: "PreTrainedTokenizerBase") -> list[str] | None:
    if not all("labels" in example for example in examples):
        return None
    return [_said(example["labels"], tokenizer) for example in examples]


def _said(ids: Any, tokenizer: "PreTrainedTokenizerBase") -> str:
    numbers = ids.tolist() if isinstance(ids, Tensor) or hasattr(ids, "tolist") else list(ids)
    kept = [number for number in numbers if number != _IGNORED][: 4 * MAX_LENGTH]
    return str(tokenizer.decode(kept, skip_special_tokens=True))
