"""Channels: which axes of a tensor number the features of a layer, to tell attention among them from one among tokens.

Attention across channels (XCiT, arXiv 2106.09681) is a softmax over products like any other, and has the shapes of
attention among tokens where there are as many channels in a head as tokens. What it multiplies was laid the other way
since a linear layer or a convolution made it.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from .axes import MOVING, REGROUPING, SAME, Axes, Axis, axes_of, leaves, moved
from .of_tensors import OfTensors

_MAKING = {"linear": -1, "conv1d": 1, "conv2d": 1, "conv3d": 1}  # the axis of the features that they make
_KEEPING = {"normalize", "mul", "rmul", "imul", "div", "truediv", "itruediv", "add", "radd", "iadd", "sub", "isub"}
_KEEPING |= {"layer_norm", "rms_norm", "relu", "elu", "gelu", "silu", "softplus", "sigmoid", "dropout"}
_MOVING = MOVING | REGROUPING | SAME


class Channels:
    """Follows the features that layers make through the operations that only move them."""

    def __init__(self) -> None:
        self._of = OfTensors[tuple[Axes, Axis]]()

    def follow(self, func: Callable[..., Any], operation: str, args: tuple[Any, ...], kwargs: dict[str, Any],
               result: Any) -> None:  # fmt: skip
        """Take notice of one operation of the pass, named as in torch, without underscores around it."""
        if operation in _MAKING and isinstance(result, Tensor) and result.dim() > 2:
            axes = axes_of(result.shape)
            self._of[result] = axes, axes[_MAKING[operation]]
            return
        known = self._of.get(args[0]) if args and isinstance(args[0], Tensor) else None
        if known is None:
            return
        axes, features = known
        if operation in _KEEPING and isinstance(result, Tensor) and result.shape == args[0].shape:
            self._of[result] = known
        elif operation in _MOVING:
            found = moved(func, operation, args, kwargs, axes, result)
            results = result if isinstance(found, list) else [result]
            for one, of_one in zip(results, found if isinstance(found, list) else [found], strict=True):
                if of_one is not None and isinstance(one, Tensor):
                    self._of[one] = of_one, features

    def number_first(self, x: Tensor) -> bool:
        """Whether the first axis of `x` numbers features."""
        known = self._of.get(x)
        if known is None:
            return False
        axes, made = known
        first = set(leaves(axes[0]))
        return bool(first) and first <= set(leaves(made))

    def number_rows(self, x: Tensor, rows: int, d: int) -> bool:
        """Whether axis `rows` of `x` numbers features, and what axis `d` numbers are none."""
        known = self._of.get(x)
        if known is None:
            return False
        axes, made = known
        features = set(leaves(made))
        of_rows, of_d = (set(leaves(axes[place])) for place in (rows, d))
        return bool(of_rows) and bool(of_d) and of_rows <= features and not of_d & features
