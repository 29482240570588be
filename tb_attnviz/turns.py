"""Turns: long work on a thread of a server lets its other threads have Python's lock now and then.

Python takes the lock from a busy thread after 5 ms, each time that another one needs it: a request takes it about ten
times, and so waits 50 ms beside one thread that never gives way by itself.
"""

import contextlib
import threading
import time
from collections.abc import Iterator

_BUSY_SECONDS, _PAUSE_SECONDS = 1e-3, 1e-4

_here = threading.local()


@contextlib.contextmanager
def taking_turns() -> Iterator[None]:
    """What this thread does in the block stands back where it says `give_way`; elsewhere that costs nothing."""
    _here.begun = time.monotonic()
    try:
        yield
    finally:
        del _here.begun


def give_way() -> None:
    """To be called between pieces of work: a moment's pause if this thread has been busy for a while."""
    begun = getattr(_here, "begun", None)
    if begun is not None and time.monotonic() - begun > _BUSY_SECONDS:
        time.sleep(_PAUSE_SECONDS)
        _here.begun = time.monotonic()
