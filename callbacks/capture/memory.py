"""Memory for what stays when a pass is over, or as long as it runs: it would keep apart what the heap has around it."""

import math
import mmap
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tb_attnviz.events import Vectors

_LEAST = 2**20  # bytes that get pages of their own
_STORED = 2**21  # bytes of vectors that are held as the disk takes them: in half of the room
_PRIVATE: dict[str, Any] = (
    {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}  # else on Windows
)


def room(shape: Sequence[int], dtype: torch.dtype = torch.float32) -> Tensor:
    """On the processor, not filled; goes back to the system as soon as it is let go."""
    size = dtype.itemsize * math.prod(shape)
    if size < _LEAST:
        return torch.empty(tuple(shape), dtype=dtype)
    return torch.frombuffer(mmap.mmap(-1, size, **_PRIVATE), dtype=torch.uint8).view(dtype).view(tuple(shape))


def joined(parts: Sequence[Tensor]) -> Tensor:
    """Parts [heads, tokens, d], one behind the other; a single one as it is."""
    if len(parts) == 1:
        return parts[0]
    if parts[0].device.type != "cpu":
        return torch.cat(list(parts), dim=1)
    heads, _, d = parts[0].shape
    return torch.cat(list(parts), dim=1, out=room((heads, sum(x.shape[1] for x in parts), d), parts[0].dtype))


def held(x: Tensor, of: Tensor) -> Tensor | Vectors:
    """x [heads, tokens, d] float32 on the processor, apart from `of`, which the pass goes on with."""
    if x.nbytes >= _STORED:
        return Vectors.of(x.resolve_neg().numpy(), room(x.shape, torch.int16).numpy())
    is_apart = x.device != of.device or x.untyped_storage().data_ptr() != of.untyped_storage().data_ptr()
    return x if is_apart else room(x.shape).copy_(x)


def of_all_tokens(parts: Sequence[Tensor | Vectors]) -> Tensor | Vectors:
    """What is held of some tokens each [heads, tokens, d] as one; of a single part no copy is made."""
    if len(parts) == 1:
        return parts[0]
    tensors = [x for x in parts if isinstance(x, Tensor)]
    if len(tensors) == len(parts) and sum(x.nbytes for x in tensors) < _STORED:
        return joined(tensors)
    heads, _, d = parts[0].shape
    tokens = sum(x.shape[1] for x in parts)
    codes, scale = room((heads, tokens, d), torch.int16), torch.empty(heads, tokens)
    first = 0
    for x in parts:
        here = slice(first, first + x.shape[1])
        if isinstance(x, Tensor):
            Vectors.of(x.numpy(), codes[:, here].numpy(), scale[:, here].numpy())
        else:
            codes[:, here], scale[:, here] = torch.from_numpy(x.codes), torch.from_numpy(x.scale)
        first = here.stop
    return Vectors(codes.numpy(), scale.numpy())
