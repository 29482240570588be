"""Exchanges: which attentions' results the processes of a group exchange before another attention takes them.

Where a model's own code splits heads over processes, each process has the results of some heads, and the group brings
them together: summed behind their projection, or laid side by side. Copies of all heads would be summed only behind
what is not linear (a split MLP): of these the results are not `joined`. Nor are those that are gathered behind each
other as sequences or tokens: which process has given an element is followed until a layer's weights sum over features.
"""

import contextlib
import functools
import operator
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed
from torch import Tensor

from .attention_call import AttentionCall
from .axes import MOVING, REGROUPING, SAME
from .contraction import OPERATIONS, read_contraction
from .kernels import operator_name
from .nested import tensors_in
from .of_tensors import OfTensors
from .operations import IN_PLACE
from .replayed import replayed
from .sources import Sources

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

_METHODS = re.compile(r"_?(all|reduce|gather)")  # of a process group, that exchange tensors
_FUNCTIONAL = re.compile(r"_?c10d_functional::(all|reduce)")
_LINEAR = OPERATIONS | MOVING | REGROUPING | SAME | {"linear", "addmm", "mm", "add", "iadd", "radd", "dropout"}
_JOINING = {"cat", "concat", "concatenate", "stack", "hstack", "dstack"}
_SUM: Any = torch.distributed.ReduceOp.SUM if torch.distributed.is_available() else None
_LEAST = 2  # numbers a query: an exchanged loss, or a count, is not what an attention gives


