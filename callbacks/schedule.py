"""Schedules: at which steps something is recorded. Any function of a step that answers yes or no is one."""

import dataclasses
import operator
from collections.abc import Callable

Schedule = Callable[[int], bool]


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


def as_schedule(every: int | Schedule, name: str) -> Schedule:
    """`every` as a schedule; `name` is what the caller calls it. Raises ValueError if it is none."""
    if callable(every):
        return every
    return Every(as_positive(every, name, "record every so many steps, or give a function of the step"))


def as_positive(value: int, name: str, meaning: str) -> int:
    """`value`, or ValueError if it is not a whole number of at least 1."""
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if number < 1:
        raise ValueError(f"{name}={value!r} must be a whole number of at least 1: {meaning}")
    return number
