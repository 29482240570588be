"""Training with the recorder is, bit for bit, training without it."""

import collections
import contextlib
import dataclasses
import itertools
import queue
import random
import types

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.overrides import _len_torch_function_stack
from torch.utils.checkpoint import checkpoint

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, Probe
from tb_attnviz.callbacks.capture import capture, neutral
from tb_attnviz.callbacks.capture.neutral import undisturbed
from tests.callbacks.models import IDS, Decoder

TOKENS = [[str(token) for token in row] for row in IDS.tolist()]


def assert_same(a, b):
    """Equal structures of tensors, arrays and numbers, bit for bit."""
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    elif isinstance(a, torch.Tensor):
        assert torch.equal(a, b)
    elif isinstance(a, np.ndarray):
        np.testing.assert_array_equal(a, b)
    else:
        assert a == b


def random_states():
    return [torch.get_rng_state(), random.getstate(), np.random.get_state()]


class Checkpointed(Decoder):
    """Computes its blocks again in the backward pass instead of keeping what they computed."""

    reentrant = False

    def forward(self, ids):
        x = self.norm(self.embedding(ids).transpose(1, 2)).transpose(1, 2)  # (batch, n, width)
        for block in self.blocks:
            x = x + self.dropout(checkpoint(block, x, use_reentrant=self.reentrant))
        return self.head(x)


class CheckpointedReentrant(Checkpointed):
    reentrant = True


class StumblingNowAndThen(Decoder):
    """Uses random numbers in every second pass over the probe and then raises."""

    passes = itertools.count(1)  # of the class: what a module itself counts is put back

    def forward(self, ids):
        result = super().forward(ids)
        if not self.training and next(self.passes) % 2 == 0:
            torch.rand(3), random.random(), np.random.rand()
            raise RuntimeError("stumbled")
        return result


WAYS = {
    "plain": {},
    "gradients accumulated": {"accumulated": 3},
    "bfloat16": {"autocast": True},
    "bfloat16, accumulated": {"autocast": True, "accumulated": 3},
    "activations checkpointed": {"kind": Checkpointed},
    "activations checkpointed, reentrant": {"kind": CheckpointedReentrant},
    "activations checkpointed, bfloat16": {"kind": Checkpointed, "autocast": True},
    "compiled": {"backend": "eager"},  # inductor's own runs differ from each other on the processor, by 1e-7
    "recordings that raise": {"kind": StumblingNowAndThen, "on_error": "warn"},
    "batches looked at": {"batches": True},
    "batches looked at, bfloat16, accumulated": {"batches": True, "autocast": True, "accumulated": 3},
    "batches looked at, activations checkpointed": {"batches": True, "kind": Checkpointed},
    "batches looked at, activations checkpointed, reentrant": {"batches": True, "kind": CheckpointedReentrant},
    "batches asked for, compiled": {"batches": True, "backend": "eager"},
    "norms of values": {"values": "norms"},
    "norms of values, bfloat16": {"values": "norms", "autocast": True},
    "importance and connections": {"attributed": True},
    "importance and connections, bfloat16, accumulated": {"attributed": True, "autocast": True, "accumulated": 3},
    "importance and connections, activations checkpointed": {"attributed": True, "kind": Checkpointed},
    "importance and connections, compiled": {"attributed": True, "backend": "eager"},
    "importance and connections that raise": {"attributed": True, "kind": CheckpointedReentrant, "on_error": "warn"},
}
ATTRIBUTED = {"loss": "auto", "ablate_every": 4, "connections_every": 4}


