"""Turns: of our requests that come together one is worked on, the others wait.

All of TensorBoard's threads share Python's lock. One that works without a turn competes for it with every request that
has come, and so does whoever asks for another tab; one that waits for its turn competes with nobody.
"""

import contextlib
import threading
from collections.abc import Iterator

PATIENCE_SECONDS = 0.05  # then one goes on without: whoever has the turn may wait for a slow disk

_turn = threading.Lock()
_of_this_thread = threading.local()


@contextlib.contextmanager
def taken() -> Iterator[None]:
    """While the block runs: it is this thread's turn."""
    _take()
    try:
        yield
    finally:
        _give()


@contextlib.contextmanager
def given_up() -> Iterator[None]:
    """The same in a block that waits for something else than the processor: it is the turn of others."""
    _give()
    try:
        yield
    finally:
        _take()


def _take() -> None:
    _of_this_thread.has_it = _turn.acquire(timeout=PATIENCE_SECONDS)


def _give() -> None:
    if getattr(_of_this_thread, "has_it", False):
        _of_this_thread.has_it = False
        _turn.release()
