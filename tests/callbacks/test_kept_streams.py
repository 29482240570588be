"""What goes forward as a model uses it, and hooks and gradients, are as before a recorded pass, or named."""

import copy
import io
import itertools
import os
import queue
import sys
import threading
import warnings

import pytest
import torch
from torch import nn

from tb_attnviz.callbacks import Probe
from tb_attnviz.callbacks.capture import capture
from tb_attnviz.callbacks.capture.kept_hooks import hooks_put_back
from tb_attnviz.callbacks.capture.neutral import undisturbed
from tests.callbacks.models import IDS, Decoder

TOKENS = [[str(token) for token in row] for row in IDS.tolist()]
LATER = itertools.count()


class Using(Decoder):
    """Does something else in each pass."""

    def __init__(self, use):
        super().__init__()
        self.use = use

    def forward(self, ids):
        self.use(self)
        return super().forward(ids)


def pass_of(model):
    """What is warned of in a pass that is recorded."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        capture(model, Probe(IDS, TOKENS))
    return [str(warning.message) for warning in caught if "pass over the probe" in str(warning.message)]


def test_queues_and_streams_in_memory_are_as_before():
    def use(model):
        model.waiting.get()
        model.waiting.put("new")
        model.text.write("more")
        model.read.read(2)

    model = Using(use)
    model.waiting, model.text, model.read = queue.Queue(), io.StringIO("some"), io.BytesIO(b"bytes")
    model.waiting.put("old")
    assert pass_of(model) == []
    assert ([*model.waiting.queue], model.waiting.unfinished_tasks) == (["old"], 1)
    assert (model.text.getvalue(), model.text.tell(), model.read.tell()) == ("some", 0, 0)


@pytest.mark.parametrize("kind", [queue.Queue, queue.LifoQueue, queue.PriorityQueue])
def test_what_another_thread_does_with_a_queue_meanwhile_stays_done(kind):
    model, asked, done, taken = nn.Module(), queue.SimpleQueue(), queue.SimpleQueue(), []
    model.waiting = kind()
    for item in (1, 2, 3, 4):
        model.waiting.put(item)

    def log():
        for new in (11, 12):
            asked.get(timeout=60)
            taken.append(model.waiting.get())
            model.waiting.task_done()
            model.waiting.put(new)
            done.put(None)

    thread = threading.Thread(target=log)
    thread.start()
    with undisturbed(model):
        for _ in range(2):
            asked.put(None)
            done.get(timeout=60)
            model.waiting.get()
            model.waiting.task_done()
        model.waiting.put(99)
    thread.join()
    assert sorted([*model.waiting.queue, *taken]) == [1, 2, 3, 4, 11, 12]
    assert len(taken) == 2
    assert model.waiting.unfinished_tasks == 4
    assert not {"_put", "_get", "task_done"} & vars(model.waiting).keys()


def test_iterators_over_lists_and_files_that_are_read_stand_where_they_stood(tmp_path):
    (tmp_path / "read").write_text("abcdef")

    def use(model):
        next(model.numbers)
        model.file.read(2)

    model = Using(use)
    model.numbers = iter([1, 2, 3, 4])
    next(model.numbers)
    with (tmp_path / "read").open() as model.file:
        assert pass_of(model) == []
        assert (next(model.numbers), model.file.read(2)) == (2, "ab")


def test_an_iterator_that_the_pass_replaces_is_back():
    def use(model):
        if next(model.numbers, None) is None:
            model.numbers = iter([5, 6])

    model = Using(use)
    numbers = model.numbers = iter([1])
    next(numbers)
    assert pass_of(model) == []
    assert model.numbers is numbers


@pytest.mark.parametrize("taken", [0, 2, 3, 4])  # before the pass: in the first round, or behind it
@pytest.mark.parametrize("steps", [1, 4])  # of each pass
@pytest.mark.parametrize("copied", [False, True])
def test_a_cycle_goes_on_where_it_was(taken, steps, copied):
    if copied and sys.version_info >= (3, 14):
        pytest.skip("itertools cannot be copied")
    model = Using(lambda model: [next(model.learning_rates) for _ in range(steps)])
    rates = itertools.cycle(["a", "b", "c"])
    for _ in range(taken):
        next(rates)
    model.learning_rates = copy.deepcopy(rates) if copied else rates
    assert pass_of(model) == []
    assert [next(model.learning_rates) for _ in range(4)] == [*"abcabcab"][taken : taken + 4]


def test_iterators_that_take_from_others_are_put_back_with_them():
    model = Using(lambda model: (next(model.pairs), next(model.mapped)))
    model.pairs, model.mapped = zip([1, 2, 3], "abc", strict=False), map(str, [1, 2, 3])
    next(model.pairs)
    assert pass_of(model) == []
    assert (next(model.pairs), next(model.mapped)) == ((2, "b"), "1")


@pytest.mark.parametrize(
    "name",
    ["counter", "generator", "numbered", "values", "cycled", "chained", "some", "pairs", "same", "copied", "written"],
)
def test_what_cannot_be_put_back_is_named_once(tmp_path, name):
    model = Using(lambda model: model.written.write("x") if name == "written" else next(getattr(model, name)))
    model.counter, model.generator = itertools.count(3), (1 for _ in range(9))
    model.numbered, model.values = enumerate("abc"), iter({1: 2, 3: 4, 5: 6}.values())
    model.cycled = itertools.cycle(x for x in range(9))
    model.chained, model.some = itertools.chain("ab", "cd"), itertools.islice("abcd", 3)
    model.pairs, model.same, model.copied = (
        itertools.product("ab", "cd"),
        itertools.repeat(1, 3),
        itertools.tee("ab")[0],
    )
    with (tmp_path / "written").open("w") as model.written:
        [said] = pass_of(model)
        assert f"changes what cannot be put back: {name} (an object of " in said
        assert pass_of(model) == []


def test_global_counters_that_forward_names_are_named():
    [said] = pass_of(Using(lambda model: next(LATER)))
    assert "an object of itertools.count" in said


def test_generators_that_functions_have_closed_over_are_named():
    numbers = (number for number in range(9))
    [said] = pass_of(Using(lambda model: next(numbers)))
    assert "an object of builtins.generator" in said


def test_hooks_and_gradients_and_the_environment_are_as_before():
    def use(model):
        first, weight = model.blocks[0], model.blocks[0].qkv.weight
        first.register_forward_hook(lambda *_: None)
        handle.remove()
        weight.register_hook(lambda gradient: gradient)
        weight.grad = None
        os.environ["ATTNVIZ_TEST"] = "changed"

    model = Using(use)
    handle = model.blocks[1].register_forward_pre_hook(lambda *_: None)
    weight = model.blocks[0].qkv.weight
    gradient = weight.grad = torch.ones_like(weight)
    os.environ["ATTNVIZ_TEST"] = "before"
    assert pass_of(model) == []
    assert os.environ.pop("ATTNVIZ_TEST") == "before"
    assert not model.blocks[0]._forward_hooks
    assert len(model.blocks[1]._forward_pre_hooks) == 1
    assert not weight._backward_hooks
    assert weight.grad is gradient


def test_a_hook_that_a_package_removes_in_its_first_pass_stays_away():
    lazy = nn.LazyLinear(3)
    with hooks_put_back(lazy):
        lazy(torch.ones(2, 5))
    assert lazy(torch.ones(2, 5)).shape == (2, 3)


def test_a_model_without_its_weights_yet_is_refused_by_name():
    model = nn.Sequential(nn.Linear(2, 2), nn.LazyLinear(3))
    with pytest.raises(ValueError, match=r"1\.weight has no numbers yet: a lazy module makes them"), undisturbed(model):
        pass


def test_a_frozen_script_has_no_mode_to_put_back():
    model = Using(lambda model: model.part(torch.ones(1)))
    model.part = torch.jit.freeze(torch.jit.script(nn.Linear(1, 1).eval()))
    assert pass_of(model) == []
