"""Losses: what heads are important for, as a number for each sequence of a batch or one for all of them."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from ..probes.batch import Batch

Loss = Callable[[Any, Any], Tensor] | Literal["auto"]
"""Called with the model's output and its inputs, as the probe has them: a tensor, a tuple or a dictionary."""

_NONE_FOUND = (
    'loss="auto" finds no loss: the output has none of its own (give the probe of a transformers head its labels among '
    "the inputs), and the model is no decoder that gives the next token's logits for token ids; give a function, "
    "loss=lambda output, inputs: …"
)


class LossError(ValueError):
    """A loss that cannot be used; the message says what to give instead."""


def losses_of(loss: Loss, output: Any, batch: Batch, *, is_decoder: bool) -> Tensor:
    """[sequences], or [] where there is one for all of them, in float32 or better. Raises LossError."""
    if loss == "auto":
        own = _attribute(output, "loss")
        found = own if isinstance(own, Tensor) else _next_token(output, batch) if is_decoder else None
        if found is None:
            raise LossError(_NONE_FOUND)
    else:
        found = loss(output, inputs_of(batch))
    if not isinstance(found, Tensor) or found.shape not in ((), (1,), (len(batch.present),)):
        what = f"a tensor {tuple(found.shape)}" if isinstance(found, Tensor) else f"a {type(found).__name__}"
        raise LossError(f"loss gives {what}: make it one number, or one for each of the {len(batch.present)} sequences")
    found = found if found.dtype == torch.float64 else found.float()
    return found if found.shape == (len(batch.present),) else found.reshape(())


def inputs_of(batch: Batch) -> Any:
    """What the probe was given, of these sequences."""
    if batch.kwargs:
        return batch.kwargs
    return batch.args[0] if len(batch.args) == 1 else batch.args


def _next_token(output: Any, batch: Batch) -> Tensor | None:
    """Mean cross-entropy of each sequence's next tokens, [sequences]; 0 for one of a single token."""
    logits, ids = _logits(output), _ids(batch)
    if ids is None or logits is None or logits.dim() != 3 or logits.shape[:2] != ids.shape:
        return None
    if int(ids.max()) >= logits.shape[-1]:  # hidden states, say
        return None
    told = batch.present[:, :-1] & batch.present[:, 1:]  # (sequences, width - 1)
    scores = logits[:, :-1] if logits.dtype == torch.float64 else logits[:, :-1].float()
    losses = functional.cross_entropy(scores.transpose(1, 2), ids[:, 1:], reduction="none")
    return torch.where(told, losses, 0.0).sum(dim=1) / told.sum(dim=1).clamp(min=1)


def _logits(output: Any) -> Tensor | None:
    found = _attribute(output, "logits")
    if found is None:
        found = output[0] if isinstance(output, (tuple, list)) and output else output
    return found if isinstance(found, Tensor) and found.is_floating_point() else None


def _ids(batch: Batch) -> Tensor | None:
    """The numbers of the tokens, [sequences, width]."""
    named = [batch.kwargs[name] for name in ("decoder_input_ids", "input_ids") if name in batch.kwargs]
    for x in (*named, *batch.args, *batch.kwargs.values()):
        if isinstance(x, Tensor) and x.shape == batch.present.shape and x.dtype in (torch.int64, torch.int32):
            return x.long()
    return None


def _attribute(output: Any, name: str) -> Any:
    return output.get(name) if isinstance(output, Mapping) else getattr(output, name, None)
