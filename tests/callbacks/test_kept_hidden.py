"""What a model keeps where no list or attribute shows it is as it was after a pass over the probe, or named."""

import argparse
import collections
import copy
import ctypes
import dataclasses
import functools
import multiprocessing
import types
import warnings
import weakref

import numpy as np
import pytest
import torch
from torch import nn

from tb_attnviz.callbacks.capture.neutral import undisturbed


class Bag(dict):
    """Of another package, say."""


Bag.__module__ = "another.package"


@dataclasses.dataclass(frozen=True)
class Frozen:
    passes: int = 0

    def count(self):
        object.__setattr__(self, "passes", self.passes + 1)


@functools.cache
def remembered(n):
    return [n]


@functools.lru_cache
def remembered_in_order(n):
    """Knows more of itself than is asked for."""
    return remembered(n)


class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.passes, self.weight = 0, nn.Parameter(torch.zeros(1))
        self.register_buffer("average", torch.zeros(1))

    def count(self):
        self.passes += 1
        self.average.add_(1)
        self.weight.data.add_(1)


def state_of(inner):
    return inner.passes, inner.average.item(), inner.weight.item()


HELD = weakref.WeakSet()

WAYS = {  # what a module has, what it does with it, and what that shows
    "several dictionaries as one": (
        collections.ChainMap({}, {"a": 1}),
        lambda x: x.update(b=1),
        lambda x: [*map(dict, x.maps)],
    ),
    "arguments of a command": (argparse.Namespace(step=0), lambda x: setattr(x, "step", 1), vars),
    "another package's dictionary": (Bag(a=[1]), lambda x: (x.update(b=1), x["a"].append(2)), dict),
    "a frozen record": (Frozen(), Frozen.count, lambda x: x.passes),
    "a view of a dictionary": (types.MappingProxyType({"a": [1]}), lambda x: x["a"].append(2), dict),
    "whether it has gradients": (torch.zeros(1), lambda x: x.requires_grad_(), lambda x: x.requires_grad),
    "memory that is shown": (memoryview(bytearray(4)), lambda x: x.__setitem__(0, 1), bytes),
    "a number of C": (ctypes.c_int(1), lambda x: setattr(x, "value", 2), lambda x: x.value),
    "objects in an array": (np.array([[1]], object), lambda x: x.__setitem__((0, 0), 2), lambda x: x.tolist()),
    "lists in an array": (np.array([[1], None], object)[:1], lambda x: x[0].append(2), lambda x: x.tolist()),
    "a masked array": (
        np.ma.array([1.0, 2.0], mask=[0, 1]),
        lambda x: x.__setitem__(1, 3.0),
        lambda x: (x.data.tolist(), x.mask.tolist()),
    ),
    "a matrix": (np.asmatrix([[1.0]]), lambda x: x.__setitem__((0, 0), 2), lambda x: x.tolist()),
    "a module in a list": ([Inner()], lambda x: x[0].count(), lambda x: state_of(x[0])),
    "modules in a dictionary": (
        {"a": nn.Sequential(Inner())},
        lambda x: x["a"][0].count(),
        lambda x: state_of(x["a"][0]),
    ),
    "a function with a cache": (remembered, lambda x: remembered(7), lambda x: x.cache_info().currsize),
    "one with a bound": (remembered_in_order, lambda x: remembered_in_order(7), lambda x: x.cache_info().currsize),
    "a table, backwards": (reversed((1, 2)), next, lambda x: x.__length_hint__()),
    "weakly": (HELD, lambda x: x.add(Inner), len),
}


class Model(nn.Module):
    def __init__(self, held, use):
        super().__init__()
        self.held, self.use = held, use

    def forward(self):
        self.use(self.held)


@pytest.mark.parametrize("name", WAYS)
def test_what_a_model_holds_is_as_it_was(name):
    held, use, read = WAYS[name]
    model, before = Model(held, use), copy.deepcopy(read(held))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with undisturbed(model):
            model()
            assert read(held) != before
    assert read(held) == before
    assert model.held is held


