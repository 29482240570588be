"""Side: the tokens of one side of a batch, and where they are in what the model is shown."""

from collections.abc import Sequence

import torch
from torch import Tensor

from tb_attnviz.events import Grid
from tb_attnviz.events import Side as Name
from tb_attnviz.geometry import Asked, SequenceKind


class Side:
    """`present` [sequences, width]: which positions hold a token.

    `places`: [longest, 2], or [sequences, longest, 2]: row and column of each token in an image, NaN for one without a
    place; None: no token has one. `kinds`: of each sequence, for its maps; none are made without. `asked`: what of
    attention at an offset is wanted, for the figures of repeats. `ordered`: tokens come in an order. `grid`: what the
    last tokens of each sequence are the patches of, where that is one. `own`: the grid is not the probe's, but one that
    a layer has of its own. `order`: [width] of its positions in the order of the tokens, where it is another.
    """

    def __init__(
        self,
        name: Name,
        present: Tensor,
        *,
        places: Tensor | None = None,
        kinds: Sequence[SequenceKind] = (),
        asked: Sequence[Asked] = (),
        ordered: bool = True,
        grid: Grid | None = None,
        own: bool = False,
        order: Tensor | None = None,
    ) -> None:
        self.name = name
        self.kinds = kinds
        self.asked = asked
        self.ordered = ordered
        self.present = present
        self.lengths = present.sum(dim=1)  # (sequences,)
        self.counts: list[int] = self.lengths.tolist()
        self.grid = grid
        self.own = own
        found = torch.argsort((~present).int(), dim=1, stable=True) if order is None else order.expand(len(present), -1)
        self.order = found[:, : max(self.counts)]  # (sequences, longest): where the tokens are, then padding
        self.places = places
        self.in_order = bool((self.order == torch.arange(self.order.shape[1], device=found.device)).all())

    @property
    def special(self) -> int:
        """How many tokens lie before the patches of its grid."""
        return max(self.counts) - (0 if self.grid is None else self.grid.size)

    def fits(self, x: Tensor) -> bool:
        """Whether x [sequences, heads, width, d] is of these positions."""
        return x.dim() == 4 and (x.shape[0], x.shape[2]) == tuple(self.present.shape)

    def in_front(self, x: Tensor) -> Tensor:
        """x [sequences, heads, width, d] with padding last, and only as much as there must be."""
        if self.in_order:
            return x[:, :, : self.order.shape[1]]
        return torch.take_along_dim(x, self.order[:, None, :, None], dim=2)

    def parts(self, x: Tensor) -> list[Tensor]:
        """x [sequences, heads, longest, d] without its padding: one behind the other they are [heads, tokens, d]."""
        if min(self.counts) == x.shape[2]:
            return [x.transpose(0, 1).flatten(1, 2)]
        return [of_one[:, :count] for of_one, count in zip(x, self.counts, strict=True)]
