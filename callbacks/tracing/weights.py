"""Weights: what becomes of an attention between its softmax and its values, and the values that it meets.

Code that changes its weights after softmax (subtracts another attention, mixes heads) attends otherwise than its logits
say, and must not be recorded as if it did not.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

_SAME = {"view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "contiguous", "clone"}
_SAME |= {"to", "type", "type_as", "float", "double", "half", "bfloat16", "dropout", "feature_dropout"}
_CHANGING = {"mul", "imul", "rmul", "div", "idiv", "truediv", "itruediv", "add", "iadd", "radd", "sub", "isub", "rsub"}
_CHANGING |= {"where", "masked_fill", "clamp", "softmax", "relu", "nan_to_num"}
_MIXING = {"linear", "conv1d", "conv2d", "conv3d"}
_MEETING = {"matmul", "bmm"}


class Weights:
    """Follows weights from their softmax on.

    Tells `changed(name, before, after)` of an operation that could matter, and `met(name, values)` of the values that
    the weights are multiplied with, [..., n_key, d_v] behind the axes of batch and heads that they have.
    """

    def __init__(
        self,
        changed: Callable[[str, Tensor, Tensor], None],
        refuse: Callable[[str, str], None],
        met: Callable[[str, Tensor], None],
    ) -> None:
        self._changed = changed
        self._refuse = refuse
        self._met = met
        self._of: WeakTensorKeyDictionary = WeakTensorKeyDictionary()

    def watch(self, name: str, weights: Tensor) -> None:
        self._of[weights] = (name, weights.clone())  # in case they are written over

    def follow(self, operation: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Take notice of one operation of the pass, named as in torch, without underscores around it."""
        if not self._of or not isinstance(result, Tensor):
            return
        for x in args:
            entry = self._of.get(x) if isinstance(x, Tensor) else None  # type: ignore[no-untyped-call]
            if entry is not None:
                self._follow(operation, args, x, entry, result)

    def _follow(
        self, operation: str, args: tuple[Any, ...], weights: Tensor, entry: tuple[str, Tensor], result: Tensor
    ) -> None:
        name, before = entry
        values = _values(operation, args, weights)
        if values is not None:
            self._met(name, values)
            return
        if operation in _MIXING or (operation == "einsum" and _keeps_keys(args, before)):
            self._refuse(name, f"its weights are mixed after softmax (by {operation})")
        elif operation == "getitem" and result.shape == before[..., :-1].shape:
            self._of[result] = (name, before[..., :-1])  # the sinks' column is dropped
        elif operation in _SAME | _CHANGING and result.numel() == before.numel():
            if operation in _CHANGING:
                self._changed(name, before, result.reshape(before.shape))
            self._of[result] = entry


def _values(operation: str, args: tuple[Any, ...], weights: Tensor) -> Tensor | None:
    """What `operation` multiplies `weights` with, summing over the keys: [..., n_key, d_v]; None if it does not."""
    if operation == "einsum":
        return _values_of_einsum(args, weights)
    met = operation in _MEETING and len(args) == 2 and args[0] is weights and isinstance(args[1], Tensor)
    return args[1] if met and args[1].dim() == weights.dim() else None  # broadcast otherwise, it is not told whose


def _values_of_einsum(args: tuple[Any, ...], weights: Tensor) -> Tensor | None:
    if len(args) != 3 or not isinstance(args[0], str) or "->" not in args[0] or "." in args[0]:
        return None
    inputs, output = args[0].replace(" ", "").split("->")
    letters, index = inputs.split(","), 1 if args[1] is weights else 2
    own, other, values = letters[index - 1], letters[2 - index], args[3 - index]
    batch, query, key = own[:-2], own[-2:-1], own[-1:]
    of_values = [letter for letter in other if letter not in own]
    if key in output or key not in other or query in other or not set(batch) <= set(other) or len(of_values) != 1:
        return None
    return torch.einsum(f"{other}->{batch}{key}{of_values[0]}", values)


def _keeps_keys(args: tuple[Any, ...], weights: Tensor) -> bool:
    """Whether an einsum of `weights` has the keys in its result still: it mixes heads, and meets no values."""
    if not isinstance(args[0], str) or "->" not in args[0]:
        return False
    inputs, output = args[0].replace(" ", "").split("->")
    letters = dict(zip(inputs.split(","), args[1:], strict=False))
    return any(x.shape == weights.shape and names[-1] in output for names, x in letters.items())
