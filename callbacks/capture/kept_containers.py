"""Kept containers: what lists, dictionaries, sets and slots hold, and what puts just that back into them."""

import weakref
from collections.abc import Callable
from operator import is_
from typing import Any

from .own_objects import in_slots


def stays() -> None:
    """A tuple stays as it is."""


def set_back(value: set[Any]) -> Callable[[], object]:
    content = set.copy(value)

    def put_back() -> None:
        if {*map(id, set.__iter__(value))} != {*map(id, content)}:
            set.clear(value)
            set.update(value, content)

    return put_back


def bytes_back(value: Any) -> Callable[[], object]:
    content = value[:]

    def put_back() -> None:
        if value != content:
            value[:] = content

    return put_back


def mapping_back(value: Any, base: Any) -> tuple[list[Any], Callable[[], object]]:
    """By the methods of `base`: those of its own class may do more."""
    keys, values = [*base.keys(value)], [*base.values(value)]

    def put_back() -> None:
        if not (_are_same(base.keys(value), keys) and _are_same(base.values(value), values)):
            base.clear(value)
            for key, one in zip(keys, values, strict=True):
                base.__setitem__(value, key, one)

    return values, put_back


def sequence_back(value: Any, base: Any) -> tuple[list[Any], Callable[[], object]]:
    items = [*base.__iter__(value)]

    def put_back() -> None:
        if not _are_same([*base.__iter__(value)], items):
            base.clear(value)
            base.extend(value, items)

    return items, put_back


def weak_back(value: Any) -> tuple[list[Any], Callable[[], object]]:
    is_set = isinstance(value, weakref.WeakSet)

    def held() -> list[tuple[Any, ...]]:
        return [(one,) for one in value] if is_set else [*value.items()]

    content = held()

    def put_back() -> None:
        now = held()
        if len(now) != len(content) or not all(_are_same(a, [*b]) for a, b in zip(now, content, strict=True)):
            value.clear()
            value.update([one for (one,) in content] if is_set else content)

    return [] if is_set else [one for _, one in content], put_back


def slots_back(value: Any) -> tuple[list[Any], Callable[[], object]]:
    content = in_slots(value)

    def put_back() -> None:
        now = in_slots(value)
        for slot in now.keys() - content.keys():
            slot.__delete__(value)
        for slot, one in content.items():
            if slot not in now or now[slot] is not one:
                slot.__set__(value, one)

    return [*content.values()], put_back


def _are_same(some: Any, others: list[Any]) -> bool:
    """Whether they are the same objects in the same order."""
    return len(some) == len(others) and all(map(is_, some, others))
