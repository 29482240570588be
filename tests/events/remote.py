"""A file system of fsspec in memory, one request in ten of which fails, as on an object store; each one is counted."""

import itertools
from typing import Any, ClassVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem


class ThrottledError(Exception):
    """As stores raise them: no OSError."""


class FlakyFileSystem(MemoryFileSystem):
    protocol = "flaky"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    asked: ClassVar[list[str]] = []
    failing: ClassVar[int] = 10  # each so-manieth request; 1: the store is not there
    _numbers: ClassVar[Any] = itertools.count(1)

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        return super()._strip_protocol(str(path).replace("flaky://", "memory://"))

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if next(FlakyFileSystem._numbers) % self.failing == 0:
            raise ThrottledError("please reduce your request rate")

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> Any:
        self._ask("ls")
        return super().ls(path, detail=detail, **kwargs)

    def info(self, path: str, **kwargs: Any) -> Any:
        self._ask("info")
        return super().info(path, **kwargs)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any) -> Any:
        self._ask("cat_file")
        return super().cat_file(path, start=start, end=end, **kwargs)

    def pipe_file(self, path: str, value: bytes, **kwargs: Any) -> Any:
        self._ask("pipe_file")
        return super().pipe_file(path, value, **kwargs)

    def put_file(self, lpath: str, rpath: str, **kwargs: Any) -> Any:
        self._ask("put_file")
        with open(lpath, "rb") as file:
            return super().pipe_file(rpath, file.read())

    def rm_file(self, path: str) -> None:
        self._ask("rm_file")
        super().rm_file(path)


fsspec.register_implementation("flaky", FlakyFileSystem, clobber=True)
