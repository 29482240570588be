"""AttentionCall: one attention of a forward pass, in the form that all ways of computing it are brought to."""

import dataclasses
from collections.abc import Callable
from typing import Any

from torch import Tensor

from .patches import Places

# Models hide a pair by -inf, the least value of a dtype, -1e9 or -1e4. All leave an attention of exactly 0.
HIDDEN = -9_999.0


@dataclasses.dataclass(frozen=True)
class AttentionCall:
    """softmax(cap(queries keysᵀ · scale) + mask), before the values; cap(x) = softcap · tanh(x / softcap)."""

    name: str  # of the module that called; "#1", "#2", … behind it from its second call of the pass on
    queries: Tensor  # [batch, heads, n_query, d]
    keys: Tensor  # [batch, kv_heads, n_key, d]
    scale: float
    causal: bool
    mask: Tensor | None  # broadcasts to [batch, heads, n_query, n_key]; boolean (True: visible) or added to the logits
    softcap: float | None = None
    sinks: Tensor | None = None  # [heads]: a logit more for every query, dropped after softmax
    weights: Tensor | None = None  # [batch, heads, n_query, n_key]: the model's own attention where it shows, to check
    logits: Tensor | None = None  # of the same shape: what the weights are the softmax of, in the model's own precision
    rows: Tensor | None = None  # the queries that mask, weights and logits are of, where they are not of all
    whole: Callable[[], tuple[Tensor, Tensor, Tensor]] | None = None  # then those of all queries
    sources: tuple[int, int, int] = (0, 0, 0)  # what queries and keys were made from, and itself: sets of `Sources`
    disorder: str | None = None  # why its tokens are not the probe's in their order, where that was seen
    values: Tensor | None = None  # [batch, value_heads, n_key, d_v], where the call shows them
    window: tuple[int | None, int | None] = (None, None)  # how many keys before and after its own a query sees
    places: tuple[Places, Places] = (None, None)  # of queries and of keys: which patches of an image they are
    moved: bool = False  # whether the model has it otherwise than as [batch, heads, …] or [batch · heads, …], or may
    beside: tuple[int, int] | None = None  # keys of the model's own before and behind those of tokens, where there are

    def detached(self) -> "AttentionCall":
        """The same without gradients."""
        parts = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        without: dict[str, Any] = {name: x.detach() for name, x in parts.items() if isinstance(x, Tensor)}
        return dataclasses.replace(self, **without)


def with_heads(x: Tensor, sequences: int) -> Tensor:
    """[batch, …] of one head as [batch, 1, …], [batch · heads, …] as [batch, heads, …]; 4 axes stay as they are."""
    if x.dim() == 3 and x.shape[0] % sequences == 0:
        return x.reshape(sequences, -1, *x.shape[1:])  # (sequences, heads, …)
    return x
