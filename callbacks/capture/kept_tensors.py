"""Kept tensors: parameters, buffers and others that a pass may write to, by whatever way, and what puts them back.

`x.data.mul_(…)` and NumPy write past a tensor's version, and `x.data = …` gives it other memory: so what it holds is
compared, bit by bit, and where.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .memory import room

_BARE = {Tensor, nn.Parameter, getattr(nn, "Buffer", Tensor)}


class KeptTensor:
    """`x` as it is. copied: with its numbers; else where they lie alone. by_version: whether it is told that alone."""

    def __init__(self, x: Tensor, *, copied: bool = True, by_version: bool = False) -> None:
        self._x = x
        self._requires_grad = x.requires_grad
        self._version = None if x.is_inference() else x._version
        self._held = x.detach() if _has_memory(x) and not by_version else None
        self._content = _copy(x) if copied else None

    def put_back(self) -> bool:
        """Whether its numbers were changed, which stays so where they were not copied."""
        is_written = self._version is not None and self._x._version != self._version
        if self._held is not None and _memory(self._x) != _memory(self._held):
            self._x.data = self._held
        if self._x.requires_grad != self._requires_grad and self._x.is_leaf:
            self._x.requires_grad_(self._requires_grad)
        if self._content is None:
            return is_written
        if self._held is not None and not is_written:
            is_written = not _are_same(self._held, self._content)
        if is_written:
            with torch.no_grad():
                self._x.copy_(self._content)
        return is_written


def bytes_of(x: Any) -> int:
    """What a copy of a tensor or an array takes; of a sparse one nobody says, and it counts as nothing."""
    return int(x.nbytes) if getattr(x, "layout", torch.strided) is torch.strided else 0


def array_back(value: Any) -> Callable[[], object]:
    """What puts the array `value` back to what it holds now."""
    held = value.view(np.ndarray)  # with what a mask hides
    content = held.copy()

    def put_back() -> None:
        if held.flags.writeable and held.tobytes() != content.tobytes():
            held[...] = content

    return put_back


def is_on_disk(value: Any) -> bool:
    """Whether it is a part of a file: a table as large as a disk, which is the training's."""
    while value is not None and not isinstance(value, np.memmap):
        value = getattr(value, "base", None)
    return value is not None


def _has_memory(x: Tensor) -> bool:
    """Whether it is a tensor of the plain kind in memory of this process alone.

    Others, and those of DeepSpeed, know where they lie themselves; what several processes share they may write to.
    """
    is_plain = type(x) in _BARE and x.layout is torch.strided and not x.is_quantized and x.device.type != "meta"
    if not is_plain or x.is_inference() or hasattr(x, "ds_id"):
        return False
    return x.device.type != "cpu" or not x.is_shared()  # type: ignore[no-untyped-call]


def _copy(x: Tensor) -> Tensor:
    """Apart from the heap, which would keep what it took when all parameters are copied in the first pass."""
    if not _has_memory(x) or x.device.type != "cpu" or x.is_conj() or x.is_neg():
        return x.detach().clone()
    return room(x.shape, x.dtype).copy_(x.detach())


def _memory(x: Tensor) -> tuple[Any, ...]:
    return x.data_ptr(), x.dtype, x.device, x.shape, x.stride()


def _are_same(x: Tensor, other: Tensor) -> bool:
    bits = (one.resolve_conj().resolve_neg().contiguous().reshape(-1).view(torch.uint8) for one in (x, other))
    return torch.equal(*bits)
