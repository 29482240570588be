"""Folded heads: those that share their keys, laid one behind the other in the rows of one product.

    q.reshape(batch, kv_heads, group · n, d) @ k.mT      # [batch, kv_heads, group · n, n]

Which rows are of which head, shapes do not tell: it is seen by the tokens that were followed there.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from torch import Tensor

from .attention_call import AttentionCall

Arrange = Callable[[Tensor], Tensor | None]


def may_be_folded(count: int, widths: set[int]) -> bool:
    """Whether so many rows may be those of several heads, of sequences that are so wide."""
    return any(count > n and count % n == 0 for n in widths)


def unfolded(
    call: AttentionCall, given: Tensor, arrange: Arrange, widths: set[int], in_place: Callable[[Tensor, Arrange], bool]
) -> "tuple[AttentionCall, Unfold | None]":
    """`call` with a head of its own for each that is folded, and what unfolds them in all that is of its form.

    given: the tensor that its queries are of, which `arrange` brings to their form. in_place: whether all tokens are in
    their places, as arranged. As it is, and None, where they are not, or heads are not folded.
    """
    if call.queries.dim() != 4 or call.keys.dim() != 4 or call.causal or call.sinks is not None:
        return call, None
    count, kv_heads = call.queries.shape[2], call.queries.shape[1]
    if count in widths or call.rows is not None or call.window != (None, None):
        return call, None
    for n in sorted(width for width in widths if count % width == 0):
        for heads_first in (True, False):
            unfold = Unfold(count, n, kv_heads, heads_first=heads_first)
            if in_place(given, unfold.behind(arrange)):
                parts = {name: getattr(call, name) for name in ("queries", "mask", "weights", "logits")}
                changed: dict[str, Any] = {name: unfold(x) for name, x in parts.items() if x is not None}
                return dataclasses.replace(call, **changed, moved=True), unfold
    return call, None


@dataclasses.dataclass(frozen=True)
class Unfold:
    """[batch, kv_heads or 1, count or 1, …] as [batch, heads or 1, n or 1, …].

    heads_first: whether the rows are those of one head after the other, else of one token after the other.
    """

    count: int
    n: int
    kv_heads: int
    heads_first: bool

    def __call__(self, x: Tensor) -> Tensor:
        if x.dim() < 4:  # a mask of all sequences and heads
            x = x[(None,) * (4 - x.dim())]
        if x.shape[2] == 1 == x.shape[1]:
            return x
        x = x.expand(-1, self.kv_heads, self.count, -1)
        group = self.count // self.n
        apart = x.unflatten(2, (group, self.n) if self.heads_first else (self.n, group))  # type: ignore[no-untyped-call]
        found: Tensor = (apart if self.heads_first else apart.transpose(2, 3)).flatten(1, 2)
        return found

    def behind(self, arrange: Arrange) -> Arrange:
        def arranged(x: Tensor) -> Tensor | None:
            found = arrange(x)
            return None if found is None or found.dim() != 4 else self(found)

        return arranged
