"""Weights: what becomes of an attention between its softmax and its values.

Code that changes its weights after softmax (subtracts another attention, mixes heads) attends otherwise than its logits
say, and must not be recorded as if it did not.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

_SAME = {"view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "contiguous", "clone"}
_SAME |= {"to", "type", "type_as", "float", "double", "half", "bfloat16", "dropout", "feature_dropout"}
_CHANGING = {"mul", "imul", "rmul", "div", "idiv", "truediv", "itruediv", "add", "iadd", "radd", "sub", "isub", "rsub"}
_CHANGING |= {"where", "masked_fill", "clamp", "softmax", "relu", "nan_to_num"}
_MIXING = {"linear", "conv1d", "conv2d", "conv3d"}


class Weights:
    """Follows weights from their softmax on; tells `changed(name, before, after)` of an operation that could matter."""

    def __init__(self, changed: Callable[[str, Tensor, Tensor], None], refuse: Callable[[str, str], None]) -> None:
        self._changed = changed
        self._refuse = refuse
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
                self._follow(operation, args, entry, result)

    def _follow(self, operation: str, args: tuple[Any, ...], entry: tuple[str, Tensor], result: Tensor) -> None:
        name, before = entry
        if operation in _MIXING or (operation == "einsum" and _keeps_keys(args, before)):
            self._refuse(name, f"its weights are mixed after softmax (by {operation})")
        elif operation == "getitem" and result.shape == before[..., :-1].shape:
            self._of[result] = (name, before[..., :-1])  # the sinks' column is dropped
        elif operation in _SAME | _CHANGING and result.numel() == before.numel():
            if operation in _CHANGING:
                self._changed(name, before, result.reshape(before.shape))
            self._of[result] = entry


def _keeps_keys(args: tuple[Any, ...], weights: Tensor) -> bool:
    """Whether an einsum of `weights` has the keys in its result still: it mixes heads, and meets no values."""
    if not isinstance(args[0], str) or "->" not in args[0]:
        return False
    inputs, output = args[0].replace(" ", "").split("->")
    letters = dict(zip(inputs.split(","), args[1:], strict=False))
    return any(x.shape == weights.shape and names[-1] in output for names, x in letters.items())
