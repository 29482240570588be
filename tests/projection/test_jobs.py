"""Jobs: in processes of their own, in our order, picked up by key, dropped when nobody asks, gone with their parent."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future
from pathlib import Path

import pytest

from tb_attnviz.projection import jobs as projection_jobs
from tb_attnviz.projection import worker
from tb_attnviz.projection.jobs import Jobs, Task
from tb_attnviz.projection.progress import Progress
from tb_attnviz.projection.store import DiskStore
from tests.conftest import wait_until
from tests.projection.tasks import die, die_the_first_time, fail, keep, note, until, who_am_i


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jobs(clock: Clock) -> Iterator[Jobs]:
    jobs = Jobs(workers=1, clock=clock)
    yield jobs
    jobs.close()


@pytest.fixture
def busy(jobs: Jobs, tmp_path: Path) -> Callable[[], None]:
    """The one worker is busy until this is called."""
    task = Task(key="busy", function=until, args=(tmp_path / "free", tmp_path / "busy", ""), lane="busy")
    jobs.result(task, wait=0)
    wait_until(lambda: [job.state for job in jobs.listing()] == ["running"], seconds=60)
    return (tmp_path / "free").touch


def marks(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def test_work_is_done_in_a_niced_process_of_its_own(jobs: Jobs) -> None:
    answer = jobs.result(Task(key="key", function=who_am_i), wait=60)
    assert isinstance(answer, bytes)
    pid, niceness = map(int, answer.split())
    assert pid != os.getpid()
    assert niceness >= 10


def test_a_worker_begins_where_nothing_can_be_niced(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows there is no os.nice."""
    monkeypatch.delattr(os, "nice")
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(worker, "_end_with", lambda parent: None)
    worker._prepare(os.getppid(), who_am_i.__module__)


def test_a_slow_job_shows_its_progress_and_is_picked_up_later(jobs: Jobs, tmp_path: Path) -> None:
    task = Task(key="key", function=until, args=(tmp_path / "go", tmp_path / "log", "x"), about={"kind": "points"})
    assert isinstance(jobs.result(task, wait=0), Progress)
    wait_until(lambda: jobs.result(task, wait=0) == Progress(1, 2), seconds=60)
    [listed] = jobs.listing()
    assert (listed.about, listed.state, listed.progress) == ({"kind": "points"}, "running", Progress(1, 2))
    (tmp_path / "go").touch()
    assert jobs.result(task, wait=60) == b"x)"
    assert jobs.listing() == []


