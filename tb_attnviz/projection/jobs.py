"""Jobs: slow work in worker processes, asked for by key and picked up when it is done.

The workers are spawned on first use (loky, so that TensorBoard's own main module is not run again in them), run at a
low priority beside a training that may share the machine, end when they have been idle for a while or when their
parent is gone, and are started again after one has died.
"""

import concurrent.futures
import dataclasses
import os
import pickle
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, Protocol

from tb_attnviz.projection.cache import Cache

_CACHE_BYTES = 256 * 2**20
_IDLE_SECONDS = 300
_NICENESS = 10


@dataclasses.dataclass(frozen=True)
class Progress:
    """A job that is still waiting or running: `done` of `total` pieces; both 0 while it waits for a worker."""

    done: int
    total: int


class Report(Protocol):
    def __call__(self, done: int, total: int) -> None: ...


class Jobs:
    """Runs tasks in worker processes and keeps their results, the least recently used dropped beyond a limit."""

    def __init__(self, *, workers: int | None = None) -> None:
        self._workers = workers or max(1, min(4, os.cpu_count() or 1))
        self._results = Cache(_CACHE_BYTES)
        self._running: dict[Hashable, tuple[concurrent.futures.Future[Any], Path]] = {}
        self._executor: Any = None
        self._lock = threading.Lock()
        self._progress_directory: tempfile.TemporaryDirectory[str] | None = None
        self._started = 0

    def result(self, key: Hashable, task: Callable[..., Any], *args: Any, wait: float) -> Any:
        """What `task(*args, report=…)` returns, or Progress if it is not done within `wait` seconds.

        Asking again with the same key picks the same job up. An exception of the task is raised here, once: asking
        after that starts the job anew.
        """
        value = self._results.get(key)
        if value is not None:
            return value
        future, progress = self._future(key, task, args)
        try:
            return future.result(timeout=wait)
        except concurrent.futures.TimeoutError:
            return _read_progress(progress)
        except concurrent.futures.BrokenExecutor:
            with self._lock:
                self._executor = None  # a worker died (out of memory, killed): the next request starts new ones
                self._running.clear()
            raise
        except BaseException:
            with self._lock:
                self._running.pop(key, None)
            raise

    def close(self) -> None:
        """End the workers at once."""
        with self._lock:
            if self._executor is not None:
                self._executor.shutdown(wait=False, kill_workers=True)
                self._executor = None
            if self._progress_directory is not None:
                self._progress_directory.cleanup()

    def _future(
        self, key: Hashable, task: Callable[..., Any], args: tuple[Any, ...]
    ) -> tuple[concurrent.futures.Future[Any], Path]:
        with self._lock:
            if key in self._running:
                return self._running[key]
            if self._executor is None:
                self._executor = _start_workers(self._workers)
                self._progress_directory = tempfile.TemporaryDirectory(prefix="attnviz-")
            assert self._progress_directory is not None
            self._started += 1
            progress = Path(self._progress_directory.name, str(self._started))
            future = self._executor.submit(_run, task, args, progress)
            self._running[key] = (future, progress)
        future.add_done_callback(lambda done: self._finish(key, done, progress))
        return future, progress

    def _finish(self, key: Hashable, future: concurrent.futures.Future[Any], progress: Path) -> None:
        """Move a result to the bounded cache, whether or not anybody asks again; a failure waits to be told."""
        progress.unlink(missing_ok=True)
        if not future.cancelled() and future.exception() is None:
            value = future.result()
            self._results.put(key, value, _size(value))
            with self._lock:
                self._running.pop(key, None)


def _start_workers(count: int) -> Any:
    import loky  # on first use: TensorBoard's start does not pay for it

    # One BLAS thread a worker: the workers are the parallelism.
    env = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return loky.ProcessPoolExecutor(
        max_workers=count, timeout=_IDLE_SECONDS, initializer=_prepare_worker, initargs=(os.getpid(),), env=env
    )


def _prepare_worker(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    os.nice(_NICENESS)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this worker when its parent is gone, however it ended.

    Linux' PR_SET_PDEATHSIG would not do: it fires when the thread that started the worker ends, and TensorBoard has
    one thread a request.
    """
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _run(task: Callable[..., Any], args: tuple[Any, ...], progress: Path) -> Any:
    def report(done: int, total: int) -> None:
        progress.write_text(f"{done} {total}")

    return task(*args, report=report)


def _read_progress(path: Path) -> Progress:
    try:
        done, total = path.read_text().split()
    except (FileNotFoundError, ValueError):  # not begun, or caught in the middle of a write
        return Progress(0, 0)
    return Progress(int(done), int(total))


def _size(value: Any) -> int:
    return len(value) if isinstance(value, bytes) else len(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))
