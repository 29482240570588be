"""Contraction: a product of two tensors summed over what they share, however a model writes it.

matmul, bmm, baddbmm and einsum are all read as einsum is: a label for each axis of either side and of the result.
"""

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

from torch import Tensor

OPERATIONS = {"matmul", "rmatmul", "bmm", "baddbmm", "einsum"}


@dataclasses.dataclass(frozen=True)
class Contraction:
    """out = Σ left · right. A label is -1 where an axis of size 1 is spread over one of the other side."""

    left: Tensor
    right: Tensor
    of_left: tuple[int, ...]  # labels
    of_right: tuple[int, ...]
    of_result: tuple[int, ...]
    factor: float = 1.0

    @property
    def summed(self) -> set[int]:
        """Labels of what is summed over."""
        return (set(self.of_left) | set(self.of_right)) - set(self.of_result) - {-1}


def read_contraction(operation: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Contraction | None:
    """What `operation`, named as in torch, multiplies and sums; None if it does something else, or more."""
    if operation == "einsum":
        return _einsum(args)
    if operation == "baddbmm":
        given = dict(zip(("input", "batch1", "batch2"), args, strict=False)) | kwargs
        left, right, factor = given.get("batch1"), given.get("batch2"), float(given.get("alpha", 1))
    elif operation in OPERATIONS:
        others = [kwargs[name] for name in ("input", "self", "other", "mat2", "tensor2") if name in kwargs]
        both = (*args, *others)
        if len(both) != 2:
            return None
        left, right = reversed(both) if operation == "rmatmul" else both
        factor = 1.0
    else:
        return None
    if not isinstance(left, Tensor) or not isinstance(right, Tensor) or min(left.dim(), right.dim()) < 2:
        return None
    if left.shape[-1] != right.shape[-2]:
        return None
    axes = max(left.dim(), right.dim())  # labels: batch axes 0, 1, …, then rows, columns, and what is summed
    rows, columns, summed = axes - 2, axes - 1, axes
    of_left, of_right = (_batch_labels(x, other, axes) for x, other in ((left, right), (right, left)))
    return Contraction(left, right, (*of_left, rows, summed), (*of_right, summed, columns), tuple(range(axes)), factor)


def _batch_labels(x: Tensor, other: Tensor, axes: int) -> tuple[int, ...]:
    """Of the leading axes of one side of a matmul of `axes` axes."""
    first = axes - x.dim()
    labels = []
    for place, size in enumerate(x.shape[:-2]):
        of_other = first + place - (axes - other.dim())
        spread = size == 1 and of_other >= 0 and other.shape[of_other] > 1
        labels.append(-1 if spread else first + place)
    return tuple(labels)


def _einsum(args: tuple[Any, ...]) -> Contraction | None:
    if not args or not isinstance(args[0], str):
        return None
    operands = args[1] if len(args) == 2 and isinstance(args[1], (tuple, list)) else args[1:]
    if len(operands) != 2 or not all(isinstance(x, Tensor) for x in operands):
        return None
    inputs, arrow, output = args[0].replace(" ", "").partition("->")
    names = inputs.split(",")
    dots = [x.dim() - len(name.replace("...", "")) for x, name in zip(operands, names, strict=True)]
    lead = max(dots)
    if not arrow:  # all that stands once, in the order of the alphabet
        letters = "".join(names).replace(".", "")
        output = ("..." if "..." in inputs else "") + "".join(c for c in sorted(set(letters)) if letters.count(c) == 1)
    found = []
    for name, own in zip(names, dots, strict=True):
        labels = _letters(name, range(lead - own, lead))
        if len(set(labels)) < len(labels):
            return None  # a diagonal
        found.append(labels)
    spread = [
        tuple(
            -1 if x.shape[place] == 1 and label in others and y.shape[others.index(label)] > 1 else label
            for place, label in enumerate(labels)
        )
        for (x, labels), (y, others) in (
            ((operands[0], found[0]), (operands[1], found[1])),
            ((operands[1], found[1]), (operands[0], found[0])),
        )
    ]
    return Contraction(operands[0], operands[1], spread[0], spread[1], _letters(output, range(lead)))


def in_pairs(args: tuple[Any, ...], einsum: Callable[[str, Tensor, Tensor], Tensor]) -> Tensor | None:
    """What an einsum of more than two tensors gives, by `einsum` of two at a time; None if it is none, or has dots.

    First come two that are summed over an axis of theirs alone: queries and keys, or weights and values.
    """
    operands = args[1:] if len(args) != 2 or isinstance(args[1], Tensor) else args[1]
    if len(operands) < 3 or not isinstance(args[0], str) or "->" not in args[0] or "." in args[0]:
        return None
    inputs, _, output = args[0].replace(" ", "").partition("->")
    terms = list(zip(inputs.split(","), operands, strict=True))
    while len(terms) > 2:
        names = [name for name, _ in terms]
        first, second = min(itertools.combinations(range(len(terms)), 2), key=lambda pair: _cost(names, output, *pair))
        kept = _kept(names, output, first, second)
        (one, x), (other, y) = terms[first], terms.pop(second)
        terms[first] = kept, einsum(f"{one},{other}->{kept}", x, y)
    (one, x), (other, y) = terms
    return einsum(f"{one},{other}->{output}", x, y)


def _kept(names: list[str], output: str, first: int, second: int) -> str:
    """The letters that stay of the product of two."""
    others = {*output}.union(*(name for place, name in enumerate(names) if place not in (first, second)))
    return "".join(letter for letter in dict.fromkeys(names[first] + names[second]) if letter in others)


def _cost(names: list[str], output: str, first: int, second: int) -> tuple[bool, int]:
    kept = _kept(names, output, first, second)
    return not {*names[first]} & {*names[second]} - {*kept}, len(kept)


def _letters(name: str, dots: range) -> tuple[int, ...]:
    """A label for each letter; dots stand for the labels `dots`."""
    before, middle, behind = name.partition("...")
    return (*map(ord, before), *(dots if middle else ()), *map(ord, behind))
