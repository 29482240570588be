"""Padded attention: one attention of a batch with its padding last, and the figures that are computed of it there."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from tb_attnviz.geometry import FIGURES, health, value_entropy

from ..probes.side import Side
from ..tracing.attention_call import AttentionCall
from ..tracing.products import LARGEST_LOGITS
from ..tracing.window_tokens import Windows
from .masks import Mask
from .pairing import Pairing


@dataclasses.dataclass(frozen=True)
class PaddedAttention:
    """Some sequences, or all windows of them, on the model's device."""

    call: AttentionCall
    queries: Tensor  # [sequences, heads, longest, d]
    keys: Tensor  # [sequences, kv_heads, longest, d]
    mask: Mask
    pairing: Pairing
    sequences: int  # in the batch, whose windows these may be

    def health(self) -> dict[str, Tensor]:
        """Every figure, [sequences, heads], on the processor."""
        of_queries = self.pairing.queries
        places = of_queries.places
        parts = [
            health(
                *vectors,
                **options,
                repeats=of_queries.repeats[part],
                places=places if places is None or places.dim() == 2 else places[part],
                ordered=of_queries.ordered,
            )
            for part, vectors, options in self._parts()
        ]
        return {name: self._joined(name, [figures[name] for figures in parts]) for name in FIGURES}

    def value_entropy(self, norms: Tensor) -> Tensor:
        """[sequences, heads] on the processor. norms [sequences, value_heads, longest]."""
        norms = norms.repeat_interleave(self.queries.shape[1] // norms.shape[1], dim=1).to(self.queries.dtype)
        parts = [
            value_entropy(*vectors, norms[part], **options)  # [sequences, heads]
            for part, vectors, options in self._parts()
        ]
        return self._joined("value_entropy", parts)

    def tokens(self, side: Side, x: Tensor) -> Tensor:
        """x [sequences, heads, longest, d] of `side` without padding, [heads, tokens, d] float32 on the processor."""
        x = side.tokens(x)
        if self.pairing.windows is not None:
            x = _in_place(x, self.pairing.windows, self.sequences)
        return x.to("cpu", torch.float32)

    def _parts(self) -> Iterator[tuple[slice, tuple[Tensor, Tensor], dict[str, Any]]]:
        """Some sequences at a time, so that the logits stay small: queries, keys and all else of their attention."""
        call, of_queries, of_keys = self.call, self.pairing.queries, self.pairing.keys
        sequences, heads, n_query, _ = self.queries.shape
        keys = self.keys.repeat_interleave(heads // self.keys.shape[1], dim=1)
        bias = None if self.mask.bias is None else self.mask.bias.to(self.queries.dtype)
        count = max(LARGEST_LOGITS // (heads * n_query * keys.shape[2]), 1)
        for first in range(0, sequences, count):
            part = slice(first, first + count)
            options = {
                "scale": call.scale,
                "softcap": call.softcap,
                "sinks": None if call.sinks is None else call.sinks.to(self.queries.dtype),
                "causal": self.mask.causal,
                "lengths": of_queries.lengths[part],
                "key_lengths": None if of_keys is of_queries else of_keys.lengths[part],
                "bias": bias if bias is None or len(bias) == 1 else bias[part],
            }
            yield part, (self.queries[part], keys[part]), options

    def _joined(self, figure: str, parts: list[Tensor]) -> Tensor:
        """[sequences, heads]; of windows what `over_sequences` makes of those of one sequence."""
        values = torch.cat(parts).cpu()
        if self.pairing.windows is None:
            return values
        by_sequence = values.reshape(self.sequences, -1, values.shape[1])
        return torch.stack([over_sequences(figure, of_one) for of_one in by_sequence])


def pad_last(call: AttentionCall, mask: Mask, pairing: Pairing, *, sequences: int) -> PaddedAttention:
    """`call` with its padding last; `mask` is so already."""
    exact = torch.float64 if call.queries.dtype == torch.float64 else torch.float32
    queries, keys = pairing.queries.in_front(call.queries.to(exact)), pairing.keys.in_front(call.keys.to(exact))
    return PaddedAttention(call, queries, keys, mask, pairing, sequences)


def over_sequences(figure: str, values: Tensor) -> Tensor:
    """One value a head from `values` [sequences, heads]; sequences that do not define the figure (NaN) do not count."""
    if figure == "max_logit":
        largest = torch.where(values.isnan(), -torch.inf, values).amax(dim=0)
        return torch.where(values.isnan().all(dim=0), torch.nan, largest)
    return values.sum(dim=0) if figure == "non_finite" else values.nanmean(dim=0)


def _in_place(x: Tensor, windows: Windows, sequences: int) -> Tensor:
    """x [heads, tokens, d], window after window of all sequences, with the tokens of each in their order."""
    by_sequence = x.reshape(len(x), sequences, -1, x.shape[-1])
    order = windows.tokens.flatten().argsort().to(x.device)  # where each token of the grid is
    return by_sequence[:, :, order].flatten(1, 2)
