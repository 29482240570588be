"""Scripted functions: those of TorchScript, which compute out of sight, run as the Python that they were made of.

@torch.jit.script
def attend(q, k, v): ...
"""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import torch

_passes = threading.local()
_lock = threading.Lock()
_open = 0  # passes of all threads
_compiled: Any = None


@contextlib.contextmanager
def scripted_functions_in_python() -> Iterator[None]:
    """Within it, scripted and traced functions that the present thread calls run in Python, where PyTorch has it."""
    global _open, _compiled
    kind: Any = torch.jit.ScriptFunction
    with _lock:
        if _open == 0:
            _compiled = kind.__call__
            kind.__call__ = _call
        _open += 1
    before = getattr(_passes, "open", False)
    _passes.open = True
    try:
        yield
    finally:
        _passes.open = before
        with _lock:
            _open -= 1
            if _open == 0:
                kind.__call__ = _compiled


def _call(function: Any, *args: Any, **kwargs: Any) -> Any:
    python = getattr(function, "_torchdynamo_inline", None)  # kept for torch.compile
    if python is None or not getattr(_passes, "open", False):
        return _compiled(function, *args, **kwargs)
    try:
        return python(*args, **kwargs)
    except Exception:  # TorchScript's own types, say: then it stays out of sight
        return _compiled(function, *args, **kwargs)
