"""What is printed for people: the one place where text of a run, or of anybody else, is made fit for a terminal.

Names in a run's files may hold codes that a terminal acts on (it could be made to clear its screen, change its title
or show another text than the one that is there), line ends, and letters that change the direction of writing.
"""

import sys
import traceback
from typing import TextIO


def plain(text: object) -> str:
    """`text` in one line, with nothing in it that a terminal acts on: such letters are spelled as Python does."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def show(*lines: object, file: TextIO | None = None) -> None:
    """Print lines, each made plain, at once; letters that `file` does not have are spelled, too."""
    out = file or sys.stdout
    text, encoding = "".join(f"{plain(line)}\n" for line in lines), out.encoding or "utf-8"
    out.write(text.encode(encoding, "backslashreplace").decode(encoding))
    out.flush()


def plain_traceback(error: BaseException) -> str:
    """How `error` came about, for a log: many lines, each plain."""
    lines = "".join(traceback.format_exception(error)).splitlines()
    return "\n".join(map(plain, lines))
