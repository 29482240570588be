"""Other sequences: which modules of a model with several inputs attend to tokens that the probe does not name."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from .module_names import named_modules
from .probe import Batch

_CROSS = ("crossattention", "cross_attention", "cross_attn", "encoder_attn", "EncDecAttention", "encdec_attn")
_VISION = ("vision_model", "vision_tower", "vision_encoder", "image_encoder", "visual")
_CROSS_WHY = "it is cross-attention: its keys are those of another sequence"


def other_sequences(model: nn.Module, batch: Batch) -> Mapping[str, str]:
    """Module of `model` → why attention in it, or in a module inside it, is not among the tokens of the probe.

    Widths alone do not tell: an encoder and a decoder, a text and an image may well be as long as each other.
    """
    found: dict[str, str] = {}
    modules = dict(named_modules(model))
    for name, module in modules.items():
        last = name.rpartition(".")[2]
        if last in _CROSS or getattr(module, "is_cross_attention", False) is True:
            found[name] = _CROSS_WHY
        if isinstance(module, nn.TransformerDecoderLayer):
            found[f"{name}.multihead_attn"] = _CROSS_WHY
        if last in _VISION and "input_ids" in batch.kwargs:
            found[name] = "it attends among the patches of an image, and the probe names the tokens of a text"
        if last == "decoder" and _sibling(name, "encoder") in modules:
            named = _named_side(batch)
            if named == "encoder":
                found[name] = (
                    "it attends among the decoder's tokens, and the probe names those of the encoder: give "
                    "decoder_input_ids alone, or the same as input_ids"
                )
            elif named == "decoder":
                found[_sibling(name, "encoder")] = (
                    "it attends among the encoder's inputs, and the probe names the decoder's tokens"
                )
    return found


def why_other(name: str, others: Mapping[str, str]) -> str | None:
    """Why the attention `name` is not among the tokens of the probe; None if it is."""
    parts = name.partition("#")[0].split(".")
    return next((why for n in range(len(parts), 0, -1) if (why := others.get(".".join(parts[:n])))), None)


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
