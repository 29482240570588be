"""Dask makes the same pictures, byte for byte, also when a worker is killed on the way."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import distributed
import pytest

import tb_attnviz
from tb_attnviz.ahead import cluster as cluster_module
from tb_attnviz.ahead.chain import Chain
from tb_attnviz.ahead.cluster import _starting_points
from tb_attnviz.cli import main
from tb_attnviz.projection.pictures import Store, View
from tb_attnviz.projection.projection import Projection
from tb_attnviz.projection.store import DIRECTORY_VARIABLE, DiskStore
from tests.ahead.test_command import pictures
from tests.conftest import wait_until, write_run


@pytest.fixture(scope="module")
def cluster() -> Iterator[distributed.LocalCluster]:
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:  # type: ignore[no-untyped-call]
        yield cluster


@pytest.fixture
def long_run(tmp_path: Path) -> Path:
    write_run(tmp_path / "run", range(30)).close()
    return tmp_path / "run"


def test_a_worker_is_killed_midway_and_a_later_call_goes_on(
    cluster: distributed.LocalCluster, embedded_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The steps of t-SNE start from one another in the same way, whoever makes them."""
    run = tb_attnviz.open_run(embedded_run)
    views = [View(run.layer_samples(0), tuple(run.steps), Projection(method="tsne"), head) for head in range(2)]
    command = ["project", str(embedded_run), "--projections", "tsne", "--steps"]
    dask = [*command, "12:", "--dask", cluster.scheduler_address]

    def pictured(name: str) -> list[bytes | None]:
        return [DiskStore(tmp_path / name).get(view.key(step)) for view in views for step in run.steps[12:]]

    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path / "dask"))
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(main([*command, "14:", *dask[-2:]])), daemon=True)
    thread.start()
    wait_until(lambda: len(list((tmp_path / "dask").glob("??/*"))) > 2, seconds=180)
    victim = next(iter(cluster.workers.values())).process.pid
    os.kill(victim, signal.SIGKILL)
    assert thread.is_alive()
    thread.join(120)
    assert codes == [0]
    assert sum(found is not None for found in pictured("dask")) == 12
    assert main(dask) == 0
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path / "one"))
    assert main([*command, "12:", "--workers", "1"]) == 0
    assert None not in pictured("one")
    assert pictured("dask") == pictured("one")


def test_a_log_directory_that_workers_do_not_see(
    cluster: distributed.LocalCluster,
    run_directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A file that is gone after the command has looked for it looks the same as one that only the workers miss."""

    def vanish(run: tb_attnviz.Run, *_: object) -> bool:
        next(iter((run_directory / "plugins" / "attnviz").iterdir())).unlink(missing_ok=True)
        return False

    monkeypatch.setattr("tb_attnviz.ahead.command.check_samples", vanish)
    address = cluster.scheduler_address
    assert main(["project", str(run_directory), "--projections", "biplot", "--dask", address]) == 1
    err = capsys.readouterr().err
    assert "Dask workers must see the log directory under the same path" in err
    assert err.count("layer 0") == 1


def test_an_address_without_a_scheduler(
    run_directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["project", str(run_directory), "--projections", "biplot", "--dask", "nonsense://here"]) == 1
    assert "no Dask scheduler answers at 'nonsense://here'" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["project", str(run_directory), "--projections", "biplot", "--dask", "tcp://localhost:1"]) == 1
    assert "pip install 'tb-attnviz[dask]'" in capsys.readouterr().err


def test_a_later_call_goes_on_from_what_a_stopped_one_left(
    cluster: distributed.LocalCluster, long_run: Path, store: DiskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The picture at 20 hands on what the one at 19 starts from."""
    command = ["project", str(long_run), "--projections", "biplot", "--dask", cluster.scheduler_address]
    assert main([*command, "--steps", "20:"]) == 0
    sent: list[dict[str, bytes]] = []

    def starting_points(chain: Chain, store: Store) -> dict[str, bytes]:
        sent.append(_starting_points(chain, store))
        return sent[-1]

    monkeypatch.setattr(cluster_module, "_starting_points", starting_points)
    assert main(command) == 0
    made = pictures(long_run, store)
    assert None not in made
    assert [list(points.values()) for points in sent] == [[made[20]], [made[50]]]
