"""Own code: the functions that a model's pass may run of what is written beside the model, and the variables they name.

Only of code that is not installed: what a package keeps for itself (tables that are made once, libraries that are
loaded) is none of the model's.
"""

import dis
import functools
import sys
import sysconfig
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as of_all

from .kept_hidden import CACHE

_INSTALLED = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))
_CODE = {types.FunctionType, types.MethodType, staticmethod, classmethod, property, functools.partial, CACHE}
_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_TABLES, _MOST = (dict, list, tuple), 1_000  # more are data
_DATA = {type(None), bool, int, float, str, bytes, torch.Tensor, nn.Parameter}
_GLOBAL = {"LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL"}


class OwnCode:
    """What `forward` of the modules of `model` and its hooks reach by name, or hold."""

    def __init__(self, model: nn.Module) -> None:
        self.functions: list[types.FunctionType] = []
        self.classes: set[type] = set()
        """Those of which functions name objects, or that they name."""
        self.held: list[Any] = []
        """Hooks, and what methods and partial functions are bound to."""
        self.globals: dict[int, tuple[dict[str, Any], set[str]]] = {}
        """By id, dictionaries of global variables, and which of them are named."""
        self._seen: set[int] = set()
        self._named: set[str] = set()
        self._methods: dict[str, list[Any]] = {}
        self._without_code: dict[type, bool] = {}
        for kind in {type(module) for module in model.modules()}:
            self._know(kind)
        self._reach(self._methods.get("forward", ()))
        hooks = [*of_all._global_forward_hooks.values(), *of_all._global_forward_pre_hooks.values()]
        for module in model.modules():
            hooks += [hook for name in _HOOKS for hook in vars(module).get(name, {}).values()]
            self._reach(vars(module).values())
        self.held += hooks
        for hook in hooks:
            self._reach([hook, *self._know(type(hook))])

    @property
    def packages(self) -> set[str]:
        """Those that it is written in."""
        modules = {str(names.get("__name__")) for names, _ in self.globals.values()}
        return {name.partition(".")[0] for name in modules | {str(kind.__module__) for kind in self.classes}}

    def _reach(self, values: Iterable[Any]) -> None:
        waiting = [*values]
        while waiting:
            value = waiting.pop()
            if self._holds_no_code(type(value)):
                continue
            waiting += self._know(value if issubclass(type(value), type) else type(value))
            self.held += bound_to(value)
            waiting += self._held_in(value)
            for function in functions_in(value):
                if id(function) in self._seen:
                    continue
                self._seen.add(id(function))
                waiting += closed_over(function)
                if is_written_here(str(function.__globals__.get("__name__"))):
                    self.functions.append(function)
                    waiting += self._named_by(function)

    def _holds_no_code(self, kind: type) -> bool:
        """Whether objects of `kind` are no functions, classes or tables, and their methods are not written here."""
        found = self._without_code.get(kind)
        if found is None:
            others = (one for one in kind.__mro__ if one in _CODE or is_written_here(str(one.__module__)))
            is_code = issubclass(kind, type) or kind in _TABLES or next(others, None) is not None
            found = self._without_code[kind] = not is_code
        return found

    def _held_in(self, value: Any) -> list[Any]:
        """What a list or a dictionary holds that may be called: a table of functions, say."""
        kind = type(value)
        if kind not in _TABLES or id(value) in self._seen or len(value) > _MOST:
            return []
        self._seen.add(id(value))
        return [one for one in (value.values() if kind is dict else value) if type(one) not in _DATA]

    def _named_by(self, function: types.FunctionType) -> Iterator[Any]:
        yield from (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
        of_globals, of_others = names_in(function.__code__)
        for name in of_globals:
            yield from self._global(function.__globals__, name, of_others)
        fresh = of_others - self._named
        self._named |= fresh
        for name in fresh:
            yield from self._methods.get(name, ())

    def _global(self, names: dict[str, Any], name: str, attributes: frozenset[str]) -> Iterator[Any]:
        self.globals.setdefault(id(names), (names, set()))[1].add(name)
        value: Any = names.get(name)
        kind: Any = type(value)
        if kind is types.ModuleType and is_written_here(value.__name__):
            for attribute in attributes & vars(value).keys():
                yield from self._global(vars(value), attribute, frozenset())
        else:
            yield from self._know(value if issubclass(kind, type) else kind)
            yield value

    def _know(self, kind: type) -> Iterator[Any]:
        """Methods of `kind`; those are returned that have been asked for already, or are called without their names."""
        found: list[Any] = []
        for one in kind.__mro__:
            if id(one) in self._seen or not is_written_here(str(one.__module__)):
                continue
            self._seen.add(id(one))
            is_module = issubclass(one, nn.Module)
            self.classes.add(one)
            for name, value in vars(one).items():
                self._methods.setdefault(name, []).append(value)
                if name in self._named or (name.startswith("__") and not is_module):
                    found.append(value)
        return iter(found)


@functools.cache
def is_written_here(module: str) -> bool:
    """Whether `module` is of the user's own code: not of an installed package, nor of this one."""
    package = module.partition(".")[0]
    if package in sys.stdlib_module_names or package in ("torch", "tb_attnviz", "builtins"):
        return package == "__main__"
    try:
        file = getattr(sys.modules.get(module), "__file__", None)
    except Exception:  # of a module that is loaded only when it is asked for something
        return False
    if not isinstance(file, str):
        return True  # of a notebook, say
    return not {"site-packages", "dist-packages"} & {*Path(file).parts} and not file.startswith(_INSTALLED)


def functions_in(value: Any) -> Iterator[types.FunctionType]:
    """The functions that `value` is, or is made of."""
    kind = type(value)
    if kind is types.FunctionType:
        yield value
    elif kind is types.MethodType or kind in (staticmethod, classmethod):
        yield from functions_in(value.__func__)
    elif kind is property:
        yield from functions_in(value.fget)
    elif kind is functools.partial:
        yield from functions_in(value.func)
    elif kind is CACHE:
        yield from functions_in(value.__wrapped__)


def bound_to(value: Any) -> list[Any]:
    """What a method or a partial function is called with; a function with a cache, which is what it knows."""
    if type(value) is types.MethodType:
        return [value.__self__]
    if type(value) is CACHE:
        return [value]
    return [*value.args, *value.keywords.values()] if type(value) is functools.partial else []


def closed_over(function: types.FunctionType) -> list[Any]:
    """What its cells hold, without those that are empty."""
    return [cell.cell_contents for cell in function.__closure__ or () if not _is_empty(cell)]


@functools.cache
def names_in(code: types.CodeType) -> tuple[frozenset[str], frozenset[str]]:
    """The global variables that `code` and the functions within it name, and all other names in it."""
    inner = [one for one in code.co_consts if isinstance(one, types.CodeType)]
    of_globals = {str(one.argval) for one in dis.get_instructions(code) if one.opname in _GLOBAL}
    others = {*code.co_names}
    if of_globals & {"globals", "__name__"}:  # globals()["x"], sys.modules[__name__].x
        of_globals |= others | {one for one in code.co_consts if isinstance(one, str) and one.isidentifier()}
    for both in map(names_in, inner):
        of_globals |= both[0]
        others |= both[1]
    return frozenset(of_globals), frozenset(others)


def _is_empty(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is None
    except ValueError:
        return True
