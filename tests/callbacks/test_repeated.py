"""Random numbers in evaluation: those that can be held are alike in each pass; what differs from itself is refused."""

import contextlib
import itertools
import os
import random
import secrets
import time

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import tb_attnviz
from tb_attnviz import events
from tb_attnviz.callbacks import AttentionRecorder, NoAttentionError, Probe
from tb_attnviz.callbacks.capture import Recording
from tb_attnviz.callbacks.capture.repeated import Sketch, differing
from tb_attnviz.callbacks.probe_passes import ProbePasses

B, H, N, D = 2, 2, 8, 4
PROBE = Probe((torch.randint(0, 30, (B, N), generator=torch.Generator().manual_seed(0)),), [list("abcdefgh")] * B)


class Model(nn.Module):
    """Two layers; the second one's queries are changed by `noise`."""

    def __init__(self, noise, mask=lambda: None):
        super().__init__()
        self.embedding = nn.Embedding(30, H * D)
        self.layers = nn.ModuleList(Layer() for _ in range(2))
        self.noise, self.mask = noise, mask

    def forward(self, ids):
        x = self.layers[0](self.embedding(ids))
        return self.layers[1](x * (1 + self.noise()), self.mask())


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(H * D, 3 * H * D)

    def forward(self, x, mask=None):
        q, k, v = self.qkv(x).unflatten(-1, (3, H, D)).permute(2, 0, 3, 1, 4)  # each (B, H, N, D)
        return x + functional.scaled_dot_product_attention(q, k, v, mask).transpose(1, 2).flatten(2)


FRESH = {
    "a generator of NumPy": lambda: np.random.default_rng().random(),
    "an older one": lambda: np.random.RandomState().rand(),
    "one of Python": lambda: random.Random().random(),
    "one of torch": lambda: torch.rand((), generator=_seeded_anew()),
    "torch's own, seeded anew": lambda: (torch.seed(), torch.rand(()))[1],
    "the system": lambda: os.urandom(1)[0] / 100,
    "secrets": lambda: secrets.randbelow(1000) / 100,
    "the clock": lambda: time.perf_counter_ns() % 9973 / 100,
}


def _seeded_anew():
    generator = torch.Generator()
    generator.seed()
    return generator


@pytest.mark.parametrize("name", FRESH)
def test_layers_that_differ_from_themselves_are_refused_and_others_are_recorded(tmp_path, name):
    torch.manual_seed(0)
    with pytest.warns(RuntimeWarning, match=r"layers\.1: two passes .* other queries and keys .* random numbers"):
        recorder = AttentionRecorder(Model(FRESH[name]), PROBE, tmp_path)
    with recorder:
        recorder.record(0)
    assert [layer.name for layer in recorder.layers] == ["layers.0"]
    assert tb_attnviz.open_run(tmp_path).health()["entropy"].shape == (1, H)
    assert [layer.name for layer in tb_attnviz.open_run(tmp_path).layers] == ["layers.0"]


def test_a_mask_that_differs_from_itself_is_refused_by_name(tmp_path):
    def mask():
        return torch.from_numpy(np.random.default_rng().random((N, N)) > 0.5) | torch.eye(N).bool()

    with pytest.warns(RuntimeWarning, match=r"layers\.1: two passes .* other masks"):
        AttentionRecorder(Model(float, mask), PROBE, tmp_path).close()


def test_a_model_that_differs_from_itself_everywhere_is_refused_by_name(tmp_path):
    class Noisy(Model):
        def forward(self, ids):
            return self.layers[0](self.embedding(ids) * (1 + np.random.default_rng().random()))

    with pytest.raises(NoAttentionError, match="two passes over the probe"):
        AttentionRecorder(Noisy(float), PROBE, tmp_path)


class FailingAtSecond(Model):
    """Raises in its second pass."""

    passes = itertools.count(1)  # of the class: what a module itself counts is put back

    def forward(self, ids):
        if next(FailingAtSecond.passes) == 2:
            raise RuntimeError("stumbled")
        return super().forward(ids)


