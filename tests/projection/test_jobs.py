"""Jobs: out of the parent's process, at a low priority, picked up by key, and gone with their parent."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tb_attnviz.projection.jobs import Jobs, Progress, Report
from tests.conftest import wait_until


def who_am_i(*, report: Report) -> tuple[int, int]:
    return os.getpid(), os.nice(0)


def slow(seconds: float, *, report: Report) -> str:
    report(1, 2)
    time.sleep(seconds)
    return "done"


def count(path: str, *, report: Report) -> str:
    with open(path, "a") as file:
        file.write("x")
    return "counted"


def fail(*, report: Report) -> None:
    raise ValueError("the reason")


def die(*, report: Report) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    jobs = Jobs(workers=1)
    yield jobs
    jobs.close()


def test_work_is_done_in_a_niced_process_of_its_own(jobs: Jobs) -> None:
    pid, niceness = jobs.result("key", who_am_i, wait=60)
    assert pid != os.getpid()
    assert niceness >= 10


def test_a_slow_job_shows_its_progress_and_is_picked_up_later(jobs: Jobs) -> None:
    jobs.result("warm", who_am_i, wait=60)
    assert isinstance(jobs.result("key", slow, 1.0, wait=0), Progress)
    wait_until(lambda: jobs.result("key", slow, 1.0, wait=0) == Progress(1, 2), seconds=10)
    assert jobs.result("key", slow, 1.0, wait=60) == "done"


def test_a_job_runs_once_whoever_asks(jobs: Jobs, tmp_path: Path) -> None:
    path = str(tmp_path / "count")
    threads = [threading.Thread(target=jobs.result, args=("key", count, path), kwargs={"wait": 60}) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert jobs.result("key", count, path, wait=60) == "counted"
    assert Path(path).read_text() == "x"


def test_results_that_nobody_picks_up_do_not_pile_up(jobs: Jobs) -> None:
    for number in range(20):
        jobs.result(number, slow, 0.0, wait=0)
    jobs.result("last", who_am_i, wait=60)
    wait_until(lambda: not jobs._running, seconds=10)


def test_a_failure_is_raised_and_the_next_request_tries_again(jobs: Jobs) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="the reason"):
            jobs.result("key", fail, wait=60)


def test_a_worker_that_dies_is_replaced(jobs: Jobs) -> None:
    with pytest.raises(RuntimeError):
        jobs.result("fatal", die, wait=60)
    pid, _ = jobs.result("key", who_am_i, wait=60)
    assert pid != os.getpid()


def test_workers_end_with_a_parent_that_is_killed() -> None:
    code = (
        "from tb_attnviz.projection.jobs import Jobs\n"
        "from tests.projection.test_jobs import who_am_i\n"
        "import time\n"
        "print(Jobs(workers=1).result('key', who_am_i, wait=60)[0], flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    assert _alive(worker)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not _alive(worker), seconds=10)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
