"""`tb-attnviz project`: the cache is full of what TensorBoard will ask for, whatever happened on the way."""

import dataclasses
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest

import tb_attnviz
from tb_attnviz.ahead import chain as chain_module
from tb_attnviz.ahead.chain import Chain
from tb_attnviz.ahead.local import in_process, in_workers
from tb_attnviz.cli import main
from tb_attnviz.events import DamagedFileWarning, RunWriter
from tb_attnviz.projection.pictures import Picture, Report, Store, View, make
from tb_attnviz.projection.projection import Projection
from tb_attnviz.projection.store import DIRECTORY_VARIABLE, LIMIT_VARIABLE, DiskStore
from tb_attnviz.run import open_run
from tests.conftest import PROBE, serving, wait_until, write_checkpoint

BIPLOT = Projection()
LINEAR = ("--projections", "biplot,pca", "--workers", "1")


def views(run_directory: Path, projection: Projection = BIPLOT) -> list[View]:
    """What the plugin asks for, layer by layer."""
    run = tb_attnviz.open_run(run_directory)
    return [View(run.layer_samples(layer), tuple(run.steps), projection) for layer in range(len(run.layers))]


def pictures(run_directory: Path, store: Store, projection: Projection = BIPLOT) -> list[bytes | None]:
    """What `store` has of every layer and step."""
    return [store.get(view.key(step)) for view in views(run_directory, projection) for step in view.steps]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_all_pictures_of_all_runs_below_a_directory(
    workers: str, run_directory: Path, store: DiskStore, capsys: pytest.CaptureFixture[str]
) -> None:
    second = RunWriter(str(run_directory.parent / "second"))
    second.write_probe(PROBE, step=0)
    write_checkpoint(second, 50)
    second.close()
    options = ["--projections", "pca,biplot", "--dims", "2,3", "--workers", workers]
    assert main(["project", str(run_directory.parent), *options]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == ["40 pictures of 2 runs", "40 pictures made; TensorBoard shows them at once"]
    assert all(line.endswith(" left") for line in err.splitlines()), "nothing but progress"
    for directory in (run_directory, run_directory.parent / "second"):
        for method in ("biplot", "pca"):
            for dims in (2, 3):
                found = pictures(directory, store, Projection(method=method, dims=dims))  # type: ignore[arg-type]
                assert None not in found
    (view, _) = views(run_directory)
    found_one = store.get(view.key(200))
    assert found_one is not None
    expected = tb_attnviz.open_run(run_directory).project("biplot", 0, 3)[2]
    np.testing.assert_array_equal(Picture.from_bytes(found_one).points[3], expected)


def test_one_run_some_steps_some_layers(
    run_directory: Path, store: DiskStore, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--projections", "biplot", "--workers", "1", "--steps", "0,300", "--layers", "1"]
    assert main(["project", str(run_directory), *options]) == 0
    assert "2 pictures of the run .\n" in capsys.readouterr().out
    there = [found is not None for found in pictures(run_directory, store)]
    assert there == [False] * 4 + [True, False, False, True]


def test_what_is_there_is_not_made_again(
    run_directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["project", str(run_directory), *LINEAR, "--steps", "newest"]) == 0
    made: list[int] = []

    def counting(view: View, step: int, store: Store, report: Report) -> Picture:
        made.append(step)
        return make(view, step, store, report)

    monkeypatch.setattr(chain_module, "make", counting)
    capsys.readouterr()
    assert main(["project", str(run_directory), *LINEAR]) == 0
    assert "16 pictures of the run ., 4 of them are there\n12 pictures made" in capsys.readouterr().out
    assert made == [200] * 4 + [100] * 4 + [0] * 4
    assert main(["project", str(run_directory), *LINEAR]) == 0
    assert len(made) == 12


def test_tensorboard_finds_every_picture(run_directory: Path, store: DiskStore) -> None:
    options = ["--projections", "pca", "--dims", "3", "--normalise", "canonical", "--workers", "1"]
    assert main(["project", str(run_directory.parent), *options]) == 0
    entries = sorted(store.directory.glob("??/*"))
    with serving(f"--logdir={run_directory.parent}") as address:
        for layer in (0, 1):
            for step in (0, 100, 200, 300):
                query = f"run=run&step={step}&layer={layer}&projection=pca&dims=3"
                with urllib.request.urlopen(f"{address}/data/plugin/attnviz/points?{query}", timeout=30) as answer:
                    assert answer.status == 200
    assert sorted(store.directory.glob("??/*")) == entries


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.full)])
def test_samples_that_are_damaged_or_gone_cost_their_step_alone(
    workers: str, run_directory: Path, store: DiskStore, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of layer 1 at step 100, and of both layers at 200; what is left is made as the plugin asks for it."""
    run = tb_attnviz.open_run(run_directory)
    file, location = run.layer_samples(1).locations[100]
    path = run_directory / "plugins" / "attnviz" / file
    data = bytearray(path.read_bytes())
    data[location.offset + location.length // 2] ^= 1
    path.write_bytes(data)
    path.with_name(run.checkpoint(200).file).unlink()
    assert main(["project", str(run_directory), "--projections", "biplot", "--workers", workers]) == 1
    out, err = capsys.readouterr()
    assert "5 pictures made" in out
    assert ".: step 100 is left out in layer 1: its samples are damaged (checksum of a record does not match)" in err
    assert ".: step 200 is left out: its samples are gone from the log directory" in err
    run.reload()
    with pytest.warns(DamagedFileWarning, match="step 100 cannot be read"):
        assert len(run.project("biplot", 1, 0)) == 2
    assert [run.steps_of(0), run.steps_of(1)] == [[0, 100, 300], [0, 300]]
    shown = [View(run.layer_samples(layer), tuple(run.steps_of(layer)), BIPLOT) for layer in (0, 1)]
    assert None not in [store.get(view.key(step)) for view in shown for step in view.steps]


def test_a_layer_of_which_no_step_can_be_read_costs_no_other_picture(
    run_directory: Path, store: DiskStore, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run_directory, run_directory.parent / "second")
    run = tb_attnviz.open_run(run_directory)
    for file, location in run.layer_samples(1).locations.values():
        path = run_directory / "plugins" / "attnviz" / file
        data = bytearray(path.read_bytes())
        data[location.offset + location.length // 2] ^= 1
        path.write_bytes(data)
    assert main(["project", str(run_directory.parent), "--projections", "biplot", "--workers", "1"]) == 1
    out, err = capsys.readouterr()
    assert "12 pictures made" in out
    for step in (0, 100, 200, 300):
        assert f"run: step {step} is left out in layer 1: its samples are damaged" in err


def test_a_run_whose_samples_cannot_be_read_at_all_costs_no_other_run(
    run_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run_directory, run_directory.parent / "second")
    for path in (run_directory / "plugins" / "attnviz").glob("samples-*"):
        path.unlink()
        path.mkdir()
    assert main(["project", str(run_directory.parent), "--projections", "biplot", "--workers", "1"]) == 1
    out, err = capsys.readouterr()
    assert "8 pictures made" in out
    assert "run: step 300 is left out" in err


@pytest.mark.parametrize("lost", ["damaged", "gone"])
def test_steps_that_are_asked_for_and_cannot_be_read_are_left_out_and_named(
    lost: str, run_directory: Path, store: DiskStore, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tb_attnviz.open_run(run_directory)
    for step in (100, 200):
        path = run_directory / "plugins" / "attnviz" / run.checkpoint(step).file
        path.write_bytes(bytes(path.stat().st_size)) if lost == "damaged" else path.unlink()
    command = ["project", str(run_directory), "--projections", "biplot", "--workers", "1", "--steps"]
    assert main([*command, "100,300"]) == 1
    out, err = capsys.readouterr()
    assert "2 pictures made" in out
    assert ".: step 100 is left out" in err
    assert main([*command, "100,200"]) == main([*command, "50:250"]) == 1
    first, second = [line for line in capsys.readouterr().err.splitlines() if "none of the steps" in line]
    assert first == second
    assert first.startswith("tb-attnviz: none of the steps that are asked for can be read: .: step 100 is left out")
    assert main([*command, "newest"]) == (lost == "damaged"), "frames do without them too"
    for file, _ in run.layer_samples(0).locations.values():
        (run_directory / "plugins" / "attnviz" / file).unlink(missing_ok=True)
    assert main([*command, "newest"]) == main([*command, "all"]) == 1
    assert capsys.readouterr().err.count("can be read") == 2


def test_samples_that_vanish_are_told_of(
    run_directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def vanish(directory: str) -> tb_attnviz.Run:
        run = open_run(directory)
        Path(directory, "plugins", "attnviz", run.layer_samples(0).locations[100][0]).unlink()
        return run

    monkeypatch.setattr("tb_attnviz.log_directory.open_run", vanish)
    assert main(["project", str(run_directory), "--projections", "biplot", "--workers", "1"]) == 1
    out, err = capsys.readouterr()
    assert "6 pictures made" in out
    assert ".: step 100 is left out: its samples are gone from the log directory" in err


@pytest.mark.parametrize("count", [1, 2])
def test_a_failure_is_named_and_the_rest_goes_on(run_directory: Path, store: DiskStore, count: int) -> None:
    """Of layer 1, whose samples are gone since they were looked for."""
    run = tb_attnviz.open_run(run_directory)
    nowhere = {step: ("samples-9-00.events", place) for step, (_, place) in run.layer_samples(1).locations.items()}
    sources = run.layer_samples(0), dataclasses.replace(run.layer_samples(1), locations=nowhere)
    chains = [Chain("run", layer, View(source, (0, 300), BIPLOT), (300, 0)) for layer, source in enumerate(sources)]
    outcomes = list(in_process(chains, store) if count == 1 else in_workers(chains, store, count))
    assert sorted((outcome.chain.layer, outcome.step) for outcome in outcomes) == [(0, 0), (0, 300), (1, 300)]
    [failed] = [outcome.error for outcome in outcomes if outcome.error]
    assert failed == "UnreadableStepError: step 300 cannot be read: its samples are gone from the log directory"


# The command, which waits after eight pictures until it is stopped, however fast or slow the machine is.
WAITING = """
import signal, sys, time
from tb_attnviz.ahead.progress import Progress
from tb_attnviz.cli import main

made, add = [], Progress.add

def waiting(progress):
    add(progress)
    made.append(progress)
    if len(made) == 8:
        time.sleep(120)

Progress.add = waiting
signal.signal(signal.SIGINT, signal.default_int_handler)  # what is started in the background does not hear Ctrl-C
sys.exit(main())
"""


def test_ctrl_c_stops_and_a_later_call_goes_on(
    embedded_run: Path, store: DiskStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each picture is two entries of the store, and there are a few more."""
    command = ["project", str(embedded_run), "--projections", "tsne"]
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING, *command, "--workers", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: len(list(store.directory.glob("??/*"))) > 12, seconds=180)  # niced: others come first
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    stopped = err.splitlines()[-1]
    left = re.fullmatch("stopped: ([0-9]+) pictures are left; the same command goes on from here", stopped)
    assert left
    assert 0 < int(left[1]) < 40
    assert main([*command, "--workers", "2"]) == 0
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path / "one"))
    assert main([*command, "--workers", "1"]) == 0
    run = tb_attnviz.open_run(embedded_run)
    for head in range(2):
        view = View(run.layer_samples(0), tuple(run.steps), Projection(method="tsne"), head)
        alone = [DiskStore(tmp_path / "one").get(view.key(step)) for step in run.steps]
        assert None not in alone
        assert [store.get(view.key(step)) for step in run.steps] == alone


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--run", "other"], "no run 'other' with recorded steps below '{directory}': ."),
        (["--steps", "7"], "no step 7: there are 4 steps, from 0 to 300"),
        (["--layers", "2"], "no layer 2: there are 2 layers, from 0 to 1"),
        (["--perplexity", "1"], "'perplexity' must lie between 2 and 500, not 1.0"),
    ],
)
def test_what_is_not_there(
    options: list[str], sentence: str, run_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["project", str(run_directory), *options]) == 1
    assert capsys.readouterr().err == f"tb-attnviz: {sentence.format(directory=run_directory)}\n"