def test_a_job_runs_once_whoever_asks(jobs: Jobs, tmp_path: Path) -> None:
    task = Task(key="key", function=note, args=(tmp_path / "log", "x"))
    threads = [threading.Thread(target=jobs.result, args=(task,), kwargs={"wait": 60}) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert jobs.result(task, wait=60) == b"x"
    assert marks(tmp_path / "log") == "x"


def test_what_is_looked_at_comes_first_then_the_first_who_asked(
    jobs: Jobs, busy: Callable[[], None], tmp_path: Path
) -> None:
    asked = {"a": 2, "b": 1, "c": 0, "d": 1, "e": 0, "f": 2}
    tasks = {name: Task(key=name, function=note, args=(tmp_path / "log", name)) for name in asked}
    for name, priority in asked.items():
        jobs.result(tasks[name], priority=priority, wait=0)
    jobs.result(tasks["f"], priority=0, wait=0)  # somebody looks at it now
    jobs.result(tasks["e"], priority=2, wait=0)  # and somebody else only may
    assert [job.state for job in jobs.listing()] == ["running"] + ["waiting"] * 6
    busy()
    wait_until(lambda: not jobs.listing(), seconds=60)
    assert marks(tmp_path / "log") == "cefbda"


def test_what_is_asked_about_now_comes_before_what_was_asked_for(
    jobs: Jobs, busy: Callable[[], None], clock: Clock, tmp_path: Path
) -> None:
    """Whoever scrubs through the steps leaves many jobs behind, and waits for the last one."""
    tasks = {name: Task(key=name, function=note, args=(tmp_path / "log", name)) for name in "abcd"}
    for name in "abc":
        jobs.result(tasks[name], wait=0)
    clock.now = 4
    for name in "dc":
        jobs.result(tasks[name], priority=1, wait=0)
    busy()
    wait_until(lambda: not jobs.listing(), seconds=60)
    assert marks(tmp_path / "log") == "cdab"


def test_a_quick_task_waits_for_nothing(jobs: Jobs, busy: Callable[[], None], tmp_path: Path) -> None:
    for name in "ab":
        jobs.result(Task(key=name, function=note, args=(tmp_path / "log", name)), wait=0)
    assert jobs.result(Task(key="q", function=note, args=(tmp_path / "log", "q"), quick=True), wait=60) == b"q"
    assert marks(tmp_path / "log") == "q"
    assert [job.state for job in jobs.listing()] == ["running", "waiting", "waiting"]


def test_what_takes_a_moment_is_done_by_the_process_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page asks for ten things at once; a process for each would take seconds to begin."""
    monkeypatch.setattr(projection_jobs, "_CROWDED_SECONDS", 3600)
    jobs = Jobs(workers=3)
    tasks = [Task(key=str(number), function=who_am_i) for number in range(10)]
    for task in tasks:
        jobs.result(task, wait=0)
    assert len({jobs.result(task, wait=60) for task in tasks}) == 1
    jobs.close()


def test_tasks_of_one_lane_run_one_after_the_other(clock: Clock, tmp_path: Path) -> None:
    jobs = Jobs(workers=3, clock=clock)
    log, go = tmp_path / "log", tmp_path / "go"
    tasks = [Task(key=name, function=until, args=(go, log, name), lane=name.lower()) for name in ("a", "A", "b")]
    for task in tasks:
        jobs.result(task, wait=0)
    wait_until(lambda: sorted(marks(log)) == ["(", "(", "a", "b"], seconds=60)
    assert [job.state for job in jobs.listing()] == ["running", "running", "waiting"]
    go.touch()
    assert [jobs.result(task, wait=60) for task in tasks] == [b"a)", b"A)", b"b)"]
    jobs.close()


def test_a_waiting_job_that_nobody_asks_about_is_dropped(
    jobs: Jobs, busy: Callable[[], None], clock: Clock, tmp_path: Path
) -> None:
    first = jobs.listing()[0]
    forgotten = Task(key="forgotten", function=note, args=(tmp_path / "log", "x"))
    jobs.result(forgotten, wait=0)
    clock.now = 8
    jobs.result(Task(key="busy", function=note), wait=0)
    clock.now = 12
    wait_until(lambda: len(jobs.listing()) == 1, seconds=60)
    assert jobs.listing()[0].about == first.about
    busy()
    wait_until(lambda: not jobs.listing(), seconds=60)
    assert marks(tmp_path / "log") == ""
    assert jobs.result(forgotten, wait=60) == b"x", "asked again, it is done"


def test_a_running_job_that_nobody_asks_about_is_stopped(jobs: Jobs, busy: Callable[[], None], clock: Clock) -> None:
    clock.now = 11
    wait_until(lambda: not jobs.listing(), seconds=60)
    assert isinstance(jobs.result(Task(key="next", function=who_am_i), wait=60), bytes), "its worker lives on"


def test_a_job_that_somebody_waits_for_is_not_stopped(jobs: Jobs, clock: Clock, tmp_path: Path) -> None:
    task = Task(key="key", function=until, args=(tmp_path / "go", tmp_path / "log", "x"))
    results: list[bytes | Progress] = []
    thread = threading.Thread(target=lambda: results.append(jobs.result(task, wait=30)))
    thread.start()
    wait_until(lambda: marks(tmp_path / "log") == "x(", seconds=60)
    clock.now = 100
    time.sleep(1)
    (tmp_path / "go").touch()
    thread.join()
    assert results == [b"x)"]
    assert marks(tmp_path / "log") == "x(x)"


def test_a_job_asked_about_again_while_it_is_being_stopped_is_done(
    jobs: Jobs, busy: Callable[[], None], clock: Clock, tmp_path: Path
) -> None:
    clock.now = 11
    busy()
    task = Task(key="busy", function=until, args=(tmp_path / "free", tmp_path / "busy", ""))
    assert jobs.result(task, wait=60) == b")"


def test_results_are_kept_without_being_picked_up_and_failures_do_not_pile_up(jobs: Jobs, clock: Clock) -> None:
    for number in range(10):
        jobs.result(Task(key=str(number), function=who_am_i if number % 2 else fail), wait=0)
    jobs.result(Task(key="last", function=who_am_i), priority=2, wait=60)
    assert jobs.listing() == []
    clock.now = 11
    wait_until(lambda: not jobs._jobs, seconds=60)
    assert isinstance(jobs.result(Task(key="1", function=fail), wait=0), bytes)


def test_a_failure_is_told_once_and_the_next_request_tries_again(jobs: Jobs, tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="the reason"):
            jobs.result(Task(key="key", function=fail), wait=60)
    assert jobs.result(Task(key="key", function=note, args=(tmp_path / "log", "x")), wait=60) == b"x"


def test_a_result_that_is_too_large_to_keep_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was made again and again if it was not done within the wait of one request."""
    monkeypatch.setattr(projection_jobs, "_CACHE_BYTES", 1)
    jobs = Jobs(workers=1)
    task = Task(key="key", function=until, args=(tmp_path / "go", tmp_path / "log", "x"))
    assert isinstance(jobs.result(task, wait=0), Progress)
    (tmp_path / "go").touch()
    wait_until(lambda: marks(tmp_path / "log") == "x(x)", seconds=60)
    wait_until(lambda: jobs.listing() == [], seconds=60)
    assert jobs.result(task, wait=0) == b"x)"
    assert not jobs._jobs
    jobs.close()


def test_a_job_that_is_done_as_the_wait_for_it_ends_is_answered(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the end of a wait and the next look at the job, a worker may have finished it."""

    whole = Future.result

    def done_too_late(future: "Future[bytes]", timeout: float | None = None) -> bytes:
        value = whole(future)
        if timeout is not None:
            raise TimeoutError
        return value

    monkeypatch.setattr(Future, "result", done_too_late)
    answer = jobs.result(Task(key="key", function=who_am_i), wait=0)
    assert isinstance(answer, bytes)


def test_a_job_whose_worker_dies_is_tried_again(jobs: Jobs, tmp_path: Path) -> None:
    task = Task(key="key", function=die_the_first_time, args=(tmp_path / "died",))
    assert jobs.result(task, wait=60) == b"survived"


def test_a_job_that_kills_its_workers_is_given_up_and_others_go_on(tmp_path: Path) -> None:
    jobs = Jobs(workers=2)
    other = Task(key="other", function=until, args=(tmp_path / "go", tmp_path / "log", "x"))
    jobs.result(other, wait=0)
    with pytest.raises(BrokenExecutor):
        jobs.result(Task(key="fatal", function=die), wait=60)
    (tmp_path / "go").touch()
    assert jobs.result(other, wait=60) == b"x)"
    assert marks(tmp_path / "log") == "x(x)", "the other one was not begun again"
    jobs.close()


def test_a_worker_killed_while_it_is_idle_is_replaced(jobs: Jobs) -> None:
    for key in ("first", "second"):
        answer = jobs.result(Task(key=key, function=who_am_i), wait=60)
        assert isinstance(answer, bytes)
        os.kill(int(answer.split()[0]), signal.SIGKILL)


def test_what_the_store_has_is_not_made(tmp_path: Path, jobs: Jobs) -> None:
    keeping = Jobs(workers=1, store=DiskStore(tmp_path))
    stored = Task(key="key", function=keep, args=(str(tmp_path),), stored=True)
    DiskStore(tmp_path).put("key", b"from another process")
    assert keeping.result(stored, wait=0) == b"from another process"
    DiskStore(tmp_path).put("key", b"kept")
    assert keeping.result(stored, wait=0) == b"from another process", "from memory: no file is read again"
    assert keeping._thread is None
    assert jobs.result(stored, wait=60) == b"kept"
    keeping.close()


def test_workers_end_with_a_parent_that_is_killed() -> None:
    assert _ends_with(lambda parent: parent.kill())


def test_a_parent_that_ends_does_not_wait_for_what_runs() -> None:
    assert _ends_with(lambda parent: parent.stdin.close() if parent.stdin else None)


def _ends_with(end: "Callable[[subprocess.Popen[str]], None]") -> bool:
    """Whether a parent and its worker, in the middle of a task, are gone soon after `end(parent)`."""
    code = (
        "import sys\n"
        "import time\n"
        "from pathlib import Path\n"
        "from tb_attnviz.projection.jobs import Jobs, Task\n"
        "from tests.projection.tasks import until, who_am_i\n"
        "jobs = Jobs(workers=3)\n"  # each has an executor of its own, which the interpreter's end waits for
        "pid = jobs.result(Task(key='pid', function=who_am_i), wait=60).split()[0]\n"
        "for key in ('long', 'longer', 'longest'):\n"
        "    jobs.result(Task(key=key, function=until, args=(Path('/nowhere'), Path('/dev/null'), 'x')), wait=0)\n"
        "while [job.state for job in jobs.listing()] != ['running'] * 3:\n"
        "    time.sleep(0.1)\n"
        "print(int(pid), flush=True)\n"
        "sys.stdin.read()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    assert _alive(worker)
    end(parent)
    parent.wait(timeout=60)
    parent.stdout.close()
    if parent.stdin is not None and not parent.stdin.closed:
        parent.stdin.close()
    wait_until(lambda: not _alive(worker), seconds=60)
    return True


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
