"""Sums: operations that add tensors, with or without factors, as the terms that they add.

torch.add(a, b, alpha=-0.3)   lerp(a, b, 1.3)   einsum("s,sbhnd->bhnd", factors, stacked)
"""

from typing import Any

import torch
from torch import Tensor

from .contraction import read_contraction

Sum = list[tuple[Tensor, Any]]  # a term, and the sign of its factor: a number, or a tensor that broadcasts to the sum

SUBTRACTING = {"sub", "isub", "rsub", "subtract"}
_FUSED = {"baddbmm", "addbmm", "addmm"}
ADDING = {"add", "iadd", "radd", "lerp", "addcmul", "addcdiv"} | SUBTRACTING | _FUSED


def read_sum(operation: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Sum:
    """The terms of `operation`, one of ADDING; of _FUSED the first, beside a product that is not among them."""
    if operation == "lerp":
        given = dict(zip(("input", "end", "weight"), args, strict=False)) | kwargs
        weight = given["weight"]
        return _tensors((given["input"], sign_of(1 - weight)), (given["end"], sign_of(weight)))
    if operation in ("addcmul", "addcdiv"):
        given = dict(zip(("input", "tensor1", "tensor2"), args, strict=False)) | kwargs
        one, two, sign = given["tensor1"], given["tensor2"], sign_of(given.get("value", 1))
        of_product = [(one, sign_of(two) * sign)] + ([(two, sign_of(one) * sign)] if operation == "addcmul" else [])
        return _tensors((given["input"], 1), *of_product)
    if operation in _FUSED:
        product = sign_of(kwargs.get("alpha", 1))
        return _tensors((args[0] if args else kwargs.get("input"), sign_of(kwargs.get("beta", 1)) * product))
    given = dict(zip(("input", "other"), args, strict=False)) | kwargs
    sign = sign_of(given.get("alpha", 1)) * (-1 if operation in SUBTRACTING else 1)
    return _tensors((given.get("input"), 1), (given.get("other"), sign))


def read_mixture(operation: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tensor, int, Tensor] | None:
    """A tensor, the one axis of it that `operation` sums over, and the factors [of each result or 1, size] there."""
    x = args[0] if args else kwargs.get("input")
    if operation in ("sum", "mean", "diff") and isinstance(x, Tensor) and x.dim():
        given = args[2] if operation == "diff" and len(args) > 2 else args[1] if len(args) > 1 else None
        dims = kwargs.get("dim", -1 if operation == "diff" and len(args) < 3 else given)
        dims = dims if isinstance(dims, (tuple, list)) else [dims]
        if len(dims) != 1 or not isinstance(dims[0], int):
            return None
        size = x.shape[dims[0]]
        factors = torch.ones(1, size, device=x.device)
        if operation == "diff" and size > 1:
            factors[0, 0] = -1
        return x, dims[0] % x.dim(), factors
    if operation == "linear":
        weight = args[1] if len(args) > 1 else kwargs["weight"]
        return (x, x.dim() - 1, weight) if isinstance(x, Tensor) and weight.dim() == 2 else None
    if operation == "tensordot":
        return _tensordot(*args, **kwargs)
    if operation == "matmul" and len(args) == 2 and args[1].dim() == 1:
        return args[0], args[0].dim() - 1, args[1][None]
    contraction = read_contraction(operation, args, kwargs)
    if contraction is None or len(contraction.summed) != 1:
        return None
    (label,) = contraction.summed
    sides = [(contraction.left, contraction.of_left), (contraction.right, contraction.of_right)]
    if not all(label in labels for _, labels in sides):
        return None
    # The smaller one holds the factors.
    (factors, of_factors), (x, of_x) = sorted(sides, key=lambda side: side[0].numel())
    factors = factors.movedim(of_factors.index(label), -1)
    return x, of_x.index(label), factors.reshape(-1, factors.shape[-1])


def _tensordot(a: Any, b: Any, dims: Any = 2, out: Any = None) -> tuple[Tensor, int, Tensor] | None:
    if not isinstance(a, Tensor) or not isinstance(b, Tensor):
        return None
    pairs = [[a.dim() - 1], [0]] if dims == 1 else dims
    if not isinstance(pairs, (list, tuple)) or len(pairs) != 2 or any(len(one) != 1 for one in pairs):
        return None
    (factors, of_factors), (x, of_x) = sorted([(a, pairs[0][0]), (b, pairs[1][0])], key=lambda side: side[0].numel())
    return x, of_x % x.dim(), factors.movedim(of_factors, -1).reshape(-1, factors.shape[of_factors])


def _tensors(*terms: tuple[Any, Any]) -> Sum:
    return [(x, sign) for x, sign in terms if isinstance(x, Tensor)]


def sign_of(factor: Any) -> Any:
    """-1, 0 or 1, of each element of a tensor."""
    if isinstance(factor, Tensor):
        return factor.detach().sign().nan_to_num().to(torch.int8)
    return (factor > 0) - (factor < 0)
