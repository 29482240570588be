"""The wheel: packages and front end in it, none without the bundle. The source distribution: all of the project.

The editable install beside them, and the page that an index shows.
"""

import json
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


MADE = (".*", "__pycache__", "*.egg-info", "build", "dist", "node_modules", "runs", "static")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The source tree as a clone, or an unpacked source distribution, has it."""
    return Path(shutil.copytree(ROOT, tmp_path / "source", ignore=made_here))


def made_here(folder: str, names: list[str]) -> set[str]:
    """Those of `names` that a clone does not have: what is built, and the links of an editable install."""
    return shutil.ignore_patterns(*MADE)(folder, names) | {name for name in names if Path(folder, name).is_symlink()}


def build_wheel(source: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", "wheels", "."]
    return subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)


def replace_front_end(source: Path, *, build: str) -> None:
    """A front end of nothing, which is built in no time."""
    shutil.rmtree(source / "frontend")
    (source / "frontend").mkdir()
    package = {"name": "empty", "version": "0.0.0"}
    (source / "frontend" / "package.json").write_text(json.dumps(package | {"scripts": {"build": build}}))
    lock = package | {"lockfileVersion": 3, "packages": {"": {"name": "empty"}}}
    (source / "frontend" / "package-lock.json").write_text(json.dumps(lock))


@pytest.mark.parametrize("front_end", [pytest.param("ours", marks=pytest.mark.full), "another"])
def test_a_wheel_holds_the_packages_and_the_front_end(source: Path, front_end: str) -> None:
    if front_end == "another":
        made = "for file in index.js licences.md; do echo 'render ## svelte - ' > ../tb_attnviz/static/$file; done"
        replace_front_end(source, build=f"mkdir -p ../tb_attnviz/static && {made}")
    built = build_wheel(source)
    assert built.returncode == 0, built.stdout + built.stderr
    [wheel] = (source / "wheels").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert b"render" in archive.read("tb_attnviz/static/index.js")
        [entry_points] = [name for name in names if name.endswith("entry_points.txt")]
        assert b"attnviz = tb_attnviz.plugin.loader:AttnVizLoader" in archive.read(entry_points)
        assert b"tb-attnviz = tb_attnviz.cli:main" in archive.read(entry_points)
        assert b"## svelte - " in archive.read("tb_attnviz/static/licences.md")  # of what is bundled
    assert {f"tb_attnviz/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "callbacks").rglob("*.py")} <= names
    read = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tb_attnviz").rglob("*.py")
        if "callbacks" not in path.parts
    ]
    assert set(read) <= names


def test_no_wheel_without_the_bundle(source: Path) -> None:
    replace_front_end(source, build="node --version")
    built = build_wheel(source)
    assert built.returncode != 0
    assert "the front end was built, but" in built.stdout + built.stderr
    assert not list((source / "wheels").glob("*.whl"))


def test_a_source_distribution_is_the_whole_project(source: Path) -> None:
    command = [sys.executable, "setup.py", "--quiet", "sdist"]
    built = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    [path] = (source / "dist").glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    folders = ["benchmarks", "callbacks", "demo", "docs", "frontend", "tb_attnviz", "tests"]
    expected = [
        path.relative_to(source).as_posix()
        for path in (file for folder in folders for file in (source / folder).rglob("*"))
        if path.is_file()
    ]
    assert {*expected, "Makefile", "constraints.txt", "LICENSE", "SECURITY.md", "CITATION.cff"} <= names


def page_of(source: Path) -> str:
    """The description that an index of packages shows."""
    command = [sys.executable, "setup.py", "--quiet", "egg_info"]
    subprocess.run(command, cwd=source, capture_output=True, check=True)
    [path] = source.glob("*.egg-info/PKG-INFO")
    return str(Parser().parsestr(path.read_text()).get_payload())


LINK = re.compile(r"\]\(([^)\s]+)\)")


def test_the_page_on_an_index_has_no_link_that_leads_nowhere(source: Path) -> None:
    readme = (source / "README.md").read_text()
    page = page_of(source)
    assert any("://" not in target for target in LINK.findall(readme))
    assert all(target.startswith("https://") for target in LINK.findall(page))
    assert "docs/tour.md goes through all of it" in page  # its text stays


def test_links_of_the_page_become_absolute_with_the_repositorys_address(source: Path) -> None:
    configuration = source / "pyproject.toml"
    address = '[project.urls]\nRepository = "https://example.org/us/ours"\n\n[project.scripts]'
    configuration.write_text(configuration.read_text().replace("[project.scripts]", address))
    targets = LINK.findall(page_of(source))
    assert "https://example.org/us/ours/blob/main/docs/tour.md" in targets
    assert "https://example.org/us/ours/raw/main/docs/images/tab-explained.png" in targets
    assert all(target.startswith("https://") for target in targets)


USERS_CODE = """
from pathlib import Path