class Exchanges:
    """Follows the attentions of a pass, of whose tensors `sources` knows what they are made from."""

    def __init__(self, sources: Sources) -> None:
        self.groups: dict[str, ProcessGroup] = {}
        """Attention → the processes that exchange what it gives."""
        self.passed_on: set[str] = set()
        """Attentions whose results another one took before."""
        self.joined: set[str] = set()
        """Attentions of which each process has given a part: the parts are added up, or laid side by side."""
        self._sources = sources
        self._linear = OfTensors[set[str]]()  # tensor → attentions that it is linear in
        self._parts = OfTensors[tuple[set[str], Tensor]]()  # likewise, and which process has given each element of it
        self._begun: set[str] = set()  # in the operation that is under way
        self._open: dict[str, tuple[int, int]] = {}  # attention → itself, as a set of sources, and its queries
        self._watched = False

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Within it what this thread exchanges is seen, by whatever function of torch."""
        kind: Any = torch.distributed.ProcessGroup
        originals = {name: method for name, method in vars(kind).items() if _METHODS.match(name)}
        for name, method in originals.items():
            setattr(kind, name, self._told_by(method, threading.get_ident()))
        self._watched = True
        try:
            yield
        finally:
            self._watched = False
            for name, method in originals.items():
                setattr(kind, name, method)

    def begin(self, call: AttentionCall, made_of: int, attention: int) -> None:
        """Take notice of an attention, and of what its queries and keys are made of: both as sets of sources."""
        for name in [name for name, (own, _) in self._open.items() if own & made_of]:
            del self._open[name]
            self.passed_on.add(name)
        queries = call.queries
        self._open[call.name] = attention, queries.numel() // (queries.shape[-1] * queries.shape[1])
        self._begun.add(call.name)

    def came(self, result: Any) -> None:
        """`result` is what the operation gives in which attentions began: their weights, or what these give."""
        if self._watched:
            for x in tensors_in(result):
                self._linear[x] = {*self._begun}
        self._begun.clear()

    def follow(self, func: Callable[..., Any], operation: str, args: tuple[Any, ...], kwargs: dict[str, Any],
               result: Any) -> None:  # fmt: skip
        """Take notice of one operation of the pass: torch's functional collectives are some."""
        if not self._watched:
            return
        if operation in _LINEAR:
            self._add(self._linear, self._of(self._linear, (args, kwargs)), result)
        if self._parts:
            self._follow_parts(func, operation, args, kwargs, result)
        if not _FUNCTIONAL.match(kind := operator_name(func)):
            return
        given = (*args, *kwargs.values())  # the name of the group among them, or itself
        for group, name in torch.distributed.distributed_c10d._world.pg_names.items():
            if any(x is group or (isinstance(x, str) and x == name) for x in given):
                self._meet(group, tensors_in((args, kwargs, result)), adds="reduce" in kind and "sum" in given)
                self._gather(group, kind, result, args)
                break

    def _told_by(self, method: Callable[..., Any], thread: int) -> Callable[..., Any]:
        @functools.wraps(method)
        def exchanging(group: "ProcessGroup", *args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() == thread:
                self._meet(group, tensors_in((args, kwargs)), adds=_adds(method.__name__, args))
                self._gather(group, method.__name__, args[0] if args else None, args[1:])
            return method(group, *args, **kwargs)

        return exchanging

    def _meet(self, group: "ProcessGroup", tensors: Iterable[Tensor], *, adds: bool) -> None:
        exchanged = list(tensors)
        linear = self._of(self._linear, exchanged)
        if adds:
            self.joined |= linear
        found = functools.reduce(operator.or_, map(self._sources.of, exchanged), 0)
        if group.size() < 2 or not found:
            return
        self._sources.add(found, exchanged)
        most = max(x.numel() for x in exchanged)
        for name in [name for name, (own, n) in self._open.items() if own & found and most >= _LEAST * n]:
            del self._open[name]
            self.groups[name] = group

    def _gather(self, group: "ProcessGroup", method: str, results: Any, given: Any) -> None:
        """`results`, a tensor or one a process, are made of what all processes of `group` give by `method`."""
        names, found = self._of(self._linear, given), [_bare(x) for x in tensors_in(results)]
        if not names or "gather" not in method:
            return
        if len(found) == 1:
            ranks = torch.arange(group.size(), device=found[0].device).repeat_interleave(
                found[0].numel() // group.size()
            )
            if len(ranks) == found[0].numel():
                self._parts[found[0]] = names, ranks.view(found[0].shape)
            return
        for place, x in enumerate(found):
            self._parts[x] = names, torch.full((), place % group.size(), device=x.device).expand(x.shape)

    def _follow_parts(self, func: Callable[..., Any], operation: str, args: tuple[Any, ...], kwargs: dict[str, Any],
                      result: Any) -> None:  # fmt: skip
        x: Any = _bare(args[0]) if args else None
        if operation in _JOINING and isinstance(result, Tensor):
            tensors = [_bare(one) for one in (args[0] if args else kwargs["tensors"])]
            known = [self._parts.get(one, (set[str](), torch.full((), -1, device=one.device).expand(one.shape)))
                     for one in tensors]  # fmt: skip
            options = {key: value for key, value in kwargs.items() if key not in ("tensors", "out")}
            if names := set[str]().union(*(of_one for of_one, _ in known)):
                self._parts[result] = names, func([ranks for _, ranks in known], *args[1:], **options)
        elif operation in MOVING | REGROUPING and x in self._parts:
            names, ranks = self._parts[x]
            for one, move in replayed(func, operation, args, kwargs, result):
                self._parts[one] = names, move(ranks)
        elif operation in IN_PLACE or operation.startswith("wait_tensor"):
            others = [self._parts[one] for one in map(_bare, tensors_in(args)) if one in self._parts]
            if others and isinstance(result, Tensor) and result.shape == others[0][1].shape:
                self._parts[result] = others[0]
        elif (summed := _summed(operation, args, kwargs)) is not None:
            for one, axes, other in summed:
                if one in self._parts and not self._sources.of(other):
                    names, ranks = self._parts[one]
                    first = ranks
                    for axis in axes:
                        first = first.narrow(axis, 0, 1)
                    self.joined |= set() if bool((ranks == first).all()) else names

    @staticmethod
    def _of(known: OfTensors[set[str]], values: Any) -> set[str]:
        return set[str]().union(*(known.get(x, ()) for x in tensors_in(values)))

    @staticmethod
    def _add(known: OfTensors[set[str]], names: set[str], results: Any) -> None:
        for x in tensors_in(results) if names else ():
            known[x] = names


def _adds(method: str, args: Iterable[Any]) -> bool:
    """Whether what a method of a process group exchanges is added up."""
    return "reduce" in method and all(getattr(x, "reduceOp", _SUM) == _SUM for x in args)


def _bare(x: Any) -> Any:
    """What a functional collective gives, without the tensor around it that waits for it."""
    return x.elem if type(x).__name__ == "AsyncCollectiveTensor" else x


def _summed(operation: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[Any, list[int], Any]] | None:
    """Of each tensor that is multiplied with another, and summed: which of its axes, and the other one."""
    if operation in ("linear", "addmm", "mm"):
        given = args[operation == "addmm" :]
        return [(_bare(given[0]), [-1], given[1])] if len(given) > 1 else None
    found = read_contraction(operation, args, kwargs)
    if found is None:
        return None
    sides = ((found.left, found.of_left, found.right), (found.right, found.of_right, found.left))
    return [
        (_bare(x), [place for place, label in enumerate(labels) if label in found.summed], other)
        for x, labels, other in sides
    ]
