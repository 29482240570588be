"""LeftOut: the samples of a run that cannot be read, and why: they cost their own step, or layer of it, alone."""

import os
import time
from collections.abc import Iterable

from tb_attnviz.events import files
from tb_attnviz.events.own_files import samples_directory
from tb_attnviz.projection.source import GONE

_LOOK_SECONDS = 2.0  # between two looks at whether such a file has changed

Where = tuple[str, int | None]  # a file, and where in it the samples of a layer begin; None: all of it
_State = tuple[int, ...] | None  # see files.changed


class LeftOut:
    """Of the run in `directory`. A file that has changed since (it was still being copied, say) is tried again."""

    def __init__(self, directory: str) -> None:
        self._directory = samples_directory(directory)
        self._reasons: dict[Where, tuple[str, _State]] = {}
        self._looked = 0.0  # by time.monotonic()

    def look_for(self, names: Iterable[str]) -> None:
        """Note which of the files `names` are gone: the directory is listed once, if it may be."""
        try:
            there = set(files.list_names(self._directory))
        except OSError:
            return  # each of them says why, as it is read
        for name in names:
            if name not in there:
                self.add((name, None), GONE)

    def add(self, where: Where, why: str) -> bool:
        """Note that what lies at `where` cannot be read; False if that was known."""
        known = where in self._reasons
        self._reasons[where] = why, self._state(where[0])
        return not known

    def reasons(self) -> dict[Where, str]:
        """Why what lies there cannot be read."""
        now = time.monotonic()
        if self._reasons and now - self._looked > _LOOK_SECONDS:
            self._looked = now
            for where, (_, state) in list(self._reasons.items()):
                if self._state(where[0]) != state:
                    self._reasons.pop(where, None)
        return {where: why for where, (why, _) in list(self._reasons.items())}

    def _state(self, name: str) -> _State:
        return files.changed(os.path.join(self._directory, name))