def train(
    directory,
    *,
    kind=Decoder,
    accumulated=1,
    autocast=False,
    backend=None,
    on_error="raise",
    values=None,
    attributed=False,
    batches=False,
):
    """Twelve batches with dropout, running statistics and a cache; everything that they leave behind."""
    for seed in (torch.manual_seed, random.seed, np.random.seed):
        seed(0)
    torch.compiler.reset()
    torch._dynamo.utils.counters.clear()
    model = kind()
    model.blocks[0].eval()  # a frozen part stays as its owner left it
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    probe = Probe(IDS, TOKENS)
    trained = torch.compile(model, backend=backend) if backend else model
    options = {
        "every": 2,
        "on_error": on_error,
        "values": values,
        "batches": batches,
        **(ATTRIBUTED if attributed else {}),
    }
    recorder = AttentionRecorder(trained, probe, directory, **options) if directory else None
    losses = []
    with recorder or contextlib.nullcontext():
        for step in range(12):
            shift = random.randrange(10) + np.random.randint(10)
            ids = torch.randint(64, (8, 10)).roll(shift, 1)  # (batch, n): data that all three generators decide
            with recorder.batch(step) if recorder else contextlib.nullcontext():
                with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                    logits = trained(ids)
                    if recorder and step % 3 == 0:
                        recorder.record(step)  # within autocast, between the forward pass and the backward pass
                    loss = functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
                loss.backward()
            if recorder:
                recorder.step(step)  # between backward and the optimizer's step: gradients must survive too
            if step % accumulated == accumulated - 1:
                optimizer.step()
                optimizer.zero_grad()
            losses.append(loss.item())
    modes = [module.training for module in model.modules()]
    return {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "losses": losses, "modes": modes}


@pytest.mark.filterwarnings("ignore:attention was not recorded .* stumbled", "ignore::UserWarning:torch")
@pytest.mark.filterwarnings("ignore:step .* torch.compile is used here:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:importance and connections .* .grad:RuntimeWarning")
@pytest.mark.parametrize("way", WAYS)
def test_training_is_the_same_bit_for_bit(tmp_path, way):
    without, states = train(None, **WAYS[way]), random_states()
    with_recorder = train(tmp_path, **WAYS[way])
    assert_same(with_recorder, without)
    assert_same(random_states(), states)
    assert list(tmp_path.glob("plugins/attnviz/samples-*.events")), "something must have been recorded"
    seen = "batch_max_logit" in tb_attnviz.open_run(tmp_path).health()
    assert seen == (bool(WAYS[way].get("batches")) and "backend" not in WAYS[way])


class Stumbling(Decoder):
    """Uses random numbers in its pass and then raises."""

    stumbles = False

    def forward(self, ids):
        result = super().forward(ids)
        if self.stumbles:
            torch.rand(3), random.random(), np.random.rand()
            raise RuntimeError("stumbled")
        return result


