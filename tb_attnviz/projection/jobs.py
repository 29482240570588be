"""Jobs: slow work in worker processes, asked for by key and picked up when it is done.

The queue is ours: what is looked at comes first, what nobody asks about any more is dropped or stopped, and a worker is
given one task at a time (docs/decisions/0011-the-queue-is-ours.md). One thread hands them out.
"""

import concurrent.futures
import dataclasses
import functools
import math
import os
import tempfile
import threading
import time
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, Literal

from tb_attnviz.projection.cache import Cache
from tb_attnviz.projection.pictures import Store
from tb_attnviz.projection.progress import Progress, ProgressFile, StoppedError
from tb_attnviz.projection.worker import Worker
from tb_attnviz.temporary import temporary_directory

_CACHE_BYTES = 2**25  # of the server's memory: what is stored is read from there again, clients keep what they have
_PATIENCE_SECONDS = 10.0  # how long a job is kept that nobody asks about
_SILENT_SECONDS = 3.0  # after which a job comes behind those that are asked about; clients ask every two at least
_LOOK_SECONDS = 0.25  # how often it is looked for such jobs
_CROWDED_SECONDS = 1.0  # how long something waits before another process begins, which takes a processor half a second
_MOST_DEATHS = 2  # of workers over one job: the second one may have been its own doing


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """What a worker is to do: `function(*args, report=…)`, which gives bytes. Tasks of one key give the same bytes.

    `about` is listed with the job. `stored`: the function puts its result in the store, under `key`.
    Tasks of one `lane` compute things in common, and run one after the other, so that these are found in the store.
    A `quick` task comes before all others, and one worker is kept free for it.
    """

    key: str
    function: Callable[..., bytes]
    args: tuple[Any, ...] = ()
    about: dict[str, Any] = dataclasses.field(default_factory=dict)
    lane: Hashable = None
    stored: bool = False
    quick: bool = False


@dataclasses.dataclass(frozen=True)
class Listed:
    """One job, as it is shown to people."""

    about: dict[str, Any]
    state: Literal["waiting", "running"]
    progress: Progress
    priority: int


@dataclasses.dataclass(eq=False)
class _Job:
    task: Task
    number: int  # in the order of asking
    priority: int
    asked: float  # when it was last asked about, by the clock of Jobs
    askers: int = 0  # requests that wait for it right now
    worker: Worker | None = None  # that runs it
    progress: ProgressFile | None = None  # while it runs
    deaths: int = 0
    outcome: "concurrent.futures.Future[bytes]" = dataclasses.field(default_factory=concurrent.futures.Future)

    def silence(self, now: float) -> float:
        """Seconds since anybody asked about it."""
        return 0.0 if self.askers else now - self.asked

    def rank(self, now: float) -> tuple[bool, bool, int, int]:
        return not self.task.quick, self.silence(now) > _SILENT_SECONDS, self.priority, self.number

    def how_far(self) -> Progress:
        progress = self.progress  # another thread may take it away
        return progress.read() if progress else Progress(0, 0)


