"""What the workers of test_jobs do; they import this file, which imports little."""

import contextlib
import os
import signal
import time
from pathlib import Path

from tb_attnviz.projection.pictures import Report
from tb_attnviz.projection.store import DiskStore


def who_am_i(*, report: Report) -> bytes:
    return f"{os.getpid()} {os.nice(0)}".encode()


def note(path: Path, text: str, *, report: Report) -> bytes:
    """Leaves a mark that it ran."""
    with open(path, "a") as file:
        file.write(text)
    return text.encode()


def until(path: Path, log: Path, name: str, *, report: Report) -> bytes:
    """Runs until `path` is there, whatever fails in it; notes its beginning and its end."""
    note(log, f"{name}(", report=report)
    while not path.exists():
        with contextlib.suppress(Exception):
            report(1, 2)
        time.sleep(0.01)
    return note(log, f"{name})", report=report)


def fail(*, report: Report) -> bytes:
    raise ValueError("the reason")


def die(*, report: Report) -> bytes:
    os.kill(os.getpid(), signal.SIGKILL)
    return b""


def die_the_first_time(path: Path, *, report: Report) -> bytes:
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return b"survived"


def keep(directory: str, *, report: Report) -> bytes:
    DiskStore(directory).put("key", b"kept")
    return b"kept"
