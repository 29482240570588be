"""Numbers that a user gives, checked."""

import operator


def as_positive(value: int, name: str, meaning: str) -> int:
    """`value`, or ValueError if it is not a whole number of at least 1."""
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if number < 1:
        raise ValueError(f"{name}={value!r} must be a whole number of at least 1: {meaning}")
    return number
