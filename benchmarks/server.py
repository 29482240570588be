"""A TensorBoard that is measured from outside: its process, and how long it takes to answer others meanwhile."""

import contextlib
import dataclasses
import multiprocessing
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

_BETWEEN_SECONDS = 0.02


@dataclasses.dataclass(frozen=True)
class Usage:
    """What a process has at one moment."""

    megabytes: float
    threads: int
    descriptors: int


@contextlib.contextmanager
def tensorboard(*arguments: str) -> Iterator[tuple[str, Path]]:
    """A TensorBoard that nothing was loaded into before: its address, and its directory in /proc.

    Raises RuntimeError with what it said if it does not come up within two minutes.
    """
    line = [sys.executable, "-m", "tensorboard.main", "--port", "0", "--reload_interval", "1", *arguments]
    with tempfile.NamedTemporaryFile() as said:
        server = subprocess.Popen(line, stdout=said, stderr=said)
        try:
            end = time.monotonic() + 120
            while (found := re.search(r"^TensorBoard .* at (http://\S+)/ ", _read(said.name), re.MULTILINE)) is None:
                if server.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"TensorBoard did not come up:\n{_read(said.name)}")
                time.sleep(0.1)
            yield found[1], Path("/proc", str(server.pid))
        finally:
            server.terminate()
            server.wait()


def _read(path: str) -> str:
    return Path(path).read_text(errors="replace")


def usage(process: Path) -> Usage:
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    descriptors = sum(1 for _ in (process / "fd").iterdir())
    return Usage(int(status["VmRSS"].split()[0]) / 1024, int(status["Threads"]), descriptors)


class Neighbour:
    """Somebody who looks at another tab: asks for TensorBoard's own list of runs again and again."""

    def __init__(self, address: str) -> None:
        self._url = f"{address}/data/runs"
        self.seconds: list[float] = []

    def ask(self, seconds: float) -> float:
        """For so long; the 99th percentile of its waits, in seconds."""
        with self.asking():
            time.sleep(seconds)
        return self.p99

    @property
    def p99(self) -> float:
        return float(np.percentile(self.seconds, 99)) if self.seconds else float("nan")

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """While the block runs; raises RuntimeError at its end if it was not answered at some time.

        A process of its own asks: whatever else is measured in this one does not delay it.
        """
        spawn = multiprocessing.get_context("spawn")
        here, there = spawn.Pipe()
        process = spawn.Process(target=_ask, args=(self._url, there), daemon=True)
        process.start()
        here.recv()  # it has begun
        try:
            yield
        finally:
            here.send(None)
            self.seconds, error = here.recv()
            process.join()
        if error is not None:
            raise RuntimeError(f"no answer from {self._url} after {len(self.seconds)}: {error}")


def _ask(url: str, told: "Connection[Any, Any]") -> None:
    """Until something comes from `told`, to which the seconds of each answer go then, and what went wrong."""
    seconds: list[float] = []
    error = None
    told.send(None)
    while not told.poll(_BETWEEN_SECONDS) and error is None:
        begun = time.perf_counter()
        try:
            with urllib.request.urlopen(url) as answer:
                answer.read()
        except OSError as failure:
            error = str(failure)
        else:
            seconds.append(time.perf_counter() - begun)
    told.send((seconds, error))
