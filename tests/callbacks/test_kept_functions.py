"""What a model's own functions keep in variables outside of modules is as it was after a pass over the probe."""

import collections
import contextvars
import functools
import sys
import threading
import types
import typing
import weakref

import numpy as np
import pytest
import torch
from torch import nn

from tb_attnviz.callbacks.capture.neutral import undisturbed
from tb_attnviz.callbacks.capture.own_code import is_written_here

PASSES = 0
LOSSES: list[float] = []
STATISTICS = torch.zeros(2)
TABLE = np.zeros(2)
SETTINGS = types.SimpleNamespace(seen=0)
RECENT = collections.deque([0], maxlen=2)
CACHE: "weakref.WeakKeyDictionary[object, int]" = weakref.WeakKeyDictionary()
UNASKED: list[int] = []


class Meter:
    total = 0

    def __init__(self):
        self.value, self.history = 0, []

    def update(self):
        self.value += 1
        self.history.append(self.value)
        Meter.total += 1


METER = Meter()


def counts_itself():
    counts_itself.calls = getattr(counts_itself, "calls", 0) + 1


def remembers(_log=[]):  # noqa: B006
    _log.append(1)


def closure():
    calls, log = 0, []

    def count():
        nonlocal calls
        calls += 1
        log.append(calls)

    return count, lambda: (calls, [*log])


COUNT, COUNTED = closure()


def number():
    global PASSES
    PASSES += 1


def another_tensor():
    global STATISTICS
    STATISTICS = STATISTICS + 1


def new_variable():
    global LATE
    LATE = globals().get("LATE", 0) + 1


def weakly():
    CACHE[METER] = 1


def in_a_frozen_way():
    SETTINGS.seen += 1


def through_others():
    with torch.no_grad():
        decorated()


@torch.no_grad()
def decorated():
    LOSSES.append(2.0)


class Elsewhere(nn.Module):
    seen: typing.ClassVar = []


TABLE_OF_FUNCTIONS = {"a": [counts_itself]}
WAYS = {
    "by the name of a variable": (lambda: globals().update(PASSES=globals()["PASSES"] + 1), lambda: PASSES),
    "through the list of modules": (lambda: setattr(sys.modules[__name__], "PASSES", 7), lambda: PASSES),
    "of another model's class": (lambda: Elsewhere.seen.append(1), lambda: [*Elsewhere.seen]),
    "a function in a table": (lambda: TABLE_OF_FUNCTIONS["a"][0](), lambda: vars(counts_itself).copy()),
    "a number": (number, lambda: PASSES),
    "a list": (lambda: LOSSES.append(1.0), lambda: [*LOSSES]),
    "a tensor": (lambda: STATISTICS.add_(1), STATISTICS.tolist),
    "another tensor": (another_tensor, lambda: STATISTICS.tolist()),
    "an array": (lambda: TABLE.__iadd__(1), TABLE.tolist),
    "a namespace": (in_a_frozen_way, lambda: SETTINGS.seen),
    "a queue": (lambda: RECENT.append(1), lambda: [*RECENT]),
    "weak keys": (weakly, lambda: dict(CACHE)),
    "a new variable": (new_variable, lambda: "LATE" in globals()),
    "an object": (lambda: METER.update(), lambda: (METER.value, [*METER.history], Meter.total)),
    "an attribute of a function": (counts_itself, lambda: vars(counts_itself).copy()),
    "a default": (remembers, lambda: [*remembers.__defaults__[0]]),
    "a closure": (COUNT, COUNTED),
    "through a decorated function": (through_others, lambda: [*LOSSES]),
    "a partial function": (functools.partial(lambda log: log.append(1), RECENT), lambda: [*RECENT]),
}


class Model(nn.Module):
    def __init__(self, way):
        super().__init__()
        self.way = way

    def forward(self, x):
        self.way()
        return x


