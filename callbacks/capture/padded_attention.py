"""Padded attention: one attention of a batch with its padding last, and the figures that are computed of it there."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tb_attnviz.geometry import BLOCK, PLAIN, Maps, Mean, Survey, over_sequences, survey, value_entropy

from ..probes.relations import Related
from ..probes.side import Side
from ..tracing.attention_call import AttentionCall
from ..tracing.patches import Windows
from .masks import Mask
from .memory import joined
from .pairing import Pairing

_BLOCK_OF_ACCELERATORS = 2**24  # pairs at once: 64 MB in float32, so that kernels are few and large


@dataclasses.dataclass(frozen=True)
class PaddedAttention:
    """Some sequences, or all windows of them, on the model's device."""

    call: AttentionCall
    queries: Tensor  # [sequences, heads, longest, d]
    keys: Tensor  # [sequences, kv_heads, longest, d]
    mask: Mask
    pairing: Pairing
    sequences: int  # in the batch, whose windows these may be
    relations: tuple[Related, ...] = ()  # among its tokens

    def survey(self) -> Survey:
        """Its figures and small maps, on the processor. Windows have no maps, and figures as one sequence together."""
        of_queries, of_keys = self.pairing.queries, self.pairing.keys
        kinds = of_queries.kinds
        if of_keys is not of_queries:
            kinds = [kind if isinstance(kind, tuple) else PLAIN for kind in of_keys.kinds]
        found = survey(
            self.queries,
            self.keys,
            **self._options(),
            places=of_queries.places,
            ordered=of_queries.ordered,
            asked=of_queries.asked,
            kinds=kinds,
            relations=[one.pairs for one in self.relations],
        )
        figures = {name: self._by_sequence(name, values) for name, values in found.figures.items()}
        maps = {kind: _on_processor(of_kind) for kind, of_kind in found.maps.items()}
        return Survey(figures, found.masses.cpu(), maps, found.followed)

    def value_entropy(self, norms: Tensor) -> Tensor:
        """[sequences, heads] on the processor. norms [sequences, value_heads, longest]."""
        norms = norms.repeat_interleave(self.queries.shape[1] // norms.shape[1], dim=1)
        return self._by_sequence("value_entropy", value_entropy(self.queries, self.keys, norms, **self._options()))

    def tokens(self, side: Side, x: Tensor) -> Tensor:
        """x [sequences, heads, longest, d] of `side` without padding, [heads, tokens, d] float32 on the processor.

        It may lie where `x` lies.
        """
        x = joined(side.parts(x))
        if self.pairing.windows is not None:
            x = _in_place(x, self.pairing.windows, self.sequences)
        return x.to("cpu", torch.float32)

    def _options(self) -> dict[str, Any]:
        """What its weights are computed with, beside queries and keys."""
        call, of_queries, of_keys = self.call, self.pairing.queries, self.pairing.keys
        return {
            "scale": call.scale,
            "softcap": call.softcap,
            "sinks": None if call.sinks is None else call.sinks.to(self.queries.dtype),
            "causal": False,
            "window": self.mask.window,
            "lengths": of_queries.counts,
            "key_lengths": None if of_keys is of_queries else of_keys.counts,
            "bias": None if self.mask.bias is None else self.mask.bias.to(self.queries.dtype),
            "block": BLOCK if self.queries.device.type == "cpu" else _BLOCK_OF_ACCELERATORS,
        }

    def _by_sequence(self, figure: str, values: Tensor) -> Tensor:
        """[sequences, heads] on the processor; of windows what `over_sequences` makes of those of one sequence."""
        if self.pairing.windows is None:
            return values.cpu()
        by_sequence = values.cpu().reshape(self.sequences, -1, values.shape[1])
        return torch.stack([over_sequences(figure, of_one) for of_one in by_sequence])


def pad_last(
    call: AttentionCall, mask: Mask, pairing: Pairing, *, sequences: int, relations: Sequence[Related] = ()
) -> PaddedAttention:
    """`call` with its padding last; `mask` is so already. `relations`: all of the probe, in these sequences."""
    exact = torch.float64 if call.queries.dtype == torch.float64 else torch.float32
    queries, keys = pairing.queries.in_front(call.queries.to(exact)), pairing.keys.in_front(call.keys.to(exact))
    among = tuple(one for one in relations if pairing.has(one))
    return PaddedAttention(call, queries, keys, mask, pairing, sequences, among)


def _on_processor(maps: Maps) -> Maps:
    means = {name: Mean(mean.total.cpu(), mean.count.cpu()) for name, mean in maps.means.items()}
    return dataclasses.replace(maps, means=means)


def _in_place(x: Tensor, windows: Windows, sequences: int) -> Tensor:
    """x [heads, tokens, d], window after window of all sequences, with the tokens of each in their order."""
    by_sequence = x.reshape(len(x), sequences, -1, x.shape[-1])
    order = windows.tokens.flatten().argsort().to(x.device)  # where each token of the grid is
    return by_sequence[:, :, order].flatten(1, 2)
