"""Own generators: what a model draws random numbers from beside the global generators of torch, NumPy and Python."""

import contextlib
import functools
import random
import threading
import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from .own_objects import dictionary_of, in_slots, is_own, own_packages

_PLAIN = {type(None), bool, int, float, str, bytes, type, torch.Tensor, nn.Parameter, torch.dtype, torch.device}
_CONTAINERS: tuple[Any, ...] = (dict, OrderedDict, defaultdict, list, tuple, deque, set, frozenset)
_WEIGHTS = ("_parameters", "_buffers", "_modules")
_FUNCTIONS = (types.FunctionType, types.MethodType, staticmethod, classmethod)
_DEEPEST = 10
_MOST = 100_000  # things in a list: more are data
_KINDS = (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)


@contextlib.contextmanager
def own_generators(model: nn.Module) -> Iterator[None]:
    """Within it the generators that `model` is seen to have start from the same state; after it they are as before.

    Those are seen that modules have as attributes, in lists, dictionaries, queues, sets or plain objects of such, that
    their methods and functions have closed over or take by default, or that are global variables which these name.
    (`AttentionCalls` does so with other torch.Generators that operations are given.)
    """
    packages = own_packages(model)
    held = [value for module in model.modules() for name, value in vars(module).items() if name not in _WEIGHTS]
    held += _functions({kind for module in model.modules() for kind in type(module).__mro__})
    with _restarted(_reached(held, lambda kind: is_own(kind, packages))):
        yield


@contextlib.contextmanager
def generators_of_data(loader: Any) -> Iterator[None]:
    """The same for those of a DataLoader: of its data set, what transforms them, its sampler and its collate_fn."""
    with _restarted(_reached([loader, *_functions({*type(loader.dataset).__mro__})], _may_hold_data)):
        yield


@contextlib.contextmanager
def _restarted(generators: Iterable[Any]) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for generator in [*generators]:
            stack.callback(_restart(generator))
        yield


def _functions(classes: set[type]) -> list[Any]:
    """Of those of the classes that are not PyTorch's."""
    own = [kind for kind in classes if not _is_torchs(kind)]
    return [f for kind in own for f in vars(kind).values() if issubclass(type(f), _FUNCTIONS)]


_Way = Callable[[Any], list[Any]] | None


def _may_hold_data(kind: type) -> bool:
    return not issubclass(kind, (type, types.ModuleType, threading.Thread))


def _reached(values: list[Any], is_own: Callable[[type], bool]) -> Iterator[Any]:
    """Each once, at most `_DEEPEST` steps from `values`, through objects of kinds that are own."""
    ways: dict[type, _Way] = {}  # most of what is met is of a few kinds
    seen, reached = set[int](), values
    for _ in range(_DEEPEST):
        inner: list[Any] = []
        for value in reached:
            kind = type(value)
            if kind not in ways:
                ways[kind] = _way_inside(kind, is_own)
            way = ways[kind]
            if way is None or id(value) in seen:
                continue
            seen.add(id(value))
            if issubclass(kind, _KINDS):
                yield value
            else:
                inner += way(value)
        reached = inner


def _way_inside(kind: type, is_own: Callable[[type], bool]) -> _Way:
    """What finds what an object of `kind` holds, or may use when it is called; None where it holds nothing."""
    if kind in _PLAIN:
        return None
    if kind in _WAYS:
        return _WAYS[kind]
    if issubclass(kind, (staticmethod, classmethod)):
        return lambda value: [value.__func__]
    if issubclass(kind, functools.partial):
        return lambda value: [value.func, *value.args, *value.keywords.values()]
    is_container = kind in _CONTAINERS
    if not is_container and not is_own(kind):
        return _nothing if issubclass(kind, _KINDS) else None
    base: Any = next((one for one in kind.__mro__ if one in _CONTAINERS), None)
    if is_container:
        return lambda value: _content(value, base)
    return lambda value: [
        *_content(value, base),
        *(dictionary_of(value) or {}).values(),
        *in_slots(value).values(),
    ]


def _content(value: Any, base: Any) -> list[Any]:
    """What a container holds, by the methods of `base`; None: it is none."""
    if base is None or base.__len__(value) > _MOST:
        return []
    return [*(base.values(value) if issubclass(base, dict) else base.__iter__(value))]


def _nothing(value: Any) -> list[Any]:
    return []


def _of_function(value: types.FunctionType) -> list[Any]:
    names = value.__code__.co_names
    named = [] if _is_torchs(value) else [value.__globals__[name] for name in names if name in value.__globals__]
    defaults = [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
    return [*_closed_over(value), *defaults, *[x for x in named if type(x) is not types.FunctionType]]


def _of_builtin(value: types.BuiltinMethodType) -> list[Any]:
    return [] if isinstance(value.__self__, types.ModuleType) else [value.__self__]


_WAYS: dict[type, _Way] = {
    types.FunctionType: _of_function,
    types.MethodType: lambda value: [value.__self__, value.__func__],
    types.BuiltinMethodType: _of_builtin,  # of a module, where it is a function
}


def _closed_over(function: types.FunctionType) -> list[Any]:
    found = []
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # of a variable that has no value yet
            found.append(cell.cell_contents)
    return found


def _is_torchs(what: Any) -> bool:
    return str(getattr(what, "__module__", "")).partition(".")[0] == "torch"


def _restart(generator: Any) -> Callable[[], object]:
    """Puts `generator` at its beginning; calling the result puts it back where it was."""
    if isinstance(generator, torch.Generator):
        state = generator.get_state()
        generator.manual_seed(0)
        return lambda: generator.set_state(state)
    if isinstance(generator, np.random.Generator):
        bits = generator.bit_generator
        kept = bits.state
        with contextlib.suppress(Exception):  # of a kind that takes no seed
            bits.state = type(bits)(0).state
        return lambda: setattr(bits, "state", kept)
    if isinstance(generator, np.random.RandomState):
        legacy = generator.get_state()
        generator.seed(0)
        return lambda: generator.set_state(legacy)
    if type(generator) is random.SystemRandom:
        return lambda: None  # without a state
    python = generator.getstate()
    generator.seed(0)
    return lambda: generator.setstate(python)
