"""What a killed process left in the temporary directory is removed by the next one, and nothing else is."""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tb_attnviz import temporary

pytest.importorskip("fcntl", reason="Windows has no such locks")

HOLD = """
import sys, tempfile, time
tempfile.tempdir = sys.argv[1]
from tb_attnviz.temporary import temporary_directory, temporary_file
made = temporary_directory(), temporary_file()
open(made[0].name + "/progress", "w").close()
print(made[0].name, made[1].name, flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(temporary, "_YOUNG_SECONDS", 0.0)


@pytest.mark.parametrize("make", [temporary.temporary_directory, temporary.temporary_file])
def test_what_is_in_use_stays_until_its_process_was_killed(tmp_path: Path, make: Callable[[], object]) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        held = [Path(name) for name in process.stdout.readline().split()]
        first = make()
        assert [path.exists() for path in held] == [True, True]
        process.kill()
    second = make()
    assert [path.exists() for path in held] == [False, False]
    assert len(list(tmp_path.iterdir())) == 2  # those of this process
    del first, second


def test_what_is_of_others_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "attnviz-notes").mkdir()  # no lock in it
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "attnviz-link").symlink_to(tmp_path / "precious")
    (tmp_path / "other").write_text("")
    with temporary.temporary_directory():
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["attnviz-link", "attnviz-notes", "other", "precious"]
