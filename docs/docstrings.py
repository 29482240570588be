"""Docstrings as this project writes them, for mkdocstrings: a line `option: what it does` becomes an item of a list."""

import re
from typing import Any

from griffe import Extension, Object

_OPTION = re.compile(r"^(?P<names>\w+(?:, \w+)*)(?: (?P<shape>\[[^\]]*\]))?: (?=\S)")


class Options(Extension):
    """Rewrites the docstring of every object that is documented."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)


def as_markdown(docstring: str) -> str:
    """`docstring` with its options as a list; code, which is indented after an empty line, stays code.

    Indented lines after an option belong to it.
    """
    lines: list[str] = []
    within = False  # an option's text
    for line in docstring.splitlines():
        option = _OPTION.match(line)
        if option:
            if not within:
                lines.append("")
            names = ", ".join(f"`{name}`" for name in option["names"].split(", "))
            shape = f" {option['shape']}" if option["shape"] else ""
            lines.append(f"- {names}{shape}: {line[option.end() :]}")
        elif within and line and not line.startswith(" "):
            lines += ["", line]
        else:
            lines.append(line)
        within = bool(option) or (within and line.startswith(" "))
    return "\n".join(lines)
