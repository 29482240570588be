"""Where a page is written to: all of it or nothing, and nothing but a file."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest

from tb_attnviz.cli import main
from tb_attnviz.events import Image, ProbeRecord, RunWriter
from tb_attnviz.export import contents, document
from tb_attnviz.projection.source import UnreadableStepError
from tests.conftest import LAYERS, PROBE, make_png, write_checkpoint
from tests.export.pages import PageReader


@pytest.fixture(autouse=True)
def _program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No front end."""
    (tmp_path / "index.js").touch()
    monkeypatch.setattr(document, "_BUNDLE", tmp_path / "index.js")


def export(directory: Path, page: Path) -> int:
    few = ["--detail", "none", "--steps", "newest", "--without", "figures,comparisons", "--workers", "1"]
    return main(["export", str(directory), "-o", str(page), *few])


def test_where_no_page_can_be_written_is_said(run_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(run_directory), "-o", str(run_directory.parent)]) == 1
    said = capsys.readouterr().err
    assert f"{str(run_directory.parent)!r} is a directory: name a file, such as" in said


def test_a_disk_that_gets_full_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    def fill() -> None:
        with document.Page(tmp_path / "page.html", "t", {}, most_bytes=10**9) as page:
            page._file.close()
            page._file = open("/dev/full", "wb", buffering=0)  # type: ignore[assignment]  # noqa: SIM115
            page.add("points", b"1" * 100)

    with pytest.raises(document.ExportError, match=r"page\.html' cannot be written: No space left on device"):
        fill()
    assert [one.name for one in tmp_path.iterdir()] == ["index.js"]


def test_a_page_that_grows_too_heavy_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("the page before")
    with (
        pytest.raises(document.ExportError, match="grown past"),
        document.Page(path, "title", {}, most_bytes=1000) as page,
    ):
        page.add("noise", np.random.default_rng(0).bytes(2000))
    assert path.read_text() == "the page before"
    assert [one.name for one in tmp_path.iterdir()] == ["index.js", "page.html"]


def test_only_a_file_is_written_over(run_directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "device").symlink_to("/dev/null")
    for name in ("fifo", "device"):
        assert export(run_directory, tmp_path / name) == 1
        assert "is no file, and a page cannot take its place" in capsys.readouterr().err
    assert (tmp_path / "fifo").is_fifo()
    assert Path("/dev/null").is_char_device()
    (tmp_path / "link").symlink_to("page.html")
    assert export(run_directory, tmp_path / "link") == 0
    assert (tmp_path / "link").readlink() == Path("page.html")
    assert PageReader(tmp_path / "page.html").index["title"] == "run"


def test_a_run_whose_name_is_no_text(run_directory: Path, tmp_path: Path) -> None:
    named = run_directory.rename(os.fsdecode(os.fsencode(tmp_path / "run ") + b"\xff"))
    assert export(named, tmp_path / "page.html") == 0
    assert PageReader(tmp_path / "page.html").index["run"]["steps"] == [300]


def test_samples_that_are_thinned_meanwhile_are_told(
    run_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(*_: object) -> None:
        raise UnreadableStepError("run", 300, ("samples", None), "its samples are gone from the log directory")

    monkeypatch.setattr(contents, "points", gone)
    assert export(run_directory, tmp_path / "page.html") == 1
    assert "step 300 cannot be read: its samples are gone from the log directory: choose" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


def test_an_image_that_is_damaged_can_be_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, png = make_png(8, 4)
    shown = dataclasses.replace(PROBE.sequences[0], image=Image(name, 8, 4))
    writer = RunWriter(str(tmp_path / "run"))
    writer.begin(0, ProbeRecord((shown, *PROBE.sequences[1:])), LAYERS, images={name: png[:-1]})
    write_checkpoint(writer, 0)
    writer.close()
    assert export(tmp_path / "run", tmp_path / "page.html") == 1
    assert f"{name} is damaged, or another image" in (said := capsys.readouterr().err)
    assert "try --without images" in said
