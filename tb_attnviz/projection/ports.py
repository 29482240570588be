"""What making a picture needs from its surroundings: a place for results, and somebody to tell how far it has come."""

from typing import Protocol


class Store(Protocol):
    """Where results are kept, by key: on disk for all processes, or nowhere."""

    def get(self, key: str) -> bytes | None: ...
    def put(self, key: str, value: bytes) -> None: ...


class Report(Protocol):
    """Told how far a task has come, in pieces of its own choosing; may raise to have it stopped."""

    def __call__(self, done: int, total: int) -> None: ...


def unreported(done: int, total: int) -> None:
    """A Report that nobody is told."""


class MemoryStore:
    """A Store that lasts as long as it is held: what one picture needs of another is not made twice."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self._values.get(key)

    def put(self, key: str, value: bytes) -> None:
        self._values[key] = value
