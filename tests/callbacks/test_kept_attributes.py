"""What modules keep in objects of their own is as it was after a pass over the probe."""

import array
import collections
import dataclasses
import enum
import pathlib
import threading
import warnings
import weakref
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from tb_attnviz.callbacks.capture import kept_attributes, written_parameters
from tb_attnviz.callbacks.capture.neutral import undisturbed


class Counts:
    """An object as people write them."""

    def __init__(self):
        self.passes, self.losses = 0, []
        self.parent = None


class Slotted:
    __slots__ = ("__hidden", "last", "passes")

    def __init__(self):
        self.passes, self.__hidden = 0, [1]

    def count(self):
        self.passes += 1
        self.last = self.passes
        self.__hidden.append(2)

    @property
    def hidden(self):
        return self.__hidden


class History(dict):
    """A dictionary with an attribute."""

    length = 0


class Overloaded:
    """Sets its attributes its own way."""

    def __init__(self):
        vars(self)["values"] = {}

    def __setattr__(self, name, value):
        vars(self)["values"] = {**self.values, name: value}


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.counts, self.slotted, self.history, self.overloaded = Counts(), Slotted(), History(a=[1]), Overloaded()
        self.counts.parent = self.counts  # without an end
        self.shared = {"same": self.counts}
        self.bytes, self.numbers = bytearray(b"ab"), array.array("d", [1.0, 2.0])
        self.by_name, self.in_order = collections.UserDict(a=[1]), collections.UserList([1])

    def forward(self):
        self.counts.passes += 1
        self.counts.losses.append(torch.zeros(1))
        self.counts.new = True
        self.slotted.count()
        self.history["a"].append(2)
        self.history["b"] = 1
        self.history.length = 2
        self.overloaded.x = 1
        self.bytes += b"c"
        self.bytes[0] = 0
        self.numbers.append(3.0)
        self.by_name["a"].append(2)
        self.by_name["b"] = 1
        self.in_order.append(2)


def test_objects_that_modules_keep_are_as_they_were():
    model = Model()
    kept = {name: value for name, value in vars(model).items() if not name.startswith("_")}
    with undisturbed(model):
        model()
        assert (model.counts.passes, model.slotted.hidden, model.history.length) == (1, [1, 2], 2), (
            "it does change them"
        )
    assert all(getattr(model, name) is value for name, value in kept.items())
    assert vars(model.counts) == {"passes": 0, "losses": [], "parent": model.counts}
    assert (model.slotted.passes, hasattr(model.slotted, "last"), model.slotted.hidden) == (0, False, [1])
    assert (model.history, vars(model.history)) == ({"a": [1]}, {})
    assert model.overloaded.values == {}
    assert (bytes(model.bytes), model.numbers.tolist()) == (b"ab", [1.0, 2.0])
    assert (dict(model.by_name), list(model.in_order)) == ({"a": [1]}, [1])


def test_objects_of_other_packages_are_left_alone():
    """What belongs to a logger or to a lock, nothing here can know."""

    class Keeping(nn.Module):
        def __init__(self):
            super().__init__()
            self.done = threading.Event()

        def forward(self):
            self.done.set()

    model = Keeping()
    with undisturbed(model):
        model()
    assert model.done.is_set()


def refuses(*_, **__):
    raise RuntimeError("of its own")


class Strict(dict):
    update = clear = __setitem__ = keys = values = items = __iter__ = refuses


class StrictOrder(collections.OrderedDict):
    update = clear = __setitem__ = refuses


class StrictList(list):
    clear = extend = append = __iter__ = refuses


class StrictQueue(collections.deque):
    clear = extend = refuses


def test_own_containers_are_put_back_without_their_own_methods():
    class Keeping(nn.Module):
        def __init__(self):
            super().__init__()
            self.strict, self.items, self.last = Strict(a=[1]), StrictList([1]), 0
            self.order, self.queue = StrictOrder(), StrictQueue([1, 2])
            collections.OrderedDict.__setitem__(self.order, "a", 1)

        def forward(self):
            dict.__setitem__(self.strict, "b", 1)
            dict.__getitem__(self.strict, "a").append(2)
            list.append(self.items, 2)
            collections.OrderedDict.__setitem__(self.order, "b", 2)
            self.queue.rotate()
            self.last = 1

    model = Keeping()
    with undisturbed(model):
        model()
    assert dict.__eq__(model.strict, {"a": [1]})
    assert list.__eq__(model.items, [1])
    assert (dict(model.order), list(model.queue), model.last) == ({"a": 1}, [1, 2], 0)


def test_the_order_of_a_dictionary_is_put_back():
    class Keeping(nn.Module):
        def __init__(self):
            super().__init__()
            self.recent = collections.OrderedDict(a=1, b=2)

        def forward(self):
            self.recent.move_to_end("a")

    model = Keeping()
    with undisturbed(model):
        model()
    assert list(model.recent) == ["a", "b"]


class Key:
    """Can be hashed no more once it is spoilt."""

    spoilt = threading.Event()  # which nothing puts back

    def __hash__(self):
        return refuses() if Key.spoilt.is_set() else 1


