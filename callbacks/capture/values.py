"""Values: the lengths of the values that an attention sums, seen where its weights meet them."""

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from .padded_attention import PaddedAttention

UNSEEN = "no product of its weights with values was seen: show them by attnviz_tap(q, k, …, values=v)"
_AGAIN = "its weights meet different values"


@dataclasses.dataclass(frozen=True)
class ValueNorms:
    """‖v‖ of the values of one attention, on the processor."""

    norms: Tensor  # [value_heads, tokens] float32
    entropy: Tensor | None  # [sequences, heads], of attention weighted by them


class Values:
    """Those of the attentions of a batch, each after its attention. Only the last one is kept."""

    def __init__(self) -> None:
        self.found: dict[str, ValueNorms] = {}
        self.left_out: dict[str, str] = {}
        self._attention: PaddedAttention | None = None

    def expect(self, attention: PaddedAttention | None) -> None:
        """The values that come are those of this attention; None: no more come."""
        self._attention = attention

    def take(self, name: str, values: Tensor, *, with_figure: bool) -> None:
        """values [batch or 1, value_heads, n_key, d_v], padding where the keys have it."""
        attention = self._attention
        if attention is None or attention.call.name != name:
            self.left_out[name] = "its weights meet their values after another attention"
            return
        keys, heads = attention.call.keys, attention.queries.shape[1]
        fits = values.dim() == 4 and len(values) in (1, len(keys)) and values.shape[2] == keys.shape[2]
        if not fits or heads % values.shape[1]:
            self.left_out[name] = f"its values {tuple(values.shape)} are not those of keys {tuple(keys.shape)}"
            return
        exact = torch.float64 if values.dtype == torch.float64 else torch.float32
        norms = torch.linalg.vector_norm(values, dim=-1, keepdim=True, dtype=exact)
        norms = attention.pairing.keys.in_front(norms.expand(len(keys), -1, -1, -1))  # (sequences, value_heads, n, 1)
        of_tokens = attention.tokens(attention.pairing.keys, norms)[..., 0]  # (value_heads, tokens)
        known = self.found.get(name)
        if known is None:
            self.found[name] = ValueNorms(of_tokens, attention.value_entropy(norms[..., 0]) if with_figure else None)
        elif not (known.norms.shape == of_tokens.shape and torch.allclose(known.norms, of_tokens, equal_nan=True)):
            self.left_out[name] = _AGAIN  # shown twice (by a tap) they are the same


def join_values(name: str, batches: Sequence[Values]) -> ValueNorms | str:
    """Those of one attention in all batches; or why they are not recorded."""
    reasons = [batch.left_out[name] for batch in batches if name in batch.left_out]
    found = [batch.found[name] for batch in batches if name in batch.found]
    if reasons:
        return reasons[0]
    if len(found) < len(batches) or len({len(one.norms) for one in found}) > 1:
        return UNSEEN
    entropies = [one.entropy for one in found if one.entropy is not None]
    return ValueNorms(
        torch.cat([one.norms for one in found], dim=1), torch.cat(entropies) if len(entropies) == len(found) else None
    )
