"""Samples are looked for where TensorBoard itself reads a run's events."""

import os
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.data_ingester import _parse_event_files_spec
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer

from tb_attnviz.events import RunWriter
from tb_attnviz.plugin.runs import RunDirectories
from tests.conftest import PROBE, serving, wait_until, write_checkpoint
from tests.plugin.conftest import Client


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory with runs in two log directories, some of one name."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for run in ("one/a", "one/deep/b", "two/a", "two", "two/c:d"):
        writer = RunWriter(str(tmp_path / run))
        writer.write_probe(PROBE, step=0)
        write_checkpoint(writer, 0)
        writer.close()
    return tmp_path


@pytest.mark.parametrize(
    "spec",
    [
        "~/one",
        "one",
        "{home}/one",
        "{home}/two/c:d",
        "~/one,~/two",
        "~/two,~/one",
        "x:~/one,y:~/two",
        "x:~/one,~/two",
        "x/y:~/one,x:~/two",
        "a:~/one,~/one",
        "x:{home}/two/c:d",
        ":~/one",
    ],
)
def test_every_run_is_found_where_tensorboard_finds_it(home: Path, spec: str) -> None:
    spec = spec.format(home=home)
    multiplexer = EventMultiplexer()
    for path, name in _parse_event_files_spec(spec).items():
        multiplexer.AddRunsFromDirectory(path, name)
    directories = RunDirectories("", spec)
    paths = multiplexer._paths
    assert paths
    assert {run: os.path.realpath(directories[run]) for run in paths} == {
        run: os.path.realpath(path) for run, path in paths.items()
    }


def test_a_log_directory_may_begin_with_a_tilde(home: Path) -> None:
    assert os.path.samefile(RunDirectories("~/one", "")["deep/b"], home / "one" / "deep" / "b")


@pytest.mark.parametrize("flag", ["--logdir=~/one", "--logdir_spec=~/one"])
def test_the_shell_leaves_the_tilde_and_attention_is_there(home: Path, flag: str) -> None:
    with serving(flag) as address:
        client = Client(address)
        wait_until(lambda: len(client.json("runs")["runs"]) == 2, seconds=60)
        for run in ("a", "deep/b"):
            assert client.array("attention", run=run, step=0, layer=0, head=0, sequence=0).shape == (5, 5)
