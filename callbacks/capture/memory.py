"""Memory for samples: they stay when the pass is over, and would keep apart what the heap has around them."""

import math
import mmap
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

_LEAST = 2**20  # bytes that get pages of their own
_PRIVATE: dict[str, Any] = (
    {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}  # else on Windows
)


def room(shape: Sequence[int]) -> Tensor:
    """float32 on the processor, not filled; goes back to the system as soon as it is let go."""
    size = 4 * math.prod(shape)
    if size < _LEAST:
        return torch.empty(*shape, dtype=torch.float32)
    return torch.frombuffer(mmap.mmap(-1, size, **_PRIVATE), dtype=torch.float32).view(*shape)
