"""The command line as shells and clusters start it: its exit codes, and where its output goes."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import tb_attnviz
from tb_attnviz.cli import main


class TestAsAProgram:
    """Started as shells and clusters do it."""

    def run(self, *arguments: str, head: bool = False) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "tb_attnviz", *arguments]
        if not head:
            return subprocess.run(command, capture_output=True, text=True, check=False)
        read, write = os.pipe()
        os.close(read)  # nobody reads
        try:
            return subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
        finally:
            os.close(write)

    def test_as_a_module_it_is_the_same_command(self, run_directory: Path) -> None:
        done = self.run("inspect", str(run_directory))
        assert done.returncode == 0
        assert "steps" in done.stdout

    def test_says_its_version(self) -> None:
        done = self.run("--version")
        assert (done.returncode, done.stdout) == (0, f"tb-attnviz {tb_attnviz.__version__}\n")

    def test_wrong_arguments_and_what_cannot_be_done_differ(self, tmp_path: Path) -> None:
        assert self.run("inspect").returncode == 2
        assert self.run("inspect", str(tmp_path / "missing")).returncode == 1

    def test_a_closed_pipe_is_no_error_to_read_about(self, run_directory: Path) -> None:
        done = self.run("inspect", str(run_directory), head=True)
        assert (done.returncode, done.stderr) == (141, "")

    def test_a_disk_that_is_full_is_told(self, run_directory: Path) -> None:
        command = [sys.executable, "-m", "tb_attnviz", "inspect", str(run_directory)]
        with open("/dev/full", "w") as full:
            done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert (done.returncode, done.stderr) == (1, "tb-attnviz: OSError: [Errno 28] No space left on device\n")

    def test_a_closed_pipe_of_anything_else_is_told(
        self, run_directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def broken(*_: object) -> None:
            raise BrokenPipeError(32, "Broken pipe")

        monkeypatch.setattr("tb_attnviz.ahead.command.in_process", broken)
        assert main(["project", str(run_directory), "--workers", "1", "--projections", "pca"]) == 1
        assert capsys.readouterr().err == "tb-attnviz: BrokenPipeError: [Errno 32] Broken pipe\n"


def test_what_cannot_be_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(tmp_path / "none"), "--no-browser"]) == 1
    assert "none' is no directory: give a log directory" in capsys.readouterr().err
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["show", str(tmp_path), "--no-browser", "--port", str(port)]) == 1
    assert f"nothing could be served at port {port}: give another --port" in capsys.readouterr().err
