"""Plain code whose mask is known is compared at a few queries in later passes, and what has changed is still found."""

import pytest
import torch
from torch import nn

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, Probe
from tb_attnviz.callbacks.capture import capture
from tb_attnviz.callbacks.capture.known_masks import KnownMasks
from tb_attnviz.callbacks.tracing import plain_attention

N, HEADS, D = 40, 2, 8
OFFSET = torch.arange(N) - torch.arange(N)[:, None]


class Plain(nn.Module):
    """Two heads in plain code, whose mask and weights can be changed while it trains."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.ids, self.qkv = nn.Embedding(64, HEADS * D), nn.Linear(HEADS * D, 3 * HEADS * D)
        self.visible = OFFSET <= 0
        self.bias = torch.zeros(N, N)
        self.change = lambda weights: weights

    def forward(self, ids):
        q, k, v = (x.unflatten(-1, (HEADS, D)).transpose(1, 2) for x in self.qkv(self.ids(ids)).chunk(3, dim=-1))
        scores = q @ k.transpose(-2, -1) / D**0.5 + self.bias
        self.weights = scores.masked_fill(~self.visible, -torch.inf).softmax(dim=-1)
        self.seen = self.change(self.weights)
        return self.seen @ v


@pytest.fixture
def model():
    return Plain()


@pytest.fixture
def probe():
    ids = torch.randint(64, (3, N), generator=torch.Generator().manual_seed(1))
    return Probe(ids, [[str(token) for token in row] for row in ids.tolist()])


def only_first(weights):
    """Another attention, of the second head, at one query."""
    changed = weights.clone()
    changed[:, 1, 23] = weights[:, 0, 23]
    return changed


@pytest.fixture
def compared(monkeypatch):
    """How many queries of each attention were compared with their logits."""
    counts = []
    whole = plain_attention.remainder

    def counting(queries, *args, **kwargs):
        counts.append(queries.shape[2])
        return whole(queries, *args, **kwargs)

    monkeypatch.setattr(plain_attention, "remainder", counting)
    return counts


def test_all_queries_at_first_and_some_later(model, probe, compared):
    known = KnownMasks()
    first, second, third = (capture(model, probe, known=known) for _ in range(3))
    assert compared == [N, 16, 16]
    assert first.layers == second.layers == third.layers
    for name, values in first.figures.items():
        assert values.tolist() == second.figures[name].tolist() == third.figures[name].tolist()


def test_other_queries_in_each_pass():
    known, seen = KnownMasks(), set()
    for _ in range(40):
        known.begin()
        some = known.queries(300, torch.device("cpu")).tolist()
        assert len(set(some)) == 16
        seen |= set(some)
    assert len(seen) > 290  # of 300
    assert known.queries(16, torch.device("cpu")) is None  # so few are all compared


@pytest.mark.parametrize(
    "visible", [(OFFSET <= 0) & (OFFSET > -5), OFFSET < 99, (OFFSET <= 0) & (torch.arange(N) != 7)]
)
def test_another_mask_is_read_anew(model, probe, compared, tmp_path, visible):
    with AttentionRecorder(model, probe, tmp_path, on_error="raise") as recorder:
        recorder.record(0)
        model.visible = visible
        recorder.record(1)
        recorder.record(2)
    assert compared[:5] == [N, 16, 16, 16, N]  # twice at construction, once at step 0, and with the other mask
    run = tb_attnviz.open_run(tmp_path)
    with torch.no_grad():
        model(torch.tensor([[int(token) for token in run.probe.sequences[1].tokens]]))
    for step in (1, 2):
        torch.testing.assert_close(torch.tensor(run.attention(step, 0, 1, 1)), model.weights[0, 1], atol=5e-4, rtol=0)


def test_a_bias_is_read_at_all_queries_each_time(model, probe, compared):
    model.bias = 0.1 * OFFSET.abs().float()
    known = KnownMasks()
    for _ in range(3):
        assert capture(model, probe, known=known).samples[0].bias is not None
    assert compared == [N, N, N]


@pytest.mark.parametrize("change", [lambda weights: weights * 0.5, lambda weights: weights.flip(1), only_first])
def test_weights_that_are_changed_later_are_refused(model, probe, change):
    known = KnownMasks()
    other = capture(model, probe, known=known).layers
    assert other
    model.change = change
    refused = 0
    for _ in range(6):  # a single query is looked at within a few passes
        try:
            capture(model, probe, known=known)
        except tb_attnviz.callbacks.NoAttentionError as error:
            refused += "changed after softmax" in str(error)
    assert refused == 6 or (change is only_first and refused >= 1)
