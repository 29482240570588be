"""Writable: text as a file can hold it."""


def writable(text: str) -> str:
    """`text` with halves of surrogate pairs, which no file can hold, as they are written in Python: \\ud83d."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
