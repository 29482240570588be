"""Attended: what heads attend to, as a number that follows from their queries and keys.

A head attends by logits l_ij = cap(q_i · k_j · scale). How far those of what it attends to stand out is
s = Σ_i Σ_j A_ij (l_ij - mean of l_i over the keys that i sees), with its attention A held fixed.
"""

import dataclasses

import torch
from torch import Tensor

from tb_attnviz.geometry import attention, logits, visible_pairs

from ..capture.masks import additive
from ..tracing.attention_call import AttentionCall


@dataclasses.dataclass(frozen=True)
class Attended:
    """What the heads of one attention attend to in one batch."""

    weights: Tensor  # [sequences, heads, n_query, n_key], held fixed; 0 for queries that see a single key, or none
    visible: Tensor  # of the same shape, boolean
    counts: Tensor  # [heads]: how many queries have a choice
    scale: float
    softcap: float | None
    groups: int  # query heads a key head

    @classmethod
    def of(cls, call: AttentionCall, present: Tensor) -> "Attended":
        """`present` [sequences, n_query]: which queries are tokens."""
        queries, keys = exact(call.queries.detach()), exact(call.keys.detach())
        groups = queries.shape[1] // keys.shape[1]
        bias = additive(call).detach()
        scores = logits(
            queries, keys.repeat_interleave(groups, dim=1), scale=call.scale, softcap=call.softcap, bias=bias
        )
        visible = visible_pairs(*scores.shape[-2:], causal=False, bias=bias, like=scores).expand(scores.shape)
        told = present[:, None] & (visible.sum(dim=-1) > 1)  # (sequences, heads, n_query)
        visible = visible & told[..., None]
        sinks = None if call.sinks is None else call.sinks.detach()
        weights = torch.where(visible, attention(scores, visible, sinks=sinks), 0.0)
        return cls(weights, visible, told.sum(dim=(0, 2)), call.scale, call.softcap, groups)

    def amount(self, queries: Tensor, keys: Tensor) -> Tensor:
        """s of each head, [heads].

        queries [sequences, heads, n_query, d], keys [sequences, heads, n_key, d]: grouped ones repeated.
        """
        scores = logits(queries, keys, scale=self.scale, softcap=self.softcap)
        seen = self.visible.sum(dim=-1, keepdim=True).clamp(min=1)
        mean = torch.where(self.visible, scores, 0.0).sum(dim=-1, keepdim=True) / seen
        return (self.weights * torch.where(self.visible, scores - mean, 0.0)).sum(dim=(0, 2, 3))

    @torch.enable_grad()
    def slopes(self, call: AttentionCall) -> tuple[Tensor, Tensor]:
        """∂s/∂q and ∂s/∂k of each head, both [sequences, heads, n, d]: keys as if no other head shared them."""
        queries = exact(call.queries.detach()).requires_grad_()
        keys = exact(call.keys.detach()).repeat_interleave(self.groups, dim=1).requires_grad_()
        of_queries, of_keys = torch.autograd.grad(self.amount(queries, keys).sum(), [queries, keys])
        return of_queries, of_keys


def exact(x: Tensor) -> Tensor:
    """In float32 or better."""
    return x if x.dtype == torch.float64 else x.float()
