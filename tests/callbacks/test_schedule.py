"""Schedules: numbers, names and functions of a step."""

import pytest

from tb_attnviz.callbacks import Every, powers_of_two
from tb_attnviz.callbacks.schedule import as_schedule


def due(schedule, steps):
    return [step for step in range(steps) if schedule(step)]


@pytest.mark.parametrize(
    ("every", "steps"),
    [
        (4, [0, 4, 8, 12, 16]),
        (Every(7), [0, 7, 14]),
        (powers_of_two(), [0, 1, 2, 4, 8, 16]),
        (powers_of_two(then_every=6), [0, 1, 2, 4, 6, 12, 18]),
        (lambda step: step in (3, 5), [3, 5]),
        ("4", [0, 4, 8, 12, 16]),
        ("powers_of_two", [0, 1, 2, 4, 8, 16]),
        ("powers_of_two()", [0, 1, 2, 4, 8, 16]),
        ("powers_of_two(6)", [0, 1, 2, 4, 6, 12, 18]),
        ("powers_of_two(then_every=6)", [0, 1, 2, 4, 6, 12, 18]),
    ],
)
def test_when_it_is_due(every, steps):
    assert due(as_schedule(every, "every"), 19) == steps


def test_the_steps_of_pythia():
    assert due(powers_of_two(then_every=1000), 3500) == [0, *(2**i for i in range(10)), 1000, 2000, 3000]


@pytest.mark.parametrize("make", [Every, lambda n: powers_of_two(then_every=n), lambda n: as_schedule(n, "every")])
@pytest.mark.parametrize("number", [0, -1, 2.5, "often"])
def test_numbers_that_make_no_sense(make, number):
    with pytest.raises(ValueError, match=f"={number!r} must be a whole number of at least 1"):
        make(number)
