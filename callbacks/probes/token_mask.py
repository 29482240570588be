"""Token mask: which positions of inputs hold a token, where in an image, and whether tokens and inputs fit."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from tb_attnviz.events import Sequence as ProbeSequence
from tb_attnviz.events import Side

from .inputs import Inputs
from .ragged import Ragged

_BESIDE = ("labels", "position_ids", "token_type_ids")  # whole numbers beside the ids of the tokens


def check_rows(inputs: Inputs, sequences: int) -> None:
    """Raises ValueError unless some tensor of `inputs` has so many sequences, and those that hold ids or masks do.

    Others may belong to no sequence.
    """
    tensors = {name: value for name, value in inputs.named.items() if not inputs.is_shared(name)}
    if not tensors:
        raise ValueError("the probe's inputs hold no tensor: give what the model is called with, sequences first")
    found = [name for name in tensors if inputs.of_sequences(name)]
    for name, tensor in tensors.items():
        wrong = name not in found and (not found or _is_of_tokens(name, tensor))
        if wrong:
            rows = tensor.shape[0] if len(tensor.shape) else 0
            raise ValueError(
                f"tokens names {sequences} sequences, but {name} of shape {tuple(tensor.shape)} has {rows} "
                "along its first axis: give one list of tokens for each sequence of the inputs"
            )


def find_token_mask(inputs: Inputs, lengths: Sequence[int], side: Side, *, two_sides: bool) -> Tensor:
    """Which positions of a side hold a token, [sequences, width]. Raises ValueError if `lengths` do not fit."""
    tensors = {
        name: value for name, value in inputs.named.items() if isinstance(value, Tensor) and inputs.of_sequences(name)
    }
    masks = {name: value for name, value in tensors.items() if "mask" in name}
    ids = {name: value for name, value in tensors.items() if _holds_ids(value) and name not in masks}
    decodes = "decoder_input_ids" in tensors
    if side == "key_tokens":
        name = "attention_mask" if decodes else "encoder_attention_mask"
        own = ids.get("input_ids") if decodes else None
    else:
        name = "decoder_attention_mask" if two_sides and decodes else "attention_mask"
        first = next((value for key, value in ids.items() if not key.endswith(_BESIDE)), None)
        own = ids["decoder_input_ids"] if two_sides and decodes else ids.get("input_ids", first)
        if two_sides and not decodes:
            own = None  # whose tokens the ids are, nothing says
    mask = masks.get(name)
    if mask is not None and mask.dim() == 2:
        return _from_mask(name, mask, lengths)
    if own is not None:
        _check_width(own.shape[1], lengths)
    return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]  # (sequences, width)


def find_patch_places(sequences: Sequence[ProbeSequence]) -> Tensor | None:
    """Row and column of every token, NaN for those without: [longest, 2], or [sequences, longest, 2] if they differ.

    None where a sequence is no image.
    """
    if any(sequence.grid is None for sequence in sequences):
        return None
    alike = len({(sequence.grid, len(sequence.tokens)) for sequence in sequences}) == 1
    longest = max(len(sequence.tokens) for sequence in sequences)
    places = torch.full((1 if alike else len(sequences), longest, 2), math.nan)
    for index in range(len(places)):
        known = [place or (math.nan, math.nan) for place in sequences[index].places]
        places[index, : len(known)] = torch.tensor(known)
    return places[0] if alike else places


def _from_mask(name: str, mask: Tensor, lengths: Sequence[int]) -> Tensor:
    """Where tokens are named that the inputs have not, they are memory or register tokens that the model puts in front.

    If it puts them elsewhere, tokens will be seen to attend to what is padding here, which is refused.
    """
    present = mask.detach().cpu().bool()
    marked = present.sum(dim=1)
    added = torch.tensor(lengths) - marked
    if (added == added[0]).all() and added[0] > 0:
        return torch.cat([torch.ones(len(present), int(added[0]), dtype=torch.bool), present], dim=1)
    for index, (found, named) in enumerate(zip(marked.tolist(), lengths, strict=True)):
        if found != named:
            raise ValueError(
                f"sequence {index} of the probe has {named} tokens, but {name} marks {found} positions in it: "
                "give one token for each position that is not padding"
            )
    return present


def _check_width(width: int, lengths: Sequence[int]) -> None:
    """More tokens than positions are those that the model adds of its own: registers, memory, virtual tokens."""
    longest = max(range(len(lengths)), key=lambda index: lengths[index])
    if lengths[longest] < width:
        raise ValueError(
            f"sequence {longest}, the longest of the probe, has {lengths[longest]} tokens, but the inputs are {width} "
            f"positions wide: give one token for each position, or mark the padding in an attention_mask"
        )


def _holds_ids(tensor: Tensor) -> bool:
    return tensor.dim() == 2 and not tensor.is_floating_point() and tensor.dtype != torch.bool


def _is_of_tokens(name: str, tensor: Tensor | Ragged) -> bool:
    """Whether it can only be about the tokens of each sequence: their ids, or which are padding."""
    return isinstance(tensor, Tensor) and name.endswith(("input_ids", "attention_mask"))
