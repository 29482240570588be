"""A file of texts, one a line, as probes are made of."""

import os
from pathlib import Path


def read_texts(path: str | os.PathLike[str]) -> list[str]:
    """The lines that are not empty. Raises ValueError where there are none, or no such file; it says what to give."""
    try:
        lines = Path(path).expanduser().read_text("utf-8-sig").split("\n")  # splitlines cuts within a text
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ValueError(
            f"the texts cannot be read from {str(path)!r} ({reason}): give a text file, one text a line"
        ) from error
    texts = [line.strip() for line in lines if line.strip()]
    if not texts:
        raise ValueError(f"{str(path)!r} holds no text: give one text a line")
    return texts
