"""Shapes: what JSON of ours may hold. What does not fit is refused before anything is made of it.

A shape is a function that takes a value and raises MisfitError; larger ones are made of smaller ones:

    GRID = record({"rows": whole(1, 4096), "columns": whole(1, 4096)})
    GRID({"rows": 3, "columns": -1})  # MisfitError: columns must be a whole number from 1 to 4,096, not -1
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

Shape = Callable[[Any], None]

_SHOWN = 60  # letters of a value that is shown to people
_MODERATE = 1e18
_MISSING = object()


class MisfitError(ValueError):
    """A value is not what it must be; the message says where it stands, what it must be, and what it is."""

    def __init__(self, must: str, value: object, where: str = "") -> None:
        super().__init__(must, value, where)
        self._must = must
        self._value = value
        self._where = where

    def inside(self, place: str) -> "MisfitError":
        """The same of the value at `place` (a name, or an index in brackets) of a larger one."""
        dot = "." if self._where and not self._where.startswith("[") else ""
        return MisfitError(self._must, self._value, f"{place}{dot}{self._where}")

    def __str__(self) -> str:
        where = self._where or "it"
        if self._value is _MISSING:
            return f"{where} is missing"
        return f"{where} must be {self._must}, not {shown(self._value)}"


def shown(value: object) -> str:
    """`value` as Python writes it, short whatever it is: for sentences about what somebody else has written."""
    if isinstance(value, dict | list | tuple):
        return {dict: "an object", list: "a list", tuple: "a list"}[type(value)] + f" of {len(value):,}"
    if isinstance(value, int) and abs(value) >= 10**_SHOWN:
        return "a number of very many digits"
    text = repr(value[: 2 * _SHOWN] if isinstance(value, str) else value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def whole(least: int, most: int) -> Shape:
    """A whole number, no truth value."""

    def shape(value: Any) -> None:
        if type(value) is not int or not least <= value <= most:
            raise MisfitError(f"a whole number from {least:,} to {most:,}", value)

    return shape


def number(value: Any) -> None:
    """Any number, NaN and infinity among them."""
    if type(value) is not float and (type(value) is not int or abs(value) >= 2**1000):
        raise MisfitError("a number", value)


def moderate(value: Any) -> None:
    """A number whose square single precision holds, and far beyond what a model could use."""
    number(value)
    if not -_MODERATE <= value <= _MODERATE:  # NaN neither
        raise MisfitError(f"a number between {-_MODERATE:g} and {_MODERATE:g}", value)


def positive(value: Any) -> None:
    """The same, and none that is nearly 0."""
    number(value)
    if not 1 / _MODERATE <= value <= _MODERATE:
        raise MisfitError(f"a number from {1 / _MODERATE:g} to {_MODERATE:g}", value)


def boolean(value: Any) -> None:
    if type(value) is not bool:
        raise MisfitError("true or false", value)


def text(most: int) -> Shape:
    """A string of at most so many letters."""

    def shape(value: Any) -> None:
        if type(value) is not str or len(value) > most:
            raise MisfitError(f"a text of at most {most:,} letters", value)

    return shape


def one_of(*values: str) -> Shape:
    def shape(value: Any) -> None:
        if type(value) is not str or value not in values:
            raise MisfitError(" or ".join(map(repr, values)), value)

    return shape


def name_like(pattern: re.Pattern[str], what: str) -> Shape:
    """A string that `pattern` matches as a whole."""

    def shape(value: Any) -> None:
        if type(value) is not str or not pattern.fullmatch(value):
            raise MisfitError(what, value)

    return shape


def nullable(of: Shape) -> Shape:
    def shape(value: Any) -> None:
        if value is not None:
            of(value)

    return shape


def either(first: Shape, second: Shape, must: str) -> Shape:
    def shape(value: Any) -> None:
        try:
            first(value)
        except MisfitError:
            try:
                second(value)
            except MisfitError:
                raise MisfitError(must, value) from None

    return shape


def items(of: Shape, most: int | None = None, *, least: int = 0) -> Shape:
    """A list of so many."""

    def shape(value: Any) -> None:
        if type(value) is not list:
            raise MisfitError("a list", value)
        if most is not None and len(value) > most:
            raise MisfitError(f"a list of at most {most:,}", value)
        if len(value) < least:
            raise MisfitError(f"a list of at least {least:,}", value)
        for index, item in enumerate(value):
            try:
                of(item)
            except MisfitError as error:
                raise error.inside(f"[{index}]") from None

    return shape


def mapping(of: Shape) -> Shape:
    """An object whose values are all alike."""

    def shape(value: Any) -> None:
        if type(value) is not dict:
            raise MisfitError("an object", value)
        for name, item in value.items():
            try:
                of(item)
            except MisfitError as error:
                raise error.inside(f"[{shown(name)}]") from None

    return shape


def record(fields: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Shape:
    """An object with these fields; others are let through: a later version may have added them."""

    known = (*fields.items(), *(optional or {}).items())

    def shape(value: Any) -> None:
        if type(value) is not dict:
            raise MisfitError("an object", value)
        for name, of in known:
            item = value.get(name, _MISSING)
            if item is _MISSING:
                if name in fields:
                    raise MisfitError("there", _MISSING, name)
                continue
            try:
                of(item)
            except MisfitError as error:
                raise error.inside(name) from None

    return shape


def both(first: Shape, second: Shape) -> Shape:
    """`second` may take for granted what `first` has found right."""

    def shape(value: Any) -> None:
        first(value)
        second(value)

    return shape
