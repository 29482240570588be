"""Programs that begin at once: each is forked from a process that has imported their modules before.

Importing takes TensorBoard a second of processor time, and the tests start forty. A fork has its own environment,
output and process group, and ends as any program: by itself, by a signal, with what it registered for its end.

    python -m tests.forks SOCKET MODULE…
"""

import contextlib
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, TextIO

ROOT = Path(__file__).parents[1]
_ORDER = 2**20  # bytes, at most: arguments and environment


class Fork:
    """A program that runs in a process group of its own; `output` has the lines of both its standard outputs."""

    def __init__(self, pid: int, output: TextIO) -> None:
        self.pid = pid
        self.output = output

    def kill(self, by: signal.Signals = signal.SIGKILL) -> None:
        """The program, and what it has started."""
        with contextlib.suppress(ProcessLookupError):  # it ended by itself
            os.killpg(self.pid, by)

    def end(self, *, seconds: float = 60) -> None:
        """Asks the program to end; returns when nothing of it is left, fails after `seconds`."""
        self.kill(signal.SIGTERM)
        limit = threading.Timer(seconds, self.kill)
        limit.start()
        with self.output:
            self.output.read()
        if not limit.is_alive():
            raise TimeoutError(f"process {self.pid} did not end within {seconds} s")
        limit.cancel()


class Forks:
    """Starts programs in forks of one process that has imported `modules`."""

    def __init__(self, *modules: str) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "tests.forks", str(theirs.fileno()), *modules]
        self._process = subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()])
        theirs.close()

    def start(self, module: str, *arguments: str) -> Fork:
        """`python -m module arguments…`, in the directory and the environment of now."""
        around = {"directory": os.getcwd(), "environment": dict(os.environ)}
        order = {"module": module, "arguments": arguments, **around}
        ours, theirs = os.pipe()
        socket.send_fds(self._orders, [json.dumps(order).encode()], [theirs])
        os.close(theirs)
        return Fork(int(self._orders.recv(100)), os.fdopen(ours, encoding="utf-8"))

    def close(self) -> None:
        """Programs that still run are left alone."""
        self._orders.close()
        self._process.wait()


def _next(orders: socket.socket) -> dict[str, Any] | None:
    """What this process shall become, if it is the fork; None once no more are to come."""
    while True:
        order, [*output], *_ = socket.recv_fds(orders, _ORDER, 1)
        if not order:
            return None
        pid = os.fork()
        if pid:
            os.setpgid(pid, pid)
            os.close(output[0])
            orders.send(str(pid).encode())
            continue
        for standard in (1, 2):
            os.dup2(output[0], standard)
        os.close(output[0])
        told: dict[str, Any] = json.loads(order)
        return told


def main() -> None:
    for module in sys.argv[2:]:
        importlib.import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a fork that has ended
    with socket.socket(fileno=int(sys.argv[1])) as orders:
        order = _next(orders)
    if order is None:
        return
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(order["directory"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = [order["module"], *order["arguments"]]
    runpy.run_module(order["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
