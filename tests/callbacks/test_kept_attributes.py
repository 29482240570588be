"""What modules keep in objects of their own is as it was after a pass over the probe."""

import array
import collections

import torch
from torch import nn

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
            self.tokens = collections.ChainMap({})

        def forward(self):
            self.tokens["a"] = 1

    model = Keeping()
    with undisturbed(model):
        model()
    assert dict(model.tokens) == {"a": 1}
