"""A TensorBoard that is measured from outside: its process, and how long it takes to answer others meanwhile."""

import contextlib
import dataclasses
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np

_BETWEEN_SECONDS = 0.02


@dataclasses.dataclass(frozen=True)
class Usage:
    """What a process has at one moment."""

    megabytes: float
    threads: int
    descriptors: int


def process_at(address: str) -> Path:
    """The directory in /proc of the TensorBoard that serves there. Raises LookupError."""
    port = address.rsplit(":", 1)[1]
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (process / "cmdline").read_bytes().split(b"\0")
            if b"tensorboard.main" in line and port.encode() in line:
                return process
    raise LookupError(f"no TensorBoard serves at {address}")


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
        """While the block runs; raises RuntimeError at its end if it was not answered at some time."""
        self.seconds = []
        ended = threading.Event()
        errors: list[OSError] = []

        def work() -> None:
            while not ended.is_set():
                begun = time.perf_counter()
                try:
                    with urllib.request.urlopen(self._url) as answer:
                        answer.read()
                except OSError as error:
                    errors.append(error)
                    return
                self.seconds.append(time.perf_counter() - begun)
                ended.wait(_BETWEEN_SECONDS)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
        if errors:
            raise RuntimeError(f"no answer from {self._url} after {len(self.seconds)}") from errors[0]