from tb_attnviz.callbacks import Every, Probe
from tb_attnviz.callbacks.huggingface import AttnVizCallback
from tb_attnviz.callbacks.capture import Recording


def callback(probe: Probe, directory: Path) -> AttnVizCallback:
    return AttnVizCallback(probe, logdir=directory, every=Every(100))


def names(recording: Recording) -> list[str]:
    return [layer.name for layer in recording.layers]
"""


@pytest.mark.first
def test_a_type_checker_sees_an_editable_install_as_it_sees_the_wheel(source: Path, tmp_path: Path) -> None:
    replace_front_end(source, build="mkdir -p ../tb_attnviz/static && touch ../tb_attnviz/static/index.js")
    python = temporary_environment(tmp_path / "environment")
    install = ["--python", python, "install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", source]
    subprocess.run([sys.executable, "-m", "pip", *install], capture_output=True, check=True)

    # A file that comes later is there without installing again.
    (source / "callbacks" / "later.py").write_text("number: int = 1\n")
    later = "from tb_attnviz.callbacks.later import number\n\nprint(number)\n"
    wrong = USERS_CODE.replace("layer.name", "layer.nome")
    told = type_check(python, tmp_path, users_code=USERS_CODE, wrong=wrong, later=later)
    [error, summary] = told.splitlines()
    assert error.startswith("wrong.py:")
    assert '"Layer" has no attribute "nome"' in error
    assert summary == "Found 1 error in 1 file (checked 3 source files)"
    ran = subprocess.run([python, tmp_path / "later.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout == "1\n"


def temporary_environment(directory: Path) -> Path:
    """Its Python; it has the packages of this one, but for those that are installed as editable."""
    venv.create(directory, symlinks=True)
    [packages] = directory.glob("lib/*/site-packages")
    installed = [entry for entry in sys.path if Path(entry).name == "site-packages"]
    (packages / "installed.pth").write_text("\n".join(installed))
    return directory / "bin" / "python"


def type_check(python: Path, directory: Path, **codes: str) -> str:
    """What mypy says of modules of these names; it is spared the thousands of modules of other packages."""
    for name, code in codes.items():
        (directory / f"{name}.py").write_text(code)
    skipped = ("PIL", "dask", "distributed", "numpy", "tensorboard", "tokenizers", "torch", "transformers")
    rules = "follow_imports = skip\nfollow_imports_for_stubs = true"
    others = "\n".join(f"[mypy-{name}.*]\n{rules}" for name in skipped)
    (directory / "mypy.ini").write_text(f"[mypy]\nstrict = true\n{others}\n")
    command = [sys.executable, "-m", "mypy", "--python-executable", python, *(f"{name}.py" for name in codes)]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False).stdout.strip()


def test_the_oldest_versions_that_are_tried_are_those_that_are_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    tried = dict(line.split("==") for line in (ROOT / "oldest.txt").read_text().splitlines() if line[0] != "#")
    extras = ("projections", "torch", "transformers", "lightning")
    used = [*project["dependencies"], *(line for name in extras for line in project["optional-dependencies"][name])]
    lowest = dict(line.split(">=") for line in used if not line.startswith("tb-attnviz"))
    assert tried.keys() == lowest.keys()
    for name, version in tried.items():
        assert f"{version}.".startswith(f"{lowest[name]}."), name


def test_every_package_that_make_installs_has_one_version() -> None:
    """Else pip looks for versions that go together, and finds none as newer ones come out."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    named = {canonicalize_name(Requirement(text).name) for texts in extras.values() for text in texts}
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    held = [canonicalize_name(line.partition("==")[0]) for line in lines if "==" in line]
    assert len(held) == len({*held})
    assert named - {*held} == {"tb-attnviz"}
