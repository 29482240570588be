"""Names in documents reach files of ours, below the run, and nothing else."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tb_attnviz
from tb_attnviz.cli import main
from tb_attnviz.entries import run_entry
from tb_attnviz.events import FormatError, Image, RunWriter, SamplesLocation, read_image, read_samples, samples_checksum
from tb_attnviz.events.files import NotRegularError, open_regular
from tb_attnviz.events.image_files import write_images
from tb_attnviz.events.own_files import open_own
from tests.conftest import LAYERS, PROBE, make_png, write_checkpoint

NAME = "samples-000000000-00ff.events"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with one samples file, beside a file that is none of its business."""
    folder = tmp_path / "run" / "plugins" / "attnviz"
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(b"samples")
    (tmp_path / "secret").write_bytes(b"secret")
    return tmp_path / "run"


def test_a_file_of_ours(run: Path) -> None:
    with open_own(str(run), NAME) as file:
        assert file.read() == b"samples"


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "/etc/passwd",
        "../../../secret",
        "..\\..\\..\\secret",
        "secret",
        f"./{NAME}",
        f"../attnviz/{NAME}",
        f"x/../{NAME}",
        f"{NAME}/",
        f"{NAME}\0",
        f"{NAME}\n",
        f" {NAME}",
        "samples-0-../../secret.events",
        "samples-٣-00.events",  # a digit, but not one of ours
        "image-0123456789abcdef.png/../x",
        "image-0123456789ABCDEF.png",
        "image-0123456789abcdef.svg",
        "samples-0-00.events\r",
        "s" * 100_000,
    ],
)
def test_other_names_are_refused(run: Path, name: str) -> None:
    with pytest.raises(FormatError, match="is not the name of a file of this run") as refused:
        open_own(str(run), name)
    assert len(str(refused.value)) < 200
    with pytest.raises(FormatError):
        read_samples(str(run), name, SamplesLocation(0, 100))
    with pytest.raises(FormatError):
        samples_checksum(str(run), name, SamplesLocation(0, 100))
    with pytest.raises(FormatError):
        read_image(str(run), Image(name, 8, 8))


def test_links_out_of_the_run_are_refused(run: Path) -> None:
    link = run / "plugins" / "attnviz" / "samples-1-00.events"
    for target in (run.parent / "secret", Path("../../../secret"), Path("/dev/zero"), Path("/proc/self/environ")):
        link.symlink_to(target)
        with pytest.raises(FormatError, match="is a link that leads out of the run"):
            open_own(str(run), link.name)
        link.unlink()
    link.symlink_to(NAME)  # a link within the run is as good as the file
    with open_own(str(run), link.name) as file:
        assert file.read() == b"samples"


@pytest.mark.parametrize("folder", ["plugins", "plugins/attnviz"])
def test_a_folder_that_is_a_link_out_of_the_run_is_refused(run: Path, folder: str) -> None:
    elsewhere = run.parent / "elsewhere"
    (run / folder).rename(elsewhere)
    (run / folder).symlink_to(elsewhere)
    with pytest.raises(FormatError, match="is a link that leads out of the run"):
        open_own(str(run), NAME)


def test_the_run_itself_may_be_a_link(run: Path) -> None:
    (run.parent / "link").symlink_to(run)
    with open_own(str(run.parent / "link"), NAME) as file:
        assert file.read() == b"samples"


def test_what_is_no_file_is_refused_at_once(run: Path) -> None:
    folder = run / "plugins" / "attnviz"
    os.mkfifo(folder / "samples-1-00.events")  # to open it would wait for a writer
    (folder / "samples-2-00.events").mkdir()
    for name, kind in (("samples-1-00.events", "a fifo"), ("samples-2-00.events", "a directory")):
        with pytest.raises(FormatError, match=f"{name} is {kind}: it is not read"):
            open_own(str(run), name)
    (folder / "samples-3-00.events").symlink_to("samples-3-00.events")
    with pytest.raises(FormatError, match="is no regular file: it is not read"):
        open_own(str(run), "samples-3-00.events")