def test_what_a_cache_knew_it_knows():
    for cached in (remembered, remembered_in_order):
        known = cached(1)
        model = Model(cached, lambda use: (use(1).append(2), use(2)))
        with undisturbed(model):
            model()
        assert (cached(1), cached(1) is known, cached(2)) == ([1], True, [2])
        assert [cached(n) for n in range(200)] == [[n] for n in range(200)], "and remembers more"
        cached.cache_clear()


class Slotted(nn.Module):
    __slots__ = ("passes", "seen")

    def forward(self):
        self.passes += 1
        self.seen.append(1)


def test_slots_of_modules_are_as_they_were():
    model = Slotted()
    model.passes, model.seen = 0, []
    with undisturbed(model):
        model()
        assert (model.passes, model.seen) == (1, [1])
    assert (model.passes, model.seen) == (0, [])


class Changing(nn.Module):
    """Has functions as states, and puts other parts in the place of its own."""

    def __init__(self):
        super().__init__()
        self.layer, self.last, self.weight, self.bias = nn.Linear(1, 1), nn.ReLU(), nn.Parameter(torch.zeros(1)), None
        self.register_parameter("scale", None)
        self.state, self.kind, self.recent = self.warm, int, weakref.ref(self)

    def warm(self):
        self.state, self.kind, self.recent = self.cold, float, weakref.ref(self.last)

    def cold(self):
        """The next state."""

    def forward(self):
        self.state()
        self.layer, self.scale = nn.Linear(1, 1), nn.Parameter(torch.ones(1))
        self.weight = nn.Parameter(torch.ones(1))
        del self.last


def test_functions_and_parts_that_the_pass_replaces_are_back():
    model = Changing()
    parts, state = [*model.named_modules(), *model.named_parameters()], model.state
    with undisturbed(model):
        model()
        assert model.state == model.cold
    now = [*model.named_modules(), *model.named_parameters()]
    assert [name for name, _ in now] == [name for name, _ in parts]
    assert all(one is other for (_, one), (_, other) in zip(now, parts, strict=True))
    assert (model.scale, model.state, model.kind, model.recent()) == (None, state, int, model)


def test_gradients_that_a_pass_writes_to_are_as_they_were():
    ways = {
        "past the version": lambda grad: grad.data.zero_(),
        "in place": lambda grad: grad.mul_(2),
        "other memory": lambda grad: setattr(grad, "data", torch.zeros(3)),
    }
    for write in ways.values():
        model = nn.Linear(1, 2)
        model.register_forward_pre_hook(lambda module, inputs, write=write: write(module.weight.grad))
        with undisturbed(model):
            pass  # without gradients as yet
        model.weight.grad = torch.tensor([[1.0], [torch.nan]])
        before = model.weight.grad.clone()
        for _ in range(2):
            with undisturbed(model):
                model(torch.zeros(1, 1))
            assert torch.equal(model.weight.grad.nan_to_num(7), before.nan_to_num(7))


def test_what_cannot_be_put_back_is_named():
    held = types.SimpleNamespace(
        shared=multiprocessing.Value("i", 0),
        row=multiprocessing.RawArray("d", 2),
        optimizer=torch.optim.SGD([weight := nn.Parameter(torch.ones(1))], 0.1, momentum=0.9),
        batches=iter(torch.utils.data.DataLoader([1, 2, 3])),
    )

    def train(held):
        weight.grad = torch.ones(1)
        held.optimizer.step()
        held.shared.value += 1
        held.row[1] += 1
        next(held.batches)

    train(held)
    model = Model(held, train)
    with pytest.warns(RuntimeWarning, match="changes what cannot be put back") as told, undisturbed(model):
        model()
    for kind in ("Synchronized", "c_double_Array_2", "SGD", "_SingleProcessDataLoaderIter"):
        assert kind in str(told[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with undisturbed(Model(held, lambda held: None)):
            pass
