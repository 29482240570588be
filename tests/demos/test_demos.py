"""The demos as a user runs them: as processes, with a real TensorBoard, until they end or are stopped."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import tb_attnviz
from tb_attnviz.events import Grid

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.first


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return int(free.getsockname()[1])


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("localhost", port)) == 0


@contextlib.contextmanager
def demo(name: str, logdir: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """The demo as a process, its console in pipes; killed if the test fails."""
    command = [sys.executable, "-m", f"demo.{name}", "--logdir", str(logdir), *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()


def the_run(logdir: Path) -> tb_attnviz.Run:
    (directory,) = logdir.iterdir()
    return tb_attnviz.open_run(directory)


def processes_that_name(logdir: Path) -> list[str]:
    """Command lines of the processes still running on `logdir`."""
    return subprocess.run(["pgrep", "-fa", str(logdir)], capture_output=True, text=True).stdout.splitlines()


def test_the_decoder_trains_and_tensorboard_stays_until_ctrl_c(tmp_path: Path, port: int) -> None:
    output = ""
    with demo("induction", tmp_path, "--steps", "10", "--port", str(port)) as process:
        assert process.stdout is not None
        while "TensorBoard stays" not in output:
            assert process.poll() is None
            output += process.stdout.readline()
        with urllib.request.urlopen(f"http://localhost:{port}/", timeout=60) as answer:
            assert answer.status == 200
        os.kill(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert f"TensorBoard is at http://localhost:{port}/#attnviz" in output
    assert "Done in" in output
    run = the_run(tmp_path)
    assert run.steps == [0, 3, 6, 10]
    assert [layer.heads for layer in run.layers] == [4, 4, 4]
    assert {sequence.repeat is None for sequence in run.probe.sequences} == {True, False}
    assert "induction" in run.health()
    assert len(list(Path(run.directory).glob("*tfevents*"))) == 1, "losses and heads share one event file"
    assert not listening(port)


@pytest.mark.full
def test_all_ends_with_the_training_where_that_is_asked_for(tmp_path: Path, port: int) -> None:
    with demo("induction", tmp_path, "--steps", "3", "--port", str(port), "--exit-when-done") as process:
        output, errors = process.communicate(timeout=1200)
    assert process.returncode == 0, errors
    assert "Done in" in output
    assert not listening(port)


@pytest.mark.full
def test_minilm_trains(tmp_path: Path) -> None:
    with demo("finetune_minilm", tmp_path, "--steps", "1", "--no-tensorboard") as process:
        output, errors = process.communicate(timeout=1200)
    assert process.returncode == 0, errors
    run = the_run(tmp_path)
    assert run.steps == [0, 1]
    assert [layer.heads for layer in run.layers] == [12] * 6
    assert "Done in" in output


def test_the_vision_transformer_trains(tmp_path: Path) -> None:
    with demo("vision", tmp_path, "--steps", "2", "--no-tensorboard") as process:
        output, errors = process.communicate(timeout=1200)
    assert process.returncode == 0, errors
    assert errors == ""
    assert "Done in" in output
    run = the_run(tmp_path)
    assert run.steps == [0, 2]
    assert [layer.heads for layer in run.layers] == [4, 4, 4]
    assert all(layer.values for layer in run.layers)
    assert {(sequence.kind, sequence.grid, sequence.tokens[0]) for sequence in run.probe.sequences} == {
        ("image", Grid(8, 8), "[CLS]")
    }
    assert "brightness" in run.probe.sequences[0].labels
    assert run.png(0).startswith(b"\x89PNG")


@pytest.mark.parametrize("ending", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.full)])
def test_ctrl_c_ends_everything_without_a_trace(tmp_path: Path, port: int, ending: signal.Signals) -> None:
    with demo("induction", tmp_path, "--port", str(port)) as process:
        assert process.stdout is not None
        while "step     0" not in process.stdout.readline():
            assert process.poll() is None
        os.kill(process.pid, ending)
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "Stopped." in output
    assert errors == ""
    assert the_run(tmp_path).steps[0] == 0, "what was recorded is kept"
    assert not listening(port)
    assert not processes_that_name(tmp_path)


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        taken.listen()
        number = str(taken.getsockname()[1])
        with demo("induction", tmp_path, "--port", number) as process:
            _, errors = process.communicate(timeout=120)
    assert process.returncode != 0
    assert f"TensorBoard did not start on port {number}: " in errors
    assert "Traceback" not in errors
