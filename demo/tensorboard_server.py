"""TensorBoard, run beside a demo."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_FIRST_PORT = 6006
_PATIENCE = 60  # seconds until it must answer
_COURTESY = 5  # seconds to end by itself


@contextlib.contextmanager
def tensorboard(directory: Path, *, port: int | None = None) -> Iterator[str]:
    """Serves `directory` and gives the address of its Attention tab; ends with the context.

    `port`: by default the first free one from 6006 on.
    """
    port = _free_port() if port is None else port
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(directory), "--port", str(port)]
    # A session of its own: Ctrl-C reaches the demo alone, which then ends TensorBoard and its data server together.
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            [*command, "--reload_interval", "2"], stdout=subprocess.DEVNULL, stderr=complaints, start_new_session=True
        )
        try:
            _wait_until_it_answers(process, port, complaints)
            yield f"http://localhost:{port}/#attnviz"
        finally:
            _end(process)


def _free_port() -> int:
    for port in range(_FIRST_PORT, _FIRST_PORT + 100):
        with socket.socket() as probe:
            if probe.connect_ex(("localhost", port)) != 0:
                return port
    raise SystemExit(f"No free port from {_FIRST_PORT} on: name one with --port")


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int, complaints: IO[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"http://localhost:{port}/data/environment", timeout=1).close()
            return
        time.sleep(0.2)
    complaints.seek(0)
    lines = complaints.read().decode(errors="replace").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), f"no answer within {_PATIENCE} seconds")
    raise SystemExit(f"TensorBoard did not start on port {port}: {last}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End TensorBoard and its data server, which is in the same process group; another Ctrl-C does not stop this."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    for ending in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, ending)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_COURTESY)
    signal.signal(signal.SIGINT, before)
