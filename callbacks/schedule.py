"""Schedules: at which steps something is recorded. Any function of a step that answers yes or no is one."""

import contextlib
import dataclasses
import math
import re
from collections.abc import Callable
from typing import Literal

from .numbers import as_positive

Schedule = Callable[[int], bool]
Pace = int | float | Literal["epoch"] | Schedule | str
"""What a trainer's callback takes for `every`: it knows how long the training is, and where its epochs end.

A string is what stands in a configuration file or on a command line: "100", "0.05", "powers_of_two(then_every=1000)".
"""

_POWERS_OF_TWO = re.compile(r"powers_of_two(\((then_every=)?(?P<then>\d*)\))?")


@dataclasses.dataclass(frozen=True)
class Every:
    """At multiples of `steps`."""

    steps: int

    def __post_init__(self) -> None:
        as_positive(self.steps, "steps", "record every so many steps")

    def __call__(self, step: int) -> bool:
        return step % self.steps == 0


@dataclasses.dataclass(frozen=True)
class PowersOfTwo:
    """At 0, 1, 2, 4, 8, …; with `then_every`, from there on at its multiples instead."""

    then_every: int | None = None

    def __post_init__(self) -> None:
        if self.then_every is not None:
            as_positive(self.then_every, "then_every", "record every so many steps later on")

    def __call__(self, step: int) -> bool:
        if self.then_every is not None and step >= self.then_every:
            return step % self.then_every == 0
        return step >= 0 and step & (step - 1) == 0


def powers_of_two(*, then_every: int | None = None) -> PowersOfTwo:
    """Steps 0, 1, 2, 4, 8, …: as training does, changing fast at first and ever more slowly.

    then_every: from there on at its multiples. `powers_of_two(then_every=1000)` has the steps of Pythia's checkpoints
        (Biderman et al. 2023, arXiv 2304.01373): 0, 1, 2, 4, …, 512, 1000, 2000, …
    """
    return PowersOfTwo(then_every)


def never(step: int) -> bool:
    """At no step: where something else than the step says when."""
    return False


def as_schedule(every: Pace, name: str) -> Schedule:
    """`every` as a schedule; `name` is what the caller calls it. Raises ValueError if it is none."""
    every = _read(every)
    if callable(every):
        return every
    if every == "epoch" or (isinstance(every, float) and 0 < every < 1):
        raise ValueError(
            f"{name}={every!r} is for the callbacks of the Trainer and of Lightning, which know how long training "
            "is and where its epochs end: give a number of steps, or call record() at the end of each epoch"
        )
    meaning = "record every so many steps, or give a function of the step, as powers_of_two()"
    return Every(as_positive(every, name, meaning))  # type: ignore[arg-type]  # what is no whole number is refused there


def check_pace(every: Pace, name: str) -> None:
    """Raises ValueError if `every` is no pace."""
    every = _read(every)
    if every != "epoch" and not (isinstance(every, float) and 0 < every < 1):
        as_schedule(every, name)


def at_epochs(every: Pace | None) -> bool:
    """Whether `every` is the end of each epoch."""
    return every is not None and _read(every) == "epoch"


def at_pace(every: Pace, steps: int | None, name: str) -> Schedule:
    """`every` as the schedule of a training of so many steps; the ends of epochs are not told by the step.

    `name` is what the caller calls it. Raises ValueError for a share of a training whose `steps` nobody knows (None).
    """
    every = _read(every)
    if every == "epoch":
        return never
    if isinstance(every, float):
        if steps is None:
            raise ValueError(
                f"{name}={every!r} is a share of the training, and how long it will be is not known (max_epochs=-1, or "
                "data without a length): give a number of steps, or tell the Trainer its max_steps"
            )
        return Every(max(1, math.ceil(every * steps)))  # as the Trainer counts the steps of its own strategies
    return as_schedule(every, name)


def _read(every: Pace) -> Pace:
    """What a string says; anything else, also a string that says nothing, as it is."""
    if not isinstance(every, str):
        return every
    text = every.strip()
    if (powers := _POWERS_OF_TWO.fullmatch(text)) is not None:
        return powers_of_two(then_every=int(powers["then"]) if powers["then"] else None)
    for number in (int, float):
        with contextlib.suppress(ValueError):
            return number(text)
    return text