def test_what_cannot_be_put_back_keeps_nothing_else_from_it():
    class Keeping(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.by_key, self.last = [0], {Key(): 1}, [0]

        def forward(self):
            self.by_key.clear()
            self.first.append(1), self.last.append(1)
            Key.spoilt.set()

    model = Keeping()
    with pytest.raises(RuntimeError, match="of its own"), undisturbed(model):
        model()
    Key.spoilt.clear()
    assert (model.first, model.last) == ([0], [0])


class Hidden:
    """Answers nothing about itself."""

    __slots__ = ("count", "parent")

    def __getattribute__(self, name):
        raise KeyError(name)

    def __getattr__(self, name):
        raise KeyError(name)


def test_own_objects_are_not_asked_what_they_are():
    class Keeping(nn.Module):
        def __init__(self):
            super().__init__()
            self.counts, hidden, gone = Counts(), Hidden(), Counts()
            self.hidden = [hidden]  # PyTorch itself asks what is an attribute
            self.counts.parent, self.proxy = weakref.proxy(gone), weakref.proxy(self.counts)
            hidden.count, hidden.parent = 0, weakref.proxy(gone)

        def forward(self):
            self.counts.passes += 1
            self.hidden[0].count = 1
            self.hidden[0].parent = None

    model = Keeping()
    parent = vars(model.counts)["parent"]
    with undisturbed(model):
        model()
    assert (model.counts.passes, vars(model.counts)["parent"] is parent) == (0, True)
    assert vars(Hidden)["count"].__get__(model.hidden[0]) == 0
    assert type(vars(Hidden)["parent"].__get__(model.hidden[0])) is weakref.ProxyType


def test_what_lies_deep_is_put_back():
    class Keeping(nn.Module):
        def __init__(self):
            super().__init__()
            self.chain = []
            for _ in range(2_000):
                self.chain = [self.chain]

        def forward(self):
            inner = self.chain
            while inner:
                (inner,) = inner
            inner.append([])

    model = Keeping()
    with undisturbed(model):
        model()
    inner, depth = model.chain, 0
    while inner:
        (inner,), depth = inner, depth + 1
    assert depth == 2_000


class Worker(threading.Thread):
    """Of the model's package, and yet no state of the model's."""

    rounds = 0


def test_arrays_in_files_and_threads_are_left_alone(tmp_path):
    class Keeping(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = np.memmap(tmp_path / "table", np.float32, "w+", shape=3)
            self.rows, self.fixed, self.array = np.asarray(self.table)[:2], np.zeros(2), np.array([np.nan, 0.0])
            self.fixed.flags.writeable = False
            self.worker = Worker()

        def forward(self):
            self.rows[0], self.table[2], self.array[1] = 1, 2, -0.0
            self.worker.rounds += 1

    model = Keeping()
    with undisturbed(model):
        model()
    assert (model.table.tolist(), model.worker.rounds) == ([1, 0, 2], 1)
    assert np.isnan(model.array[0])
    assert not np.signbit(model.array[1])


class Phase(enum.Enum):
    WARM, COLD = 1, 2


class Pair(NamedTuple):
    number: int
    items: list[int]


class Number(int):
    """A number with a name of its own."""


@dataclasses.dataclass(frozen=True)
class State:
    sums: torch.Tensor
    items: list[int]


class Replacing(nn.Module):
    """Puts other values in the place of those that cannot be written, and writes to what they hold."""

    def __init__(self):
        super().__init__()
        self.phase, self.seen, self.path = Phase.WARM, frozenset({1}), pathlib.PurePath("a")
        self.number, self.pair, self.state = Number(1), Pair(1, [1]), State(torch.zeros(1), [1])
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self):
        self.pair.items.append(2)
        self.state.items.append(2)
        self.state.sums.add_(1)
        self.weight.passes = getattr(self.weight, "passes", 0) + 1
        self.phase, self.seen, self.path = Phase.COLD, self.seen | {2}, self.path / "b"
        self.number, self.pair = Number(2), self.pair._replace(number=2)
        self.state = dataclasses.replace(self.state, items=[])


def test_values_that_stay_as_they_are_are_kept_with_what_they_hold():
    model = Replacing()
    names = ("phase", "seen", "path", "number", "pair", "state")
    before = [getattr(model, name) for name in names]
    with undisturbed(model):
        model()
    assert all(getattr(model, name) is value for name, value in zip(names, before, strict=True))
    assert vars(model.weight) == {}
    assert (model.pair.items, model.state.items, model.state.sums.tolist()) == ([1], [1], [0.0])


def test_of_large_things_what_is_written_to_is_named(monkeypatch):
    """There is no room for copies of all: of attributes it is told, and buffers are put back from the next pass on."""
    for where in (kept_attributes, written_parameters):
        monkeypatch.setattr(where, "MOST", 100)
    model = nn.Module()
    model.small, model.tensor, model.array = torch.zeros(2), torch.zeros(100), np.zeros(100)
    model.register_buffer("table", torch.zeros(100))
    model.register_buffer("count", torch.zeros(2))

    def write(*names):
        with undisturbed(model):
            for name in names:
                vars(model).get(name, model._buffers.get(name))[0] = 1

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write("small", "count")
    assert (float(model.small[0]), float(model.count[0])) == (0, 0)
    with pytest.warns(RuntimeWarning) as told:
        write("tensor", "array", "table")
    [of_buffer, of_others] = sorted(str(warning.message) for warning in told)
    assert "wrote to its parameters, gradients or buffers in evaluation mode, in" in of_buffer
    assert "the probe: table" in of_buffer
    assert "changes what cannot be put back: array (an object of numpy.ndarray), tensor (an" in of_others
    model.table[0] = 0
    write("table")
    assert float(model.table[0]) == 0


def test_sparse_tensors_are_kept_too():
    model = nn.Module()
    model.register_buffer("table", torch.eye(2).to_sparse())
    model.links = torch.eye(2).to_sparse()
    with undisturbed(model):
        model.table.mul_(2)
        model.links.mul_(2)
    assert torch.equal(model.table.to_dense() + model.links.to_dense(), 2 * torch.eye(2))


def test_a_buffer_made_in_inference_mode_is_left_alone():
    model = nn.Module()
    with torch.inference_mode():
        model.register_buffer("table", torch.zeros(2))
    with undisturbed(model):
        pass
