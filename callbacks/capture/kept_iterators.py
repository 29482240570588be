"""Kept iterators: those that a model holds and takes from in a pass are put back where they stood, or named."""

import gc
import itertools
import operator
import types
from collections.abc import Callable, Iterator
from typing import Any

_TAKING = (zip, map, filter)  # from other iterators, and nothing else of their own
_MODULES = ("builtins", "itertools", "array", "_collections")
_PARTS = (list, tuple, type(gc.get_referents(itertools.tee(())[0])[0]))


def is_iterator(kind: type) -> bool:
    """Whether its objects are iterators of Python's own."""
    return kind.__module__ in _MODULES and hasattr(kind, "__next__")


def iterator_back(value: Any) -> Callable[[], object] | None:
    """What puts the iterator `value` back to where it is now; None where that is not possible."""
    kind = type(value)
    if kind in _TAKING:
        ways = [iterator_back(one) for one in _taken_from(value)]
        return None if None in ways else lambda: [way() for way in ways if way is not None]
    if _has_place(kind) and len(state := value.__reduce__()) > 2:
        return lambda: value.__setstate__(state[2])
    return _cycle_back(value) if kind is itertools.cycle else None


def iterator_place(value: Any) -> Any:
    """Something that differs wherever the iterator `value` may stand; None of what is none of them."""
    kind = type(value)
    if kind in (itertools.count, itertools.repeat):
        return repr(value)
    if kind is types.GeneratorType:
        frame = value.gi_frame
        return "ended" if frame is None else (frame.f_lasti, [*map(_Held, frame.f_locals.values())])
    if kind in _TAKING:
        return [iterator_place(one) for one in _taken_from(value)]
    if kind is enumerate:
        taken, number = value.__reduce__()[1]
        return number, iterator_place(taken)
    if kind is itertools.cycle:
        taken, items = _parts_of(value)
        return None if taken is None or iterator_back(taken) is not None else len(items)
    if kind.__module__ == "itertools":  # what such an object takes from, and has taken
        return [_place_of_part(one) for one in gc.get_referents(value)]
    if not is_iterator(kind):
        return None
    left = value.__length_hint__() if hasattr(kind, "__length_hint__") else None
    return value.__reduce__()[2:] if _has_place(kind) and type(left) is not int else left


def _has_place(kind: type) -> bool:
    """Whether its objects are a thing and a place in it, which may be set."""
    return is_iterator(kind) and kind.__module__ != "itertools" and hasattr(kind, "__setstate__")


def _place_of_part(part: Any) -> Any:
    if isinstance(part, Iterator):
        return _Held(part), iterator_place(part)
    return [*map(_Held, gc.get_referents(part))] if isinstance(part, _PARTS) else None


def _taken_from(value: Any) -> list[Iterator[Any]]:
    return [one for one in value.__reduce__()[1] if isinstance(one, Iterator)]


def _cycle_back(cycle: Any) -> Callable[[], object] | None:
    taken, items = _parts_of(cycle)
    count = len(items)
    if taken is None:  # behind its first round, which lasts as long as what it takes from
        ahead = [next(cycle) for _ in items]  # and stands where it stood
        return lambda: _turn(cycle, ahead)
    way, left = iterator_back(taken), operator.length_hint(taken)
    if way is None:
        return None

    def put_back() -> None:
        now, seen = _parts_of(cycle)
        if now is taken:
            way()
            del seen[count:]
        elif seen:  # it begins with what was to come; a copied one knows all from the start
            place = (count if len(seen) > count else count - left) % len(seen)
            _turn(cycle, seen[place:] + seen[:place])

    return put_back


def _turn(cycle: Any, ahead: list[Any]) -> None:
    """Take from `cycle`, which is behind its first round, until `ahead` is what comes next."""
    now = [next(cycle) for _ in ahead]
    starts = (n for n, one in enumerate(now) if one is ahead[0])
    for _ in range(next((n for n in starts if all(map(operator.is_, now[n:] + now[:n], ahead))), 0)):
        next(cycle)


def _parts_of(cycle: Any) -> tuple[Iterator[Any] | None, list[Any]]:
    """What it takes from, None behind its first round; and what it repeats, the very list of its own."""
    parts = gc.get_referents(cycle)
    taken = next((one for one in parts if isinstance(one, Iterator)), None)
    return taken, next(one for one in parts if type(one) is list)


class _Held:
    """Equal where the same object is held, whatever its class takes for equal."""

    def __init__(self, held: Any) -> None:
        self._held = held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other._held is self._held

    __hash__ = None  # type: ignore[assignment]
