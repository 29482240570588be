"""Worker: one process that does one task after the other for its parent.

Each worker is a loky executor of one process (spawned, so that TensorBoard's own main module is not run again in it).
An executor of several processes ends them all when one of them dies, and cannot say whose task it was.
"""

import concurrent.futures
import importlib
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, cast

from tb_attnviz.projection.progress import ProgressFile

_IDLE_SECONDS = 300
_NICENESS = 10
ENVIRONMENT = {
    # One thread a worker: the workers are the parallelism.
    **{f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL", "NUMBA")},
    "LOKY_MAX_MEMORY_LEAK_SIZE": "2e9",  # bytes: compiled loops and one large head's arrays pass loky's 3e8
    # glibc keeps what a layer's arrays took for the next layer's: getting new pages took longer than reading samples.
    "MALLOC_TRIM_THRESHOLD_": str(2**27),
    "MALLOC_MMAP_THRESHOLD_": str(2**25),
}
"""Of a worker's process."""


class Worker:
    """A process that is spawned on first use, works at a low priority beside a training that may share the machine,
    ends when it has been idle for a while or when its parent ends, and is started again after it has died."""

    def __init__(self) -> None:
        self._executor: Any = None
        self._up: concurrent.futures.Future[None] | None = None
        self._closed = False
        self._lock = threading.Lock()

    @property
    def begun(self) -> bool:
        """Whether it has been used: its process was spawned."""
        return self._up is not None

    @property
    def starting(self) -> bool:
        """Whether its process was spawned just now and still imports what it needs."""
        return self._up is not None and not self._up.done()

    def submit(
        self, function: Callable[..., bytes], args: tuple[Any, ...], progress: ProgressFile
    ) -> "concurrent.futures.Future[bytes]":
        """Have `function(*args, report=…)` run; the future fails with BrokenExecutor if the process dies over it.

        Raises RuntimeError once the worker was closed.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("the worker was closed")
            if self._executor is None:
                self._spawn(function.__module__)
            try:
                future = self._executor.submit(_run, function, args, progress)
            except concurrent.futures.BrokenExecutor:  # it died while it was idle
                self._spawn(function.__module__)
                future = self._executor.submit(_run, function, args, progress)
        return cast("concurrent.futures.Future[bytes]", future)

    def _spawn(self, module: str) -> None:
        self._executor = _start(module)
        self._up = self._executor.submit(_nothing)
        _close_at_exit(self)

    def close(self) -> None:
        """End the process at once, whatever it does."""
        with self._lock:
            self._closed = True
            if self._executor is not None:
                self._executor.shutdown(wait=False, kill_workers=True)


_open: "weakref.WeakSet[Worker]" = weakref.WeakSet()


def _close_at_exit(worker: Worker) -> None:
    """Have `worker`, which has just begun to use an executor, closed before the interpreter ends."""
    _open.add(worker)
    # loky waits for its workers before the interpreter ends, however long their tasks take, and it does so before any
    # function of `atexit`. What it and concurrent.futures register with is private, and has been there since 3.9. The
    # last one registered runs first, and loky registers with every executor that is used: so do we, after it.
    threading._register_atexit(_close_all)  # type: ignore[attr-defined]


def _close_all() -> None:
    for worker in list(_open):
        worker.close()


def _start(module: str) -> Any:
    import loky  # on first use: TensorBoard's start does not pay for it

    return loky.ProcessPoolExecutor(
        max_workers=1, timeout=_IDLE_SECONDS, initializer=_prepare, initargs=(os.getpid(), module), env=ENVIRONMENT
    )


def _prepare(parent: int, module: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    importlib.import_module(module)  # before the priority is lowered: somebody waits
    if hasattr(os, "nice"):  # Windows has no such thing
        os.nice(_NICENESS)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this worker when its parent is gone, however it ended.

    Linux' PR_SET_PDEATHSIG would not do: it fires when the thread that started the worker ends, and a parent's threads
    come and go.
    """
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _nothing() -> None:
    """Whoever does it has begun."""


def _run(function: Callable[..., bytes], args: tuple[Any, ...], progress: ProgressFile) -> bytes:
    return function(*args, report=progress.report)