def hooks(model):
    """How many hooks every module has."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_forward_hooks_always_called")
    return [len(getattr(module, kind)) for module in model.modules() for kind in kinds]


@pytest.mark.parametrize("stumbles", [False, True])
def test_everything_is_as_it_was_also_after_an_exception(stumbles):
    model = Stumbling()
    model(IDS).sum().backward()
    model.norm.eval()
    model.stumbles = stumbles
    buffers = [(module, dict(module._buffers)) for module in model.modules()]
    values = {name: value.clone() for name, value in model.named_buffers()}
    grads = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    modes = [module.training for module in model.modules()]
    states, hook_counts, cached = random_states(), hooks(model), torch.is_autocast_cache_enabled()

    with pytest.raises(RuntimeError, match="stumbled") if stumbles else contextlib.nullcontext():
        capture(model, Probe(IDS[:2, :7], [row[:7] for row in TOKENS[:2]]))

    assert all(module._buffers[name] is buffer for module, kept in buffers for name, buffer in kept.items())
    assert_same(dict(model.named_buffers()), values)
    assert_same({name: parameter.grad for name, parameter in model.named_parameters()}, grads)
    assert [module.training for module in model.modules()] == modes
    assert_same(random_states(), states)
    assert hooks(model) == hook_counts
    assert _len_torch_function_stack() == 0
    assert torch.is_autocast_cache_enabled() == cached
    assert torch.is_grad_enabled()


def test_buffers_that_the_pass_adds_are_gone_and_those_it_removes_are_back():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("table", torch.ones(2))

        def forward(self):
            del self.table
            self.register_buffer("other", torch.ones(3))

    model = Model()
    with undisturbed(model):
        model()
    assert list(dict(model.named_buffers())) == ["table"]


def test_modes_are_set_without_train_and_eval():
    """Models override them: adapters are merged there, frozen parts kept frozen."""

    class Model(nn.Linear):
        def train(self, mode=True):
            raise AssertionError("train() was called")

    model = Model(2, 2)
    with undisturbed(model):
        assert not model.training
    assert model.training


def test_recording_within_autocast_leaves_gradients_to_training():
    """A weight cast without gradients must not be found in autocast's cache by the training step.

    https://github.com/pytorch/pytorch/issues/112583
    """
    model = Decoder()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        capture(model, Probe(IDS, TOKENS))
        model(IDS).float().square().mean().backward()
    assert all(parameter.grad is not None for parameter in model.blocks.parameters())


def test_a_compiled_model_is_recorded_uncompiled_and_stays_compiled(tmp_path):
    model = Decoder()
    names = [layer.name for layer in capture(model, Probe(IDS, TOKENS)).layers]
    calls = []

    def backend(graph, inputs):
        calls.append(graph)
        return graph.forward

    compiled = torch.compile(model, backend=backend)
    recording = capture(compiled, Probe(IDS, TOKENS))
    assert [layer.name for layer in recording.layers] == names == ["blocks.0", "blocks.1"]
    assert not calls, "the pass must not compile"
    compiled(IDS)
    assert calls, "training still does"
    compiled(IDS)  # again, with the cache that the first call left
    count = len(calls)
    capture(compiled, Probe(IDS, TOKENS))
    compiled(IDS)
    assert len(calls) == count, "and the pass gives it no reason to do it again"


class Keeper(nn.Module):
    """Keeps whatever a module can in its passes."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 3)
        self.passes = 0
        self.ready = False
        self.table = None
        self.losses = [torch.zeros(1)]
        self.cache = {"keys": [torch.ones(2)], "by name": {}}
        self.recent = collections.deque([1, 2], maxlen=3)
        self.seen = {1}
        self.position = torch.zeros(2)
        self.history = torch.arange(3.0)

    def forward(self, x):
        self.passes += 1
        if not self.ready:
            self.table, self.ready = torch.arange(3.0), True
        self.losses.append(self.linear(x).sum())
        self.cache["keys"].append(x)
        self.cache["by name"]["x"] = x
        self.cache["new"] = [x]
        self.recent.append(3)
        self.recent.append(4)
        self.seen.add(2)
        self.position = self.position + 1
        self.history += 1
        self.late = x.shape
        return x + self.table


def test_what_modules_keep_in_lists_counters_and_tensors_is_as_it_was():
    model = Keeper()
    before = {name: value for name, value in vars(model).items() if not name.startswith("_")}
    inner = model.cache["keys"], model.cache["by name"]
    with undisturbed(model):
        model(torch.ones(3))
        assert (model.passes, model.ready, len(model.losses)) == (1, True, 2)
    after = {name: value for name, value in vars(model).items() if not name.startswith("_")}
    assert after.keys() == before.keys()
    assert all(after[name] is value for name, value in before.items()), "the same objects"
    assert (model.passes, model.ready, model.table) == (0, False, None)
    assert [loss.tolist() for loss in model.losses] == [[0.0]]
    assert model.cache.keys() == {"keys", "by name"}
    assert (model.cache["keys"] is inner[0], model.cache["by name"] is inner[1]) == (True, True)
    assert (len(inner[0]), inner[1], list(model.recent), model.seen) == (1, {}, [1, 2], {1})
    assert model.history.tolist() == [0.0, 1.0, 2.0]
    model(torch.ones(3))
    assert (model.passes, model.table.tolist()) == (1, [0.0, 1.0, 2.0]), "and it works as before"


