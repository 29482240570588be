"""Labels: what is known about the tokens of a probe beside their names, for points to be coloured by."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .writable import writable

Label = str | float | None  # a category, or a number; None: not known
GivenLabels = Mapping[str, Sequence[Label | Sequence[Label]]]
"""What they say → for each sequence one value a token, or one value for all of its tokens."""

_UNKNOWN_CATEGORY = ""


def read_labels(labels: GivenLabels, tokens: Sequence[Sequence[str]]) -> list[dict[str, tuple[Any, ...]]]:
    """The labels of each sequence, one value a token: all of one name are strings, or all are numbers.

    Arrays and tensors do as well as lists. Not known (None) are NaN among numbers and "" among strings.
    Raises ValueError or TypeError for labels of another shape or kind; the message says which.
    """
    read: list[dict[str, tuple[Any, ...]]] = [{} for _ in tokens]
    for name, given in labels.items():
        if isinstance(given, str) or len(given) != len(tokens):
            number = "one string" if isinstance(given, str) else f"{len(given)} sequences"
            raise ValueError(
                f"the labels {name!r} are of {number}, but the probe has {len(tokens)}: give one list of "
                "values, or one value, for each sequence"
            )
        rows = [_row(name, index, values, len(tokens[index])) for index, values in enumerate(given)]
        numbers = _are_numbers(name, rows)
        unknown = math.nan if numbers else _UNKNOWN_CATEGORY
        for labelled, row in zip(read, rows, strict=True):
            known = (unknown if value is None else value for value in row)
            labelled[name] = tuple(map(float, known)) if numbers else tuple(map(writable, map(str, known)))
    return read


def _row(name: str, index: int, given: Any, length: int) -> list[Any]:
    """The values of one sequence, one a token."""
    values = given.tolist() if hasattr(given, "tolist") else given
    if values is None or isinstance(values, (str, int, float, np.generic)):
        return [values] * length
    if len(values) != length:
        raise ValueError(
            f"the labels {name!r} of sequence {index} are {len(values)} values for {length} tokens: "
            "give one for each token, or a single value for all of them"
        )
    return [value.item() if isinstance(value, np.generic) else value for value in values]


def _are_numbers(name: str, rows: list[list[Any]]) -> bool:
    """Whether the values are numbers and not strings. Raises TypeError if they are neither, or both."""
    strings = numbers = False
    for index, row in enumerate(rows):
        for value in row:
            strings |= isinstance(value, str)
            numbers |= isinstance(value, (int, float))
            if not (value is None or isinstance(value, (str, int, float))):
                raise TypeError(
                    f"the labels {name!r} of sequence {index} hold {value!r}, which is neither a string nor a number"
                )
            if isinstance(value, float) and math.isinf(value):
                raise ValueError(
                    f"the labels {name!r} of sequence {index} hold {value}: give NaN for what is not known"
                )
    if strings and numbers:
        raise TypeError(f"the labels {name!r} are strings and numbers: give all of one name as one of the two")
    return numbers
