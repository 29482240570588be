"""Precision: what is computed of queries and keys is computed in theirs, also within a model's autocast."""

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def without_autocast() -> Iterator[None]:
    """Autocast would compute in 16 bits. Its cache of the model's own weights is not touched."""
    with contextlib.ExitStack() as stack:
        for kind in ("cpu", "cuda", "xpu", "mps"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield
