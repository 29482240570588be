"""Other sequences: of a model with several inputs, which side of the probe each module attends among."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from tb_attnviz.events import Side

from ..probes.batch import Batch
from ..tracing.module_names import named_modules

Sides = tuple[Side, Side]  # of the queries and of the keys

_CROSS = ("crossattention", "cross_attention", "cross_attn", "encoder_attn", "EncDecAttention", "encdec_attn")
_VISION = ("vision_model", "vision_tower", "vision_encoder", "image_encoder", "visual")
CROSS_WHY = (
    "it is cross-attention: its keys are those of another sequence, and the probe does not name them: give key_tokens"
)
SAME_INPUT_WHY = (
    "it is cross-attention: its keys are those of another sequence, or of the same inputs after other layers than its "
    "queries, and the probe does not name them: give key_tokens"
)
ACROSS: Sides = ("tokens", "key_tokens")


def other_sequences(model: nn.Module, batch: Batch) -> Mapping[str, Sides | str]:
    """Module of `model` → the sides that it, and the modules inside it, attend among; or why they are not the probe's.

    A module that is not in it attends among the probe's tokens, as far as is known here. Widths alone do not tell: an
    encoder and a decoder, a text and an image may well be as long as each other.
    """
    both = len(batch.sides) > 1
    found: dict[str, Sides | str] = {}
    modules = dict(named_modules(model))
    for name, module in modules.items():
        last = name.rpartition(".")[2]
        if last in _CROSS or getattr(module, "is_cross_attention", False) is True:
            found[name] = ACROSS if both else CROSS_WHY
        if isinstance(module, nn.TransformerDecoderLayer):
            found[f"{name}.multihead_attn"] = ACROSS if both else CROSS_WHY
        if last in _VISION and "input_ids" in batch.kwargs:
            why = "it attends among the patches of an image, and the probe names the tokens of a text"
            found[name] = ("key_tokens", "key_tokens") if both else why
        if last == "decoder" and (encoder := _sibling(name, "encoder")) in modules:
            named = _named_side(batch)
            if both:
                found[name], found[encoder] = ("tokens", "tokens"), ("key_tokens", "key_tokens")
            elif named == "encoder":
                found[name] = (
                    "it attends among the decoder's tokens, and the probe names those of the encoder: give "
                    "decoder_input_ids alone, or the same as input_ids, or name the encoder's as key_tokens"
                )
            elif named == "decoder":
                found[encoder] = "it attends among the encoder's inputs, and the probe names the decoder's tokens"
    return found


def sides_of(name: str, others: Mapping[str, Sides | str]) -> Sides | str | None:
    """What `others` says of the attention `name`, or of the innermost module around it."""
    parts = name.partition("#")[0].split(".")
    return next((found for n in range(len(parts), 0, -1) if (found := others.get(".".join(parts[:n])))), None)


def _named_side(batch: Batch) -> str:
    """Whose tokens the probe names: the "encoder"'s, the "decoder"'s, or, where they are the same, those of "both"."""
    ids = {
        name: value
        for name, value in (*enumerate(batch.args), *batch.kwargs.items())
        if isinstance(value, Tensor) and value.dim() == 2 and not value.is_floating_point() and "mask" not in str(name)
    }
    decoders = ids.get("decoder_input_ids")
    if decoders is not None:
        others = [value for name, value in ids.items() if name == "input_ids"]
        if not others:
            return "decoder"
        return "both" if torch.equal(others[0], decoders) else "encoder"
    positional = [value for name, value in ids.items() if isinstance(name, int) and value.dtype != torch.bool]
    if len(positional) > 1 and all(torch.equal(value, positional[0]) for value in positional):
        return "both"
    return "encoder"


def _sibling(name: str, sibling: str) -> str:
    parent, _, _ = name.rpartition(".")
    return f"{parent}.{sibling}" if parent else sibling
