"""The page of the results, docs/benchmarks.md: a section is between two marks, and its benchmark writes it anew."""

import os
import platform
import re
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def write(section: str, text: str, to: Path | None = None) -> None:
    """Put `text` between `<!-- section -->` and the next `<!-- end -->` of a page."""
    to = to or PAGE
    page = to.read_text("utf-8")
    marked = re.compile(rf"(<!-- {re.escape(section)} -->\n).*?(<!-- end -->)", re.DOTALL)
    to.write_text(marked.sub(lambda found: f"{found[1]}{text}\n{found[2]}", page), "utf-8")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """As Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows))


def machine(*packages: str) -> str:
    """The processor, and the versions of `packages`."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", info.read_text()) if info.exists() else []
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in packages)
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores, no GPU; {versions}"