class Jobs:
    """Runs tasks in worker processes and keeps their results, the least recently used dropped beyond a limit."""

    def __init__(
        self, *, store: Store | None = None, workers: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        count = workers or max(1, min(4, os.cpu_count() or 1))
        self._store = store
        self._clock = clock
        self._results = Cache(_CACHE_BYTES)
        self._jobs: dict[str, _Job] = {}  # waiting, running, failed or too large to keep without having been told
        self._idle = [Worker() for _ in range(count + 1)]  # the last one used is the last one of the list
        self._workers = tuple(self._idle)
        self._thread: threading.Thread | None = None
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._closed = False
        self._numbers = 0
        self._since = math.inf  # by time.monotonic(): when something began to wait, while no process was starting
        self._changed = threading.Condition()

    def result(self, task: Task, *, priority: int = 0, wait: float) -> bytes | Progress:
        """The bytes that `task` gives, or Progress if it is not done within `wait` seconds.

        Asking again with the same key picks the same job up, and puts it before the others if `priority` is smaller
        now (0 is first). An exception of the task is raised here, once: asking after that starts the job anew. A task
        whose worker dies is tried again once, then BrokenExecutor is raised.
        """
        found = self._found(task)
        if found is not None:
            return found
        job = self._ask(task, priority)
        try:
            return job.outcome.result(timeout=wait)
        except TimeoutError:
            if not job.outcome.done():
                return job.how_far()
            return job.outcome.result()  # it was done just then, or the error is the task's own
        finally:
            self._leave(job)

    def begin(self, task: Task) -> None:
        """Have `task` run soon, whether or not anybody asks for what it gives."""
        self._leave(self._ask(task, 0))

    def listing(self) -> list[Listed]:
        """The jobs that run, then those that wait, in their order."""
        with self._changed:
            now = self._clock()
            jobs = sorted(self._unfinished(), key=lambda job: (job.worker is None, job.rank(now)))
        return [
            Listed(job.task.about, "waiting" if job.worker is None else "running", job.how_far(), job.priority)
            for job in jobs
        ]

    def close(self) -> None:
        """End the workers at once; nothing is run any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for worker in self._workers:
            worker.close()
        if self._directory is not None:
            self._directory.cleanup()

    def _found(self, task: Task) -> bytes | None:
        value: bytes | None = self._results.get(task.key)
        if value is None and task.stored and self._store is not None:
            value = self._store.get(task.key)
            if value is not None:
                self._results.put(task.key, value, len(value))
        return value

    def _ask(self, task: Task, priority: int) -> _Job:
        with self._changed:
            job = self._jobs.get(task.key)
            more = job is None or job.priority > priority
            if job is None:
                finished = self._results.get(task.key)  # since it was looked for
                if finished is not None:
                    return _done(task, finished)
                self._numbers += 1
                job = self._jobs[task.key] = _Job(task, self._numbers, priority, self._clock())
            job.priority = min(job.priority, priority)
            job.asked = self._clock()
            job.askers += 1
            if self._thread is None:
                self._directory = temporary_directory()
                self._thread = threading.Thread(target=self._hand_out, name="attnviz-jobs", daemon=True)
                self._thread.start()
            if more:
                self._changed.notify_all()
        return job

    def _leave(self, job: _Job) -> None:
        with self._changed:
            job.askers -= 1
            job.asked = self._clock()
            if job.outcome.done():
                self._forget(job)  # told: a failure is not told again

    def _hand_out(self) -> None:
        """Give the first waiting job to an idle worker, again and again; what the one thread of ours does."""
        while not self._closed:
            with self._changed:
                self._drop_unwanted()
                job = self._next()
                if job is None:
                    self._changed.wait(_LOOK_SECONDS if self._jobs else None)
                else:
                    self._assign(job)
            if job is not None:
                self._submit(job)

    def _next(self) -> _Job | None:
        unfinished = self._unfinished()
        running = [job for job in unfinished if job.worker is not None]
        lanes = {job.task.lane for job in running if job.task.lane is not None}
        room = len(self._workers) - 1 - sum(not job.task.quick for job in running)  # for those that are not quick
        ready = [
            job
            for job in unfinished
            if job.worker is None and job.task.lane not in lanes and (job.task.quick or room > 0)
        ]
        starting = any(worker.starting for worker in self._workers)
        self._since = min(math.inf if starting else self._since, time.monotonic()) if ready else math.inf
        now = self._clock()
        can_run = ready and self._idle and (self._idle[-1].begun or self._crowded())
        return min(ready, key=lambda job: job.rank(now)) if can_run else None

    def _crowded(self) -> bool:
        """Whether what waits is worth another process: most jobs take those that are there some milliseconds."""
        return not any(worker.begun for worker in self._workers) or time.monotonic() - self._since > _CROWDED_SECONDS

    def _assign(self, job: _Job) -> None:
        assert self._directory is not None
        self._numbers += 1
        job.worker = self._idle.pop()
        job.progress = ProgressFile(Path(self._directory.name, str(self._numbers)))

    def _submit(self, job: _Job) -> None:
        assert job.worker is not None
        assert job.progress is not None
        try:
            future = job.worker.submit(job.task.function, job.task.args, job.progress)
        except Exception as error:  # no process can be spawned: no memory, shutting down
            future = concurrent.futures.Future()
            future.set_exception(error)
        future.add_done_callback(functools.partial(self._finish, job))

    def _finish(self, job: _Job, future: "concurrent.futures.Future[bytes]") -> None:
        """Keep a result, whether or not anybody asks again; try again after a death; let a failure wait to be told."""
        with self._changed:
            if job.worker is not None:
                self._idle.append(job.worker)
            if job.progress is not None:
                job.progress.remove()
            job.worker = job.progress = None
            error = concurrent.futures.CancelledError() if future.cancelled() else future.exception()
            died = isinstance(error, concurrent.futures.BrokenExecutor)
            job.deaths += died
            if error is None:
                value = future.result()
                self._results.put(job.task.key, value, len(value))
                if len(value) <= _CACHE_BYTES:  # else it is kept with the job until it is told
                    self._forget(job)
                job.outcome.set_result(value)
            elif isinstance(error, StoppedError):
                if not self._wanted(job):
                    self._forget(job)
            elif not died or job.deaths >= _MOST_DEATHS:
                job.outcome.set_exception(error)
            self._changed.notify_all()

    def _drop_unwanted(self) -> None:
        for job in list(self._jobs.values()):
            if self._wanted(job):
                continue
            if job.progress is not None:
                job.progress.stop()
            else:
                self._forget(job)

    def _wanted(self, job: _Job) -> bool:
        return job.silence(self._clock()) < _PATIENCE_SECONDS

    def _unfinished(self) -> list[_Job]:
        return [job for job in self._jobs.values() if not job.outcome.done()]

    def _forget(self, job: _Job) -> None:
        if self._jobs.get(job.task.key) is job:
            del self._jobs[job.task.key]


def _done(task: Task, value: bytes) -> _Job:
    job = _Job(task, 0, 0, 0.0)
    job.outcome.set_result(value)
    return job
