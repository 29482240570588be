"""Sliding: where on a map the tokens lie that convolutions, pooling and resizing make of it.

Each is made of the tokens under a window that slides over the map, and lies in the middle of it.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

RESIZING = {"adaptive_avg_pool2d", "adaptive_max_pool2d", "interpolate", "upsample", "pixel_shuffle"}
POOLING_1D = {"avg_pool1d", "max_pool1d"}
_POOLING = {"max_pool2d", "avg_pool2d", "lp_pool2d", "max_pool2d_with_indices"}

Window = tuple[tuple[float, float], tuple[float, float], bool]
"""At which index of a map (down, across) the first token of the result lies, how far away the next, and whether each is
made of one token alone."""


def read_window(func: Callable[..., Any], operation: str, args: tuple[Any, ...], kwargs: dict[str, Any],
            shape: torch.Size, made: torch.Size) -> Window | None:  # fmt: skip
    """What `operation` makes a map of `shape` into one of shape `made` by; None if it does not slide over maps."""
    if operation in ("conv1d", "conv2d", "conv3d"):
        given = dict(zip(("input", "weight", "bias", "stride", "padding", "dilation"), args, strict=False)) | kwargs
        size = tuple(given["weight"].shape[2:])
        stride, dilation = _each(given.get("stride", 1), len(size)), _each(given.get("dilation", 1), len(size))
        reach = [d * (k - 1) for d, k in zip(dilation, size, strict=True)]
        padding = given.get("padding", 0)
        if isinstance(padding, str):
            padding = [n // 2 for n in reach] if padding == "same" else 0
        before = _each(padding, len(size))
        if set(size) == {1} and set(stride) == {1} and set(before) == {0}:
            return (0, 0), (1, 1), True
        if len(size) != 2:
            return None
        return (reach[0] / 2 - before[0], reach[1] / 2 - before[1]), (stride[0], stride[1]), False
    if operation == "conv_transpose2d":
        given = dict(zip(("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation"),
                         args, strict=False)) | kwargs  # fmt: skip
        size, stride, before, dilation = (
            _each(given.get(name, usual), 2) if name else tuple(given["weight"].shape[2:])
            for name, usual in ((None, 0), ("stride", 1), ("padding", 0), ("dilation", 1))
        )
        at = [(p - d * (k - 1) / 2) / s for k, s, p, d in zip(size, stride, before, dilation, strict=True)]
        return (at[0], at[1]), (1 / stride[0], 1 / stride[1]), False
    if operation in _POOLING:
        names = ("input", "kernel_size", "stride", "padding")
        if operation == "lp_pool2d":
            names = ("input", "norm_type", "kernel_size", "stride")
        given = dict(zip(names, args, strict=False)) | kwargs
        size = _each(given["kernel_size"], 2)
        stride = _each(given.get("stride") or size, 2)
        before = _each(given.get("padding", 0), 2)
        dilation = _each(given.get("dilation", 1), 2)
        at = [d * (k - 1) / 2 - p for k, p, d in zip(size, before, dilation, strict=True)]
        return (at[0], at[1]), (stride[0], stride[1]), False
    if func is functional.unfold or operation == "im2col":
        of = of_unfold(args, kwargs)
        at = [d * (k - 1) / 2 - p for k, d, p, _ in of]
        return (at[0], at[1]), (of[0][3], of[1][3]), False
    if operation not in RESIZING or not len(shape) == len(made) == 4:
        return None
    if kwargs.get("align_corners"):
        every = [(n - 1) / max(m - 1, 1) for n, m in zip(shape[2:], made[2:], strict=True)]
        return (0, 0), (every[0], every[1]), False
    every = [n / m for n, m in zip(shape[2:], made[2:], strict=True)]
    return (every[0] / 2 - 0.5, every[1] / 2 - 0.5), (every[0], every[1]), False


def stride_in_row(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int | None:
    """How many tokens in a row pooling makes one of; None if windows overlap, or padding takes part."""
    given = dict(zip(("input", "kernel_size", "stride", "padding"), args, strict=False)) | kwargs
    size, padding = _each(given["kernel_size"], 1)[0], _each(given.get("padding", 0), 1)[0]
    stride = _each(given.get("stride") or size, 1)[0]
    return size if stride == size and padding == 0 else None


def of_unfold(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[int, int, int, int]]:
    """Size, dilation, padding and stride of im2col, along both sides."""
    given = dict(zip(("input", "kernel_size", "dilation", "padding", "stride"), args, strict=False)) | kwargs
    usual = {"kernel_size": 1, "dilation": 1, "padding": 0, "stride": 1}
    both = [_each(given.get(name, value), 2) for name, value in usual.items()]
    return [(both[0][i], both[1][i], both[2][i], both[3][i]) for i in (0, 1)]


def count_of(n: int, size: int, dilation: int, padding: int, stride: int) -> int:
    return (n + 2 * padding - dilation * (size - 1) - 1) // stride + 1


def _each(value: Any, axes: int) -> tuple[int, ...]:
    found = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    return found * axes if len(found) == 1 else found
