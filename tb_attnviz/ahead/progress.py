"""Progress: how many pictures, or other pieces, are done of all, at which rate, and how long the rest will take."""

import time
from typing import TextIO

_WIDTH = 30
_LINE_SECONDS = 10.0  # between two lines, where there is no terminal


class Progress:
    """A bar that is drawn over and over on a terminal, a line now and then anywhere else."""

    def __init__(self, total: int, out: TextIO, what: str = "pictures") -> None:
        self._what = what
        self._total = total
        self._done = 0
        self._out = out
        self._terminal = out.isatty()
        self._begun = self._shown = time.monotonic()
        if self._terminal:
            self._draw()

    def add(self) -> None:
        """One more is done."""
        self._done += 1
        now = time.monotonic()
        if self._terminal or now - self._shown >= _LINE_SECONDS:
            self._shown = now
            self._draw()

    def close(self) -> None:
        """Leave the bar; what is written next begins on a line of its own."""
        if self._terminal:
            self._out.write("\n")
            self._out.flush()

    def _draw(self) -> None:
        text = describe(self._done, self._total, time.monotonic() - self._begun, self._what)
        if self._terminal:
            full = _WIDTH * self._done // max(self._total, 1)
            self._out.write(f"\r\x1b[K{'█' * full}{'░' * (_WIDTH - full)} {text}")
        else:
            self._out.write(f"{text}\n")
        self._out.flush()


def describe(done: int, total: int, seconds: float, what: str = "pictures") -> str:
    """`done` of `total` after `seconds`, in words."""
    counted = f"{done:,} of {total:,} {what}"
    if done == 0 or seconds <= 0:
        return counted
    rate = done / seconds
    pace = f"{rate:,.1f} a second" if rate >= 1 else f"{60 * rate:,.1f} a minute"
    return f"{counted}, {pace}, {duration((total - done) / rate)} left"


def duration(seconds: float) -> str:
    """In the two largest units, rounded to the next second."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
