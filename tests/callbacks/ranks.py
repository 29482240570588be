"""Two processes of one training, forked from one that has imported PyTorch and the frameworks once for all tests."""

import multiprocessing
import os
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist

IMPORTED = [
    "torch._dynamo",
    "tests.callbacks.processes",
    "tests.callbacks.split_processes",
    "tests.callbacks.test_huggingface",
    "tests.callbacks.test_lightning",
]


def run_in_two_processes(work: Callable[[Path], None], directory: Path) -> None:
    """Call `work(directory)` in two processes that are joined by gloo, and fail as one of them does."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    logs = [directory / f"{rank}.log" for rank in (0, 1)]
    started = [context.Process(target=_begin, args=(work, rank, directory, log)) for rank, log in enumerate(logs)]
    for process in started:
        process.start()
    try:
        for process in started:
            process.join(timeout=600)
        assert [process.exitcode for process in started] == [0, 0], "\n".join(log.read_text() for log in logs)
    finally:
        for process in started:
            process.kill()


def _begin(work: Callable[[Path], None], rank: int, directory: Path, log: Path) -> None:
    with log.open("w") as output:
        for standard in (1, 2):
            os.dup2(output.fileno(), standard)
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "localhost", "ACCELERATE_USE_CPU": "true"}
    store = f"file://{directory}/processes meet here"  # at a file, so that no port must be free
    limit = timedelta(seconds=120)  # a process that waits for ever fails
    try:
        dist.init_process_group("gloo", init_method=store, rank=rank, world_size=2, timeout=limit)
        torch.set_num_threads(1)
        work(directory)
        dist.barrier()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)  # torch's threads abort one exit in eight, with or without the recorder: all that is tested is done
