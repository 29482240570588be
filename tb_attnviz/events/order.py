"""Order: where something stands in the writing of a run, told by a counter of the run's own and never by a clock; and
the names of files that tell it.

A run is written by one start of the recorder after the other, and each numbers what it writes. Starts are numbered too:
one takes the next number after those that are in the run's directory.
"""

import dataclasses
import re
from typing import Any

SAMPLES_NAME = re.compile(r"samples-(-?[0-9]{1,20})-([0-9a-f]{1,32})\.events")
IMAGE_NAME = re.compile(r"image-[0-9a-f]{16}\.png")
FIGURES_NAME = re.compile(r"figures-([0-9]{6,9})(?:-[0-9]{6,9})?\.events")
MAPS_NAME = re.compile(r"maps-(-?[0-9]{1,20})-([0-9a-f]{1,32})\.events")

MOST_STARTS = 10**8  # a file of a later one was given its name by somebody else: behind it no name of ours would fit
_DIGITS = 8  # of a start's number, of a count and of a start's key, in the names of files


@dataclasses.dataclass(frozen=True, order=True, slots=True)
class Order:
    """The `count`-th thing that was written by a run's start number `start`. What version 1 wrote is of start 0."""

    start: int
    count: int

    @classmethod
    def of(cls, document: dict[str, Any]) -> "Order | None":
        """That of a document; None for one of version 1, which has none."""
        return cls(document["start"], document["count"]) if "start" in document else None


def samples_name(step: int, order: Order, key: str) -> str:
    """The name of a samples file; `key` is the start's own, so that no other run has a file of this name."""
    return f"samples-{step:09d}-{_spelled(order)}{key}.events"


def maps_name(step: int, order: Order, key: str) -> str:
    """The name of a file of maps."""
    return f"maps-{step:09d}-{_spelled(order)}{key}.events"


def figures_name(start: int, number: int = 0) -> str:
    """The name of the figures file of a start; on object stores, of what follows it there, from 1."""
    return f"figures-{start:06d}-{number:06d}.events" if number else f"figures-{start:06d}.events"


def step_and_order(name: str) -> tuple[int, Order] | None:
    """The step and the place that `name` is the samples or the maps file of; None for any other file.

    Of version 1, whose names have the time of their writing, the order is of start 0.
    """
    found = SAMPLES_NAME.fullmatch(name) or MAPS_NAME.fullmatch(name)
    if not found:
        return None
    step, digits = int(found[1]), found[2]
    if len(digits) != 3 * _DIGITS:
        return step, Order(0, int(digits, 16))
    return step, Order(int(digits[:_DIGITS], 16), int(digits[_DIGITS : 2 * _DIGITS], 16))


def key_of(name: str) -> str | None:
    """The key of the start that wrote the samples file `name`; None of version 1."""
    found = SAMPLES_NAME.fullmatch(name)
    return found[2][2 * _DIGITS :] if found and len(found[2]) == 3 * _DIGITS else None


def start_of_figures(name: str) -> int | None:
    """The start that `name` is the figures file of; None for any other file."""
    found = FIGURES_NAME.fullmatch(name)
    return int(found[1]) if found else None


def _spelled(order: Order) -> str:
    return f"{order.start:0{_DIGITS}x}{order.count:0{_DIGITS}x}"