@pytest.mark.parametrize("name", WAYS)
def test_what_functions_keep_outside_of_modules_is_as_it_was(name):
    way, read = WAYS[name]
    model, before = Model(way), read()
    with undisturbed(model):
        model(torch.zeros(1))
        assert read() != before
    assert read() == before


class Collector:
    def __init__(self):
        self.outputs = []

    def take(self, module, inputs, output):
        self.outputs.append(output)

    def __call__(self, module, inputs, output):
        self.outputs.append(output)


def test_what_hooks_collect_is_as_it_was():
    collected, by_name, collector, called = [], {}, Collector(), Collector()

    def save(name):
        return lambda module, inputs, output: by_name.update({name: output})

    model = Model(lambda: None)
    model.register_forward_hook(lambda module, inputs, output: collected.append(output))
    for hook in (save("out"), collector.take, called):
        model.register_forward_hook(hook)
    with undisturbed(model):
        model(torch.zeros(1))
        assert collected
        assert by_name
        assert collector.outputs
        assert called.outputs
    assert [*collected, *by_name, *collector.outputs, *called.outputs] == []


def test_variables_that_the_model_does_not_name_are_left_alone():
    """Another thread may be writing to them."""
    model = Model(lambda: None)
    with undisturbed(model):
        model(torch.zeros(1))
        UNASKED.append(1)
    assert UNASKED.pop() == 1


def test_what_is_loaded_once_stays_loaded():
    """A variable that holds something of a kind that cannot be known now is not set back to what it was."""

    def load():
        global LIBRARY
        LIBRARY = torch.nn

    globals()["LIBRARY"] = None
    model = Model(load)
    with undisturbed(model):
        model(torch.zeros(1))
    assert LIBRARY is torch.nn


def test_packages_that_are_installed_keep_what_is_theirs(monkeypatch):
    assert is_written_here(__name__)
    monkeypatch.setitem(sys.modules, "of_a_notebook", types.ModuleType("of_a_notebook"))  # without a file
    assert is_written_here("of_a_notebook")
    assert not any(map(is_written_here, ("torch.nn", "numpy", "numpy.linalg", "tb_attnviz", "collections")))


class Shy(types.ModuleType):
    """A module that is loaded only when it is asked for something, and cannot be."""

    def __getattr__(self, name):
        raise ImportError(name)


def test_odd_modules_and_classes_are_no_obstacle(monkeypatch):
    monkeypatch.setitem(sys.modules, "shy", Shy("shy"))
    monkeypatch.setattr(Collector, "__module__", None)
    monkeypatch.setitem(globals(), "ODD", type("Odd", (), {"__module__": "shy", "p": property()})())
    model = Model(lambda: (Collector(), ODD, Model))  # noqa: F821
    with undisturbed(model):
        model(torch.zeros(1))


class Growing(nn.Module):
    """Makes a part of itself in its first pass, and freezes another."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 2)

    def forward(self, x):
        if not hasattr(self, "second"):
            self.second, self.scale = nn.Linear(2, 2), nn.Parameter(torch.ones(1))
        self.first.weight.requires_grad_(False)
        return self.second(self.first(x)) * self.scale


def test_parts_that_the_pass_makes_are_gone_and_nothing_stays_frozen():
    model = Growing()
    with undisturbed(model):
        model(torch.zeros(1, 2))
    assert [name for name, _ in model.named_parameters()] == ["first.weight", "first.bias"]
    assert [name for name, _ in model.named_modules()] == ["", "first"]
    assert model.first.weight.requires_grad


def test_classes_and_states_that_functions_have_closed_over_are_as_before():
    class Counter:
        total = 0

        @classmethod
        def count(cls):
            cls.total += 1

    local = threading.local()
    variable = contextvars.ContextVar("passes", default=0)
    variable.set(1)
    local.passes = 0

    class Counting(nn.Module):
        def forward(self):
            Counter.count()
            local.passes += 1
            variable.set(variable.get() + 1)

    model = Counting()
    with undisturbed(model):
        model()
    assert (Counter.total, local.passes, variable.get()) == (0, 0, 1)
