"""Sources: what every tensor of a pass was made from: which inputs, which attentions, which random numbers.

Queries and keys of self-attention are made of one tensor, and so from the same sources. Those of attention across are
not: the keys were made by an encoder, whose attentions the queries have not gone through, or from another input.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from .nested import tensors_in
from .of_tensors import OfTensors

RANDOM, SHUFFLED = 1, 2  # bits of every set of sources; then one of each input, then one of each attention
_FIRST = 2

_DRAWING = {"rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "bernoulli", "normal"}
_DRAWING |= {"multinomial", "uniform", "exponential", "random", "log_normal", "cauchy", "geometric", "poisson"}
_PICKING = {"gather", "index_select", "take_along_dim", "getitem", "take", "masked_select", "scatter", "index_put"}


def of_input(number: int) -> int:
    """The set that holds this one of the inputs alone."""
    return 1 << (_FIRST + number)


class Sources:
    """Follows `inputs` through a pass; a set of sources is the bits of a number."""

    def __init__(self, inputs: Sequence[Tensor]) -> None:
        self._of = OfTensors[int]()
        for number, x in enumerate(inputs):
            self._of[x] = self.of(x) | of_input(number)
        self._attentions = _FIRST + len(inputs)

    def of(self, x: Any) -> int:
        """Those of a tensor; none of one that was made without any, or out of sight."""
        return self._of.get(x, 0)

    def new_attention(self) -> int:
        """The set that holds an attention alone."""
        self._attentions += 1
        return 1 << (self._attentions - 1)

    def follow(self, operation: str, given: Sequence[Tensor], args: tuple[Any, ...], kwargs: dict[str, Any],
               result: Any) -> None:  # fmt: skip
        """Take notice of one operation of the pass, named as in torch, without underscores around it.

        given: the tensors in its arguments, and in lists, tuples and dictionaries of them.
        """
        found = self._together(given)
        if operation in _DRAWING:
            found |= RANDOM
        if operation in _PICKING and self._all((args[1:], kwargs)) & RANDOM:
            found |= SHUFFLED
        if found:
            self.add(found, (args[0], result) if operation == "setitem" else (result,))

    def passed(self, args: Any, result: Any) -> None:
        """`result` is what a module made of `args`: where no operation of it was seen, it is made from all of them."""
        unknown = [x for x in tensors_in(result) if x not in self._of]
        if unknown and (found := self._all(args)):
            self.add(found, unknown)

    def add(self, sources: int, results: Any) -> None:
        """The tensors in `results` have these, too."""
        for x in tensors_in(results):
            self._of[x] = self._of.get(x, 0) | sources

    def _all(self, values: Any) -> int:
        return self._together(tensors_in(values))

    def _together(self, tensors: Sequence[Tensor]) -> int:
        found = 0
        for x in tensors:
            found |= self._of.get(x, 0)
        return found