@dataclasses.dataclass
class Statistics:
    count: int = 0
    seen: list[int] = dataclasses.field(default_factory=list)


def test_what_modules_keep_in_records_arrays_and_tuples_is_as_it_was():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.statistics, self.names = Statistics(), types.SimpleNamespace(last=torch.zeros(2))
            self.array, self.number, self.both = np.zeros(2), np.float64(1), (torch.zeros(2), [0])
            self.statistics.itself = self.statistics

        def forward(self):
            self.statistics.count += 1
            self.statistics.seen.append(1)
            self.statistics.new = True
            self.names.last.add_(1)
            self.array[0] += 1
            self.number += 1
            self.both[0].add_(1)
            self.both[1].append(1)

    model = Counting()
    before = [model.statistics, model.names, model.array, model.both]
    with undisturbed(model):
        model()
        assert (model.statistics.count, model.array[0], model.number, model.both[1]) == (1, 1, 2, [0, 1])
    assert all(x is y for x, y in zip(before, (model.statistics, model.names, model.array, model.both), strict=True))
    assert vars(model.statistics) == {"count": 0, "seen": [], "itself": model.statistics}
    assert (model.names.last.tolist(), model.array.tolist(), model.number) == ([0, 0], [0, 0], 1)
    assert (model.both[0].tolist(), model.both[1]) == ([0, 0], [0])


class PartlyScripted(Decoder):
    """One part of it is TorchScript."""

    def __init__(self):
        super().__init__()
        self.norm = torch.jit.script(self.norm)


def test_a_part_in_torchscript_keeps_nothing_from_being_recorded(tmp_path):
    model = PartlyScripted()
    running = model.norm.running_mean.clone()
    with AttentionRecorder(model, Probe(IDS, TOKENS), tmp_path, on_error="raise") as recorder:
        recorder.record(0)
    assert len(recorder.layers) == len(Decoder().blocks)
    assert torch.equal(model.norm.running_mean, running)
    assert model.norm.training


GLOBAL = np.random.default_rng(5)


def test_generators_of_the_models_own_are_as_they_were_and_start_every_pass_alike():
    """Noise from each kind of generator, in evaluation too, as masked autoencoders and samplers draw it."""
    elsewhere = torch.Generator().manual_seed(4)

    class Noisy(Decoder):
        def __init__(self):
            super().__init__()
            self.numpy, self.legacy = np.random.default_rng(1), np.random.RandomState(2)
            self.of_parts = {"torch": torch.Generator().manual_seed(3), "python": [random.Random(6)]}

        def forward(self, ids):
            noise = [self.numpy.standard_normal(), self.legacy.randn(), GLOBAL.standard_normal()]
            noise += [self.of_parts["python"][0].gauss(), *torch.randn(1, generator=self.of_parts["torch"]).tolist()]
            noise += torch.randn(1, generator=elsewhere).tolist()
            drawn.put(noise)
            seeded.put(torch.randn(1, generator=torch.Generator().manual_seed(7)).item())
            return super().forward(ids)

    def states():
        own, python = model.of_parts["torch"], model.of_parts["python"][0]
        numpys = [str(generator.bit_generator.state) for generator in (model.numpy, GLOBAL)]
        return [own.get_state(), elsewhere.get_state(), model.legacy.get_state(), *numpys, python.getstate()]

    drawn, seeded, model = queue.SimpleQueue(), queue.SimpleQueue(), Noisy()  # which nothing puts back
    before = states()
    capture(model, Probe(IDS, TOKENS))
    assert_same(states(), before)
    model(IDS)
    capture(model, Probe(IDS, TOKENS))
    recorded, trained, again = all_of(drawn)
    assert recorded == again
    assert not set(recorded) & set(trained)
    assert len(set(all_of(seeded))) == 1, "what the pass seeds itself is what it seeds"


def all_of(waiting):
    return [waiting.get() for _ in range(waiting.qsize())]


