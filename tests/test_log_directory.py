"""The runs below a directory: those that TensorBoard finds there, and what may not be looked at is told."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer

import tb_attnviz
from tb_attnviz.cli import main
from tb_attnviz.events import DamagedFileWarning


@pytest.fixture
def links(run_directory: Path) -> Path:
    """A directory of links, one of which leads to a run."""
    links = run_directory.parent / "links"
    (links / "deep").mkdir(parents=True)
    (links / "deep" / "first").symlink_to(run_directory)
    (links / "nowhere").symlink_to("gone")
    return links


def inspected(directory: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(["inspect", str(directory), "--json"]) == 0
    return [run["run"] for run in json.loads(capsys.readouterr().out)["runs"]]


def test_links_are_followed_as_tensorboard_follows_them(links: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = list(EventMultiplexer().AddRunsFromDirectory(str(links)).Runs())
    assert inspected(links, capsys) == known == ["deep/first"]


def test_links_that_lead_back_are_followed_once(links: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """TensorBoard finds no end of them."""
    (links / "back").symlink_to("..")
    (links / "itself").symlink_to("itself")
    (links / "deep" / "round").symlink_to("..")
    assert inspected(links, capsys) == ["back/run", "deep/first"]


def test_a_folder_that_may_not_be_listed_is_told(
    links: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = os.scandir
    (links / "closed").mkdir()

    def refused(directory: str) -> Any:
        if str(directory).endswith("closed"):
            raise PermissionError(13, "Permission denied", directory)
        return listed(directory)

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.warns(DamagedFileWarning, match=r"closed cannot be listed \(Permission denied\)"):
        assert inspected(links, capsys) == ["deep/first"]
    for command in (["inspect"], ["project", "--projections", "pca"], ["export", "-o", str(links / "page.html")]):
        assert main([*command, str(links / "closed")]) == 1
        assert "Permission denied" in capsys.readouterr().err


def test_samples_that_are_cut_off_are_told_without_reading_them(
    run_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = tb_attnviz.open_run(run_directory).checkpoint(200)
    os.truncate(run_directory / "plugins" / "attnviz" / checkpoint.file, checkpoint.locations[1].offset + 9)
    assert main(["inspect", str(run_directory)]) == 0
    at = f"{checkpoint.locations[1].offset + 9:,}"
    assert f"step 200 is left out in layer 1: its samples are cut off at byte {at}" in capsys.readouterr().out
