"""Outputs: what becomes of the result of an attention before the next layer, to see attentions that are subtracted.

Differential attention (arXiv 2410.05258) attends with the difference of two softmaxes. It is as well written as the
difference of what each of them gives, where neither's weights are touched.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from .axes import MOVING, REGROUPING, SAME

_SUBTRACTING = {"sub", "isub", "rsub", "subtract"}
_KEEPING = MOVING | REGROUPING | SAME | {"cat", "concat", "stack", "mul", "rmul", "imul", "div", "truediv", "neg"}
_KEEPING |= {"dropout", "layer_norm", "rms_norm", "group_norm", "repeat", "repeat_interleave"}
_WHY = (
    "its result is subtracted from that of another attention, or of other heads: what the model attends with is the "
    "difference, which no queries and keys give"
)


class Outputs:
    """Follows the results of attentions through what only moves or scales them."""

    def __init__(self, refuse: Callable[[str, str], None]) -> None:
        self._refuse = refuse
        self._of: WeakTensorKeyDictionary = WeakTensorKeyDictionary()

    def begin(self, name: str, result: Any) -> None:
        """`result` is what the attention `name` gives."""
        if isinstance(result, Tensor):
            self._of[result] = frozenset({name})

    def follow(self, operation: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Take notice of one operation of the pass, named as in torch, without underscores around it."""
        if not self._of or operation not in _KEEPING | _SUBTRACTING:
            return
        given = [
            x for value in (*args, *kwargs.values()) for x in (value if isinstance(value, (list, tuple)) else [value])
        ]
        known = [(x, found) for x in given if isinstance(x, Tensor) and (found := self._of.get(x))]  # type: ignore[no-untyped-call]
        if operation in _SUBTRACTING:
            if len(known) == 2 and known[0][0].numel() == known[1][0].numel():
                for name in known[0][1] | known[1][1]:
                    self._refuse(name, _WHY)
            return
        names = frozenset[str]().union(*(found for _, found in known))
        for one in result if isinstance(result, (list, tuple)) else [result]:
            if names and isinstance(one, Tensor):
                self._of[one] = names