@pytest.mark.parametrize("on_error", ["raise", "warn"])
def test_a_second_pass_that_fails_is_told_or_raised(tmp_path, on_error):
    FailingAtSecond.passes = itertools.count(1)
    raises = pytest.raises(RuntimeError, match="stumbled") if on_error == "raise" else contextlib.nullcontext()
    warns = pytest.warns(RuntimeWarning, match="stumbled") if on_error == "warn" else contextlib.nullcontext()
    with raises, warns:
        AttentionRecorder(FailingAtSecond(float), PROBE, tmp_path, on_error=on_error).close()


@pytest.mark.parametrize("several", [False, True])
def test_with_several_processes_each_makes_two_passes_whatever_it_sees(tmp_path, several, monkeypatch):
    monkeypatch.setattr("tb_attnviz.callbacks.probe_passes.in_several_processes", lambda: several)
    FailingAtSecond.passes = itertools.count(1)
    with pytest.warns(RuntimeWarning, match="stumbled"):
        AttentionRecorder(FailingAtSecond(float), PROBE, tmp_path / "fails").close()
    assert next(FailingAtSecond.passes) == (3 if several else 4)
    passes, again = [], ProbePasses.again
    monkeypatch.setattr(ProbePasses, "again", lambda *args, **options: (passes.append(1), again(*args, **options))[1])
    with pytest.warns(RuntimeWarning, match=r"layers\.1: two passes"):
        recorder = AttentionRecorder(Model(FRESH["secrets"]), PROBE, tmp_path)
    assert len(passes) == 2
    with recorder:
        recorder.record(0)
    assert [layer.name for layer in tb_attnviz.open_run(tmp_path).layers] == ["layers.0"]


def _closed_over():
    generator = np.random.default_rng(3)
    return generator, lambda: generator.random()


def _by_default():
    generator = random.Random(3)

    def noise(generator=generator):
        return generator.random()

    return generator, noise


def _by_a_method():
    class Source:
        def __init__(self):
            self.generator = np.random.RandomState(3)

        def draw(self):
            return self.generator.rand()

    source = Source()
    return source.generator, source.draw


@pytest.mark.parametrize("make", [_closed_over, _by_default, _by_a_method])
def test_generators_of_functions_start_alike_and_are_put_back(tmp_path, make):
    def state():
        return str(generator.bit_generator.state if isinstance(generator, np.random.Generator) else _state(generator))

    generator, noise = make()
    before = state()
    with AttentionRecorder(Model(noise), PROBE, tmp_path, on_error="raise") as recorder:
        recorder.record(0)
        noise()
        after = state()
        recorder.record(1)
        assert state() == after != before
    run = tb_attnviz.open_run(tmp_path)
    assert len(run.layers) == 2
    np.testing.assert_array_equal(run.samples(0, 1).queries, run.samples(1, 1).queries)


def _state(generator):
    return generator.getstate() if isinstance(generator, random.Random) else generator.get_state()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda x: None, ""),
        (lambda x: x.__imul__(1 + 1e-6), ""),
        (lambda x: x[1, 5].__iadd__(3e-3 * np.linalg.norm(x, axis=-1).max()), "queries"),
        (lambda x: x.__setitem__((0, 3, 17), np.inf), "queries"),
        (lambda x: x.__setitem__((0, slice(3, 5)), x[0, [4, 3]]), "queries"),
    ],
)
def test_a_sketch_tells_as_its_recording_would(change, told):
    def recording(queries):
        return Recording((events.Layer("a", 2, 2, 64, 1.0, True),), (events.Samples(queries, keys),), {}, {})

    keys, queries = np.random.default_rng(0).standard_normal((2, 2, 9, 64)).astype(np.float32)
    queries[1, 2, 3] = np.nan
    first = Sketch.of(recording(queries))
    change(queries)
    found = differing(first, Sketch.of(recording(queries)), on_processor=True)
    assert [why.partition("other ")[2].split(" at ")[0] for why in found.values()] == ([told] if told else [])
