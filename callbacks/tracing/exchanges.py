"""Exchanges: which attentions' results the processes of a group exchange before another attention takes them.

Where a model's own code splits heads over processes, each process has the results of some heads, and the group brings
them together: summed behind their projection, or laid side by side. Copies of all heads would be summed only behind
what is not linear (a split MLP): of these the results are not `joined`.
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
from .contraction import OPERATIONS
from .kernels import operator_name
from .nested import tensors_in
from .of_tensors import OfTensors
from .sources import Sources

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

_METHODS = re.compile(r"_?(all|reduce|gather)")  # of a process group, that exchange tensors
_FUNCTIONAL = re.compile(r"_?c10d_functional::(all|reduce)")
_LINEAR = OPERATIONS | MOVING | REGROUPING | SAME | {"linear", "addmm", "mm", "add", "iadd", "radd", "dropout"}
_JOINING = {"cat", "concat", "concatenate"}
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
        self._parts = OfTensors[set[str]]()  # likewise, gathered
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
        elif operation in _JOINING and isinstance(result, Tensor) and result.dim() > 2:
            axis = kwargs.get("dim", args[1] if len(args) > 1 else 0)
            if axis % result.dim() == result.dim() - 1:  # that of features
                self.joined |= self._of(self._parts, args[0] if args else kwargs.get("tensors"))
        if not _FUNCTIONAL.match(kind := operator_name(func)):
            return
        given = (*args, *kwargs.values())  # the name of the group among them, or itself
        for group, name in torch.distributed.distributed_c10d._world.pg_names.items():
            if any(x is group or (isinstance(x, str) and x == name) for x in given):
                self._meet(group, tensors_in((args, kwargs, result)), adds="reduce" in kind and "sum" in given)
                break

    def _told_by(self, method: Callable[..., Any], thread: int) -> Callable[..., Any]:
        @functools.wraps(method)
        def exchanging(group: "ProcessGroup", *args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() == thread:
                self._meet(group, tensors_in((args, kwargs)), adds=_adds(method.__name__, args))
            return method(group, *args, **kwargs)

        return exchanging

    def _meet(self, group: "ProcessGroup", tensors: Iterable[Tensor], *, adds: bool) -> None:
        exchanged = list(tensors)
        linear = self._of(self._linear, exchanged)
        if adds:
            self.joined |= linear
        else:
            self._add(self._parts, linear, exchanged)
        found = functools.reduce(operator.or_, map(self._sources.of, exchanged), 0)
        if group.size() < 2 or not found:
            return
        self._sources.add(found, exchanged)
        most = max(x.numel() for x in exchanged)
        for name in [name for name, (own, n) in self._open.items() if own & found and most >= _LEAST * n]:
            del self._open[name]
            self.groups[name] = group

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