HOLDERS = {
    "a queue": lambda g: collections.deque([g]),
    "a set": lambda g: {g},
    "an ordered dictionary": lambda g: collections.OrderedDict(g=g),
    "a dictionary with defaults": lambda g: collections.defaultdict(list, g=g),
    "deep, and met before by a longer way": lambda g: [[[[[inner := [[g]]]]]], inner],
    "out of sight": lambda g: types.MappingProxyType({"g": g}),
}


def one_of(held):
    """The generator in it."""
    while not isinstance(held, torch.Generator):
        held = next(iter(held.values() if hasattr(held, "values") else held))
    return held


@pytest.mark.parametrize("holder", HOLDERS)
def test_generators_start_every_pass_alike_wherever_they_are_held(holder):
    class Noisy(Decoder):
        def __init__(self):
            super().__init__()
            self.held = HOLDERS[holder](torch.Generator().manual_seed(3))

        def forward(self, ids):
            generator = one_of(self.held)
            drawn.put([torch.randn(1, generator=generator).item() for _ in range(2)])
            return super().forward(ids)

    drawn, model = queue.SimpleQueue(), Noisy()
    for _ in range(2):
        before = one_of(model.held).get_state()
        capture(model, Probe(IDS, TOKENS))
        assert torch.equal(one_of(model.held).get_state(), before)
        model(IDS)
    first, trained, again, later = all_of(drawn)
    assert first == again
    assert not set(trained) & set(later)


class Writing(Decoder):
    """Writes to its weights in every pass, and counts its passes for all models of its class."""

    passes, seen, widths = 0, [], {"last": 0}

    def forward(self, ids):
        with torch.no_grad():
            self.head.weight.clamp_(-0.01, 0.01)
            self.scales[0].add_(1)
        Writing.passes += 1
        self.seen.append(len(ids))
        self.widths["last"] = self.table(ids).shape[-1]
        return super().forward(ids)


def test_what_a_pass_writes_to_parameters_and_to_classes_is_undone(tmp_path):
    model = Writing()
    model.table = nn.Embedding(100, 4, max_norm=0.1)
    model.scales = nn.ParameterList([nn.Parameter(torch.zeros(2), requires_grad=False)])
    before = {name: x.detach().clone() for name, x in model.named_parameters()}
    with AttentionRecorder(model, Probe(IDS, TOKENS), tmp_path, on_error="raise") as recorder:
        recorder.record(0)
    assert_same({name: x.detach() for name, x in model.named_parameters()}, before)
    assert (Writing.passes, Writing.seen, Writing.widths) == (0, [], {"last": 0})


def test_a_parameter_that_is_written_to_later_is_named_once():
    model, probe = Decoder(), Probe(IDS, TOKENS)
    capture(model, probe)

    def write(module, inputs):
        module.weight.data.mul_(1)  # the same numbers, but who knows
        with torch.no_grad():
            module.weight.add_(1)

    handle = model.head.register_forward_pre_hook(write)
    with pytest.warns(RuntimeWarning, match=r"wrote to its parameters, .*: head\.weight"):
        capture(model, probe)
    before = model.head.weight.detach().clone()
    capture(model, probe)
    handle.remove()
    assert torch.equal(model.head.weight, before)


def test_what_fails_while_a_model_is_looked_at_is_told_as_it_is(monkeypatch):
    def fails(*_):
        raise ValueError("no function of that kind")

    monkeypatch.setattr(neutral, "KeptFunctions", fails)
    with pytest.raises(ValueError, match="no function of that kind"), undisturbed(Decoder()):
        pass


def test_within_autocast_all_weights_have_gradients_where_the_model_has_an_autocast_of_its_own():
    """As accelerate wraps a model's forward: made before, it turns the cache of casts on again."""
    model = Decoder()
    model.forward = torch.autocast("cpu", torch.bfloat16)(model.forward)
    with torch.autocast("cpu", torch.bfloat16):
        capture(model, Probe(IDS, TOKENS))
        model(IDS).sum().backward()
    assert all(x.grad is not None for x in model.parameters() if x.requires_grad)
