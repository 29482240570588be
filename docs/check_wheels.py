"""Whether everything that the package needs comes as a wheel, on every platform and Python that it supports.

python docs/check_wheels.py --write     (asks PyPI, installs nothing; some minutes)

pip resolves the requirements of pyproject.toml for the other platform, wheels alone. It reads conditions such as
`sys_platform == "win32"` with this machine's own values, so that packages for one platform alone are not looked at.
"""

import argparse
import concurrent.futures
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "platforms.md"
PLATFORMS = {
    "Linux x86-64": [f"manylinux_2_{minor}_x86_64" for minor in (28, 27, 26, 24, 17)] + ["manylinux2014_x86_64"],
    "Linux arm64": [f"manylinux_2_{minor}_aarch64" for minor in (31, 28, 27, 26, 24, 17)] + ["manylinux2014_aarch64"],
    "macOS arm64": [f"macosx_{major}_0_{chip}" for major in (14, 13, 12, 11) for chip in ("arm64", "universal2")],
    "Windows x86-64": ["win_amd64"],
}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SETS = ("projections", "torch")  # extras; the first with all that the package itself needs
WITHOUT_DEPENDENCIES = {"torch"}  # torch's own are for one platform alone
MISSING = re.compile(r"No matching distribution found for ([\w.-]+)|depend on|conflict")


def requirements(extra: str) -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed: list[str] = project["optional-dependencies"][extra]
    return needed if extra in WITHOUT_DEPENDENCIES else [*project["dependencies"], *needed]


def resolve(platform: str, python: str, extra: str) -> str | None:
    """What has no wheel there; None where everything has one."""
    with tempfile.TemporaryDirectory() as nowhere:
        command = [
            *(sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--only-binary=:all:"),
            *(f"--platform={tag}" for tag in PLATFORMS[platform]),
            *(f"--python-version={python}", "--implementation=cp", f"--target={nowhere}", "--quiet"),
            *(["--no-deps"] if extra in WITHOUT_DEPENDENCIES else []),
            *requirements(extra),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    found = MISSING.search(done.stderr)
    return (found[1] if found else None) or done.stderr.strip().splitlines()[-1]


def table(extra: str) -> list[str]:
    asked = [(platform, python) for platform in PLATFORMS for python in PYTHONS]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        answers = dict(zip(asked, pool.map(lambda one: resolve(*one, extra), asked), strict=True))
    named = f"`[{extra}]`'s own" if extra in WITHOUT_DEPENDENCIES else f"`tb-attnviz[{extra}]`"
    rows = [
        f"| {platform} | {' | '.join(answers[platform, python] or 'wheels' for python in PYTHONS)} |"
        for platform in PLATFORMS
    ]
    return [f"| {named} | {' | '.join(PYTHONS)} |", "|---|" + "---|" * len(PYTHONS), *rows, ""]


def main() -> None:
    parser = argparse.ArgumentParser(description="Which requirements have no wheel, by platform and Python.")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE.relative_to(ROOT)}")
    given = parser.parse_args()
    text = "\n".join(line for extra in SETS for line in table(extra))
    print(text)
    if given.write:
        head, _, rest = PAGE.read_text().partition("<!-- wheels -->\n")
        _, _, tail = rest.partition("<!-- /wheels -->\n")
        PAGE.write_text(f"{head}<!-- wheels -->\n{text}<!-- /wheels -->\n{tail}")


if __name__ == "__main__":
    main()