def test_directories_without_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["project", str(tmp_path / "none")]) == 1
    assert "is no directory" in capsys.readouterr().err
    assert main(["project", str(tmp_path)]) == 1
    assert "no attention was recorded below" in capsys.readouterr().err


def test_a_cache_that_is_too_small_or_cannot_be_written(
    run_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, "20000")  # 4 steps × 10 heads × 36 points × 2 × 4 bytes = 11,520
    assert main(["project", str(run_directory), "--projections", "biplot", "--workers", "1"]) == 0
    assert main(["project", str(run_directory), *LINEAR]) == 1
    assert f"set {LIMIT_VARIABLE} to more bytes" in capsys.readouterr().err
    monkeypatch.delenv(LIMIT_VARIABLE)
    (tmp_path / "file").touch()
    monkeypatch.setenv("TB_ATTNVIZ_CACHE", str(tmp_path / "file"))
    assert main(["project", str(run_directory), *LINEAR]) == 1
    assert "nothing can be written to" in capsys.readouterr().err


def test_a_run_of_another_version_is_named_and_the_others_are_made(
    run_directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as newer_version:
        newer_version.setattr("tb_attnviz.events.documents.VERSION", 99)
        newer = RunWriter(str(run_directory.parent / "newer"))
        newer.write_probe(PROBE, step=0)
        newer.close()
    assert main(["project", str(run_directory.parent), *LINEAR]) == 1
    out, err = capsys.readouterr()
    assert "16 pictures made" in out
    assert err.splitlines()[-1].startswith("newer cannot be read: ")
    assert "could not be made" not in err, "all others were"
    assert main(["project", str(run_directory.parent / "newer"), *LINEAR]) == 1
    out, err = capsys.readouterr()
    assert out == "", "there was nothing to make"
    assert err.startswith(". cannot be read: ")
    assert err.count("\n") == 1