def test_what_is_no_file_is_not_even_opened(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There are devices that begin to act then: a watchdog."""
    (run / "device").symlink_to("/dev/zero")
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("it was opened"))
    with pytest.raises(NotRegularError, match="a device"):
        open_regular(str(run / "device"))


def test_a_file_that_is_gone_is_told_from_one_that_is_refused(run: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_own(str(run), "samples-9-00.events")


@pytest.mark.parametrize(("offset", "length"), [(0, 10**18), (2**62, 2**62), (3, 5), (7, 1), (-1, 3), (0, -1)])
def test_places_beyond_the_file_are_refused_before_anything_is_read(run: Path, offset: int, length: int) -> None:
    with pytest.raises(ValueError, match=r"are beyond the file's 7|cut short"):
        read_samples(str(run), NAME, SamplesLocation(offset, length))


def test_a_picture_of_another_run_is_not_reached_by_its_name(run: Path) -> None:
    name, png = make_png(8, 8)
    (run.parent / name).write_bytes(png)
    with pytest.raises(FileNotFoundError):
        read_image(str(run), Image(name, 8, 8))
    (run / "plugins" / "attnviz" / name).symlink_to(run.parent / name)
    with pytest.raises(FormatError, match="leads out of the run"):
        read_image(str(run), Image(name, 8, 8))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no fifos on this system")
def test_images_are_written_through_no_link_and_no_fifo(run: Path) -> None:
    folder = run / "plugins" / "attnviz"
    there, nowhere, fifo = (make_png(8, 8, shade=shade) for shade in (1, 2, 3))
    (folder / there[0]).symlink_to(run.parent / "secret")
    (folder / nowhere[0]).symlink_to(run.parent / "made")
    os.mkfifo(folder / fifo[0])
    write_images(str(folder), dict((there, nowhere, fifo)))
    assert (run.parent / "secret").read_bytes() == b"secret"
    assert not (run.parent / "made").exists()
    for name, png in (there, nowhere, fifo):
        assert (folder / name).read_bytes() == png


@pytest.mark.parametrize(
    "folder", ["plugins", "plugins/attnviz", "plugins/attnviz-figures", "plugins/attnviz-figures/maps"]
)
def test_a_folder_that_leads_out_of_the_run_is_not_recorded_into(tmp_path: Path, folder: str) -> None:
    link = tmp_path / "run" / folder
    link.parent.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"leads out of the run, to '.*elsewhere.*make the whole log directory the link"):
        RunWriter(str(tmp_path / "run"))
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_run_that_is_a_link_itself_and_folders_linked_within_it_are_recorded_and_read(tmp_path: Path) -> None:
    (tmp_path / "disk" / "samples").mkdir(parents=True)
    (tmp_path / "disk" / "plugins").mkdir()
    (tmp_path / "disk" / "plugins" / "attnviz").symlink_to("../samples")
    (tmp_path / "run").symlink_to(tmp_path / "disk")
    writer = RunWriter(str(tmp_path / "run"))
    writer.begin(0, PROBE, LAYERS)
    write_checkpoint(writer, 0)
    writer.close()
    run = tb_attnviz.open_run(tmp_path / "run")
    assert run.samples(0, 1).queries.shape == (6, 18, 8)
    assert (run.missing_steps, run.damaged) == ([], [])


@pytest.mark.parametrize(
    "folder", ["plugins", "plugins/attnviz", "plugins/attnviz-figures", "plugins/attnviz-figures/maps"]
)
def test_a_folder_that_is_a_link_to_itself_is_one_that_is_not_there(run_directory: Path, folder: str) -> None:
    link = run_directory / folder
    shutil.rmtree(link, ignore_errors=True)
    link.symlink_to(link.name)
    run = tb_attnviz.open_run(run_directory)
    assert (run.steps == []) == (folder in ("plugins", "plugins/attnviz"))
    assert run_entry("run", run)["damaged"] == run.damaged
    assert main(["inspect", str(run_directory)]) == 0


def test_inspect_passes_over_links_that_lead_nowhere(run_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run_directory / "plugins" / "attnviz" / NAME).symlink_to("nowhere")
    assert main(["inspect", str(run_directory)]) == 0
    assert "steps   4" in capsys.readouterr().out


@pytest.mark.parametrize("folder", ["plugins/attnviz", "plugins/attnviz-figures"])
def test_a_folder_that_may_not_be_listed(run_directory: Path, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    for name in ("listdir", "scandir"):
        listed = getattr(os, name)

        def refused(directory: str, listed: Callable[[str], Any] = listed) -> Any:
            if str(directory).endswith(folder):
                raise PermissionError(13, "Permission denied", directory)
            return listed(directory)

        monkeypatch.setattr(os, name, refused)
    run = tb_attnviz.open_run(run_directory)
    assert run.steps == [0, 100, 200, 300]
    assert run.damaged == (
        ["figures-000001.events is missing, empty or damaged: its figures are left out"] if "figures" in folder else []
    )


def test_figures_that_cannot_be_read_are_not_told_to_be_missing(run_directory: Path) -> None:
    path = run_directory / "plugins" / "attnviz-figures" / "figures-000001.events"
    path.unlink()
    path.mkdir()
    assert tb_attnviz.open_run(run_directory).damaged == ["figures-000001.events cannot be read: a directory"]
