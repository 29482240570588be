"""The tap: a line in a model's own code."""

import numpy as np
import pytest
import torch
from torch import nn

from tb_attnviz.callbacks import Probe, attnviz_tap
from tb_attnviz.callbacks.capture import capture

N, D = 6, 8
QUERIES = torch.randn(2, 4, N, D, generator=torch.Generator().manual_seed(0))
KEYS = torch.randn(2, 2, N, D, generator=torch.Generator().manual_seed(1))
PROBE = Probe((QUERIES, KEYS), [list("abcdef")] * 2)
SINKS = torch.arange(4.0)


class Tapped(nn.Module):
    """Attention that cannot be seen, and a tap with `options` before it."""

    def __init__(self, **options):
        super().__init__()
        self.options = options

    def forward(self, q, k):
        attnviz_tap(q, k, **self.options)
        return torch.exp((q[:, :, :, None] * k.repeat_interleave(2, 1)[:, :, None]).sum(-1))


def test_all_that_it_is_told_is_recorded():
    mask = torch.ones(N, N, dtype=torch.bool).tril()
    recording = capture(Tapped(scale=0.3, mask=mask, softcap=20.0, sinks=SINKS), PROBE)
    [layer], [samples] = recording.layers, recording.samples
    assert (layer.name, layer.heads, layer.kv_heads) == ("Tapped", 4, 2)
    assert (layer.scale, layer.causal, layer.softcap) == (0.3, True, 20.0)
    np.testing.assert_array_equal(samples.queries[:, :N], QUERIES[0])
    np.testing.assert_array_equal(samples.sinks, SINKS)


def test_the_scale_is_that_of_attention_unless_told():
    layer = capture(Tapped(causal=True), PROBE).layers[0]
    assert layer.scale == pytest.approx(D**-0.5)
    assert layer.causal


def test_a_softmax_that_follows_counts_once_and_must_agree():
    class Model(nn.Module):
        def __init__(self, told):
            super().__init__()
            self.told = told

        def forward(self, q, k):
            attnviz_tap(q, k[:, :1], scale=self.told)
            return (q @ k[:, :1].mT * 0.3).softmax(-1)

    recording = capture(Model(0.3), PROBE)
    assert [layer.name for layer in recording.layers] == ["Model"]
    with pytest.raises(RuntimeError, match="its softmax gives other weights"):
        capture(Model(0.4), PROBE)


def test_outside_a_recording_it_does_nothing():
    attnviz_tap(QUERIES, KEYS)
    attnviz_tap(None, None)


def test_queries_without_heads_are_named():
    with pytest.raises(ValueError, match=r"queries \(2, 6, 8\) .* give both as \[batch, heads, n, d\]"):
        capture(Tapped(), Probe((QUERIES[:, 0], KEYS), [list("abcdef")] * 2))


def test_compiled_code_has_no_trace_of_it():
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    model = Tapped(causal=True)
    compiled = torch.compile(model, backend=backend, fullgraph=True)  # fullgraph: a graph break would raise
    torch.testing.assert_close(compiled(QUERIES, KEYS), model(QUERIES, KEYS))
    assert len(graphs) == 1
    assert [layer.name for layer in capture(compiled, PROBE).layers] == ["Tapped"]
