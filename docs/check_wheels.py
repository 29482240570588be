"""Whether everything that the package needs comes as a wheel, on every platform and Python that it supports.

pip install uv && python docs/check_wheels.py --write     (asks PyPI, installs nothing; about a minute)

uv resolves the requirements of pyproject.toml for the other platform, wheels alone, and reads conditions such as
`sys_platform == "win32"` as they are there.
"""

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "platforms.md"
PLATFORMS = {
    "Linux x86-64": "x86_64-manylinux_2_28",
    "Linux arm64": "aarch64-manylinux_2_28",
    "macOS arm64": "aarch64-apple-darwin",
    "macOS x86-64": "x86_64-apple-darwin",
    "Windows x86-64": "x86_64-pc-windows-msvc",
}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
OLDEST_MACOS = {"MACOSX_DEPLOYMENT_TARGET": "14.0"}  # as of the system that torch's newest wheels need
SETS = ("", "projections", "torch")  # the package alone, and with an extra
MISSING = re.compile(r"([\w.-]+)\S* (?:has|have) no (?:usable )?wheels")


def requirements(extra: str) -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], *(project["optional-dependencies"][extra] if extra else ())]


def resolve(platform: str, python: str, extra: str) -> str | None:
    """What has no wheel there; None where everything has one."""
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", "-", "--quiet", "--no-header", "--only-binary=:all:"),
        *("--prerelease=disallow", f"--python-platform={PLATFORMS[platform]}", f"--python-version={python}"),
    ]
    asked = "\n".join(requirements(extra))
    done = subprocess.run(
        command, input=asked, capture_output=True, text=True, check=False, env={**os.environ, **OLDEST_MACOS}
    )
    if done.returncode == 0:
        return None
    said = " ".join(done.stderr.split())
    found = MISSING.search(said)
    if found is None:
        raise SystemExit(f"{platform}, Python {python}: {said}")
    return found[1]


def table(extra: str) -> list[str]:
    name = f"`tb-attnviz[{extra}]`" if extra else "`tb-attnviz`"
    rows = [
        f"| {platform} | {' | '.join(resolve(platform, python, extra) or 'wheels' for python in PYTHONS)} |"
        for platform in PLATFORMS
    ]
    return [f"| {name} | {' | '.join(PYTHONS)} |", "|---|" + "---|" * len(PYTHONS), *rows, ""]


def main() -> None:
    parser = argparse.ArgumentParser(description="Which requirements have no wheel, by platform and Python.")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE.relative_to(ROOT)}")
    given = parser.parse_args()
    if importlib.util.find_spec("uv") is None:
        raise SystemExit("this needs uv: pip install uv")
    text = "\n".join(line for extra in SETS for line in table(extra))
    print(text)
    if given.write:
        head, _, rest = PAGE.read_text().partition("<!-- wheels -->\n")
        _, _, tail = rest.partition("<!-- /wheels -->\n")
        PAGE.write_text(f"{head}<!-- wheels -->\n{text}<!-- /wheels -->\n{tail}")


if __name__ == "__main__":
    main()
