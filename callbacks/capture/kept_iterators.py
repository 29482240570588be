"""Kept iterators: those that a model holds and takes from in a pass are put back where they stood, or named."""

import itertools
import operator
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

_IN_PLACES = (*(type(iter(one)) for one in (list[int](), (), "", range(1), b"")), type(reversed(list[int]())))
_TAKING = (zip, map, filter)  # from other iterators, and nothing else of their own
_TABLE = dict[int, int]()
_OF_TABLES = tuple(type(iter(one)) for one in (_TABLE, _TABLE.values(), _TABLE.items(), set[int]()))


def iterator_back(value: Any) -> Callable[[], object] | None:
    """What puts the iterator `value` back to where it is now; None where that is not possible."""
    kind = type(value)
    if kind in _IN_PLACES and len(state := value.__reduce__()) > 2:
        return lambda: value.__setstate__(state[2])
    if kind in _TAKING:
        ways = [iterator_back(one) for one in _taken_from(value)]
        return None if None in ways else lambda: [way() for way in ways if way is not None]
    return _cycle_back(value) if kind is itertools.cycle else None


def iterator_place(value: Any) -> Any:
    """Something that differs wherever the iterator `value` may stand; None of what is none of them."""
    kind = type(value)
    if kind is itertools.count:
        return repr(value)
    if kind is types.GeneratorType:
        frame = value.gi_frame
        return "ended" if frame is None else (frame.f_lasti, [*map(_Held, frame.f_locals.values())])
    if kind in _IN_PLACES or kind in _OF_TABLES:
        return operator.length_hint(value)
    if kind in _TAKING:
        return [iterator_place(one) for one in _taken_from(value)]
    if kind is enumerate:
        taken, number = value.__reduce__()[1]
        return number, iterator_place(taken)
    if kind is itertools.cycle and iterator_back(value) is None and (state := _state_of(value)) is not None:
        return len(state[1])
    return None


def _taken_from(value: Any) -> list[Iterator[Any]]:
    return [one for one in value.__reduce__()[1] if isinstance(one, Iterator)]


def _cycle_back(value: Any) -> Callable[[], object] | None:
    state = _state_of(value)
    if state is None:
        return None
    taken, items, is_first = state
    way, count = iterator_back(taken), len(items)
    if is_first and way is None:
        return None
    place = count if is_first else count - operator.length_hint(taken)  # in a round; all of it is in `items` later

    def put_back() -> None:
        now = _state_of(value)
        assert now is not None
        if is_first and now[2]:
            assert way is not None
            way()
            del now[1][count:]
        else:  # it begins with what was to come
            value.__setstate__((now[1][place:] + now[1][:place], 1))

    return put_back


def _state_of(cycle: Any) -> tuple[Iterator[Any], list[Any], bool] | None:
    """What it takes from, what it repeats, and whether this is its first round; None from Python 3.14 on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            (_, (taken,), (items, _)), (_, (again,), _) = cycle.__reduce__(), cycle.__reduce__()
        except TypeError:
            return None
    return taken, items, taken is again


class _Held:
    """Equal where the same object is held, whatever its class takes for equal."""

    def __init__(self, held: Any) -> None:
        self._held = held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other._held is self._held

    __hash__ = None  # type: ignore[assignment]
