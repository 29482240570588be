"""The wheel: both sides' packages and the front end in it, and none without the bundle."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The source tree as a clone has it."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        target = tmp_path / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    return tmp_path / "source"


def build_wheel(source: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", "wheels", "."]
    return subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)


def test_a_wheel_holds_the_packages_and_the_front_end(source: Path) -> None:
    built = build_wheel(source)
    assert built.returncode == 0, built.stdout + built.stderr
    [wheel] = (source / "wheels").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert b"render" in archive.read("tb_attnviz/static/index.js")
        [entry_points] = [name for name in names if name.endswith("entry_points.txt")]
        assert b"attnviz = tb_attnviz.plugin.loader:AttnVizLoader" in archive.read(entry_points)
        assert b"tb-attnviz = tb_attnviz.cli:main" in archive.read(entry_points)
    assert {f"tb_attnviz/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "callbacks").rglob("*.py")} <= names
    read = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tb_attnviz").rglob("*.py")
        if "callbacks" not in path.parts
    ]
    assert set(read) <= names


def test_no_wheel_without_the_bundle(source: Path) -> None:
    shutil.rmtree(source / "frontend")
    (source / "frontend").mkdir()
    package = '{"name": "empty", "version": "0.0.0", "scripts": {"build": "node --version"}}'
    lock = '{"name": "empty", "version": "0.0.0", "lockfileVersion": 3, "packages": {"": {"name": "empty"}}}'
    (source / "frontend" / "package.json").write_text(package)
    (source / "frontend" / "package-lock.json").write_text(lock)
    built = build_wheel(source)
    assert built.returncode != 0
    assert "the front end was built, but" in built.stdout + built.stderr
    assert not list((source / "wheels").glob("*.whl"))
