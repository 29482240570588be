"""Tokens in another order than the probe's, and sequences one at a time, are refused whatever their shapes."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from tb_attnviz.callbacks import NoAttentionError, Probe
from tb_attnviz.callbacks.capture import capture

B = H = 4  # a loop over sequences has the shapes of one over heads
N, D = 6, 8
ORDER = torch.tensor([5, 3, 1, 0, 2, 4])


def plain(q, k, v):
    return (q @ k.mT / D**0.5).softmax(-1) @ v


class Model(nn.Module):
    def __init__(self, run):
        super().__init__()
        self.embedding = nn.Embedding(9, H * D)
        self.qkv = nn.Linear(H * D, 3 * H * D)
        self.run = run

    def heads(self, x):
        return self.qkv(x).view(*x.shape[:-1], 3, H, D).movedim((-3, -2), (0, -3))  # (3, [sequences,] heads, N, D)

    def forward(self, ids):
        return self.run(self, self.embedding(ids))


def record(run):
    ids = torch.randint(0, 9, (B, N), generator=torch.Generator().manual_seed(0))
    return capture(Model(run), Probe((ids,), [list("abcdef")] * B))


attends = pytest.mark.parametrize("attend", [plain, functional.scaled_dot_product_attention])

REORDERED = {
    "reversed": lambda x: x.flip(1),
    "by an index": lambda x: x[:, ORDER],
    "by a list": lambda x: x[:, ORDER.tolist()],
    "selected": lambda x: x.index_select(1, ORDER),
    "sorted by content": lambda x: x.gather(1, x[..., :1].argsort(1).expand_as(x)),
    "every feature sorted": lambda x: x.sort(1).values,
    "sorted by torch.sort": lambda x: torch.sort(x, dim=-2)[0],
    "the largest of each feature": lambda x: x.topk(N, dim=1).values,
    "sequences reversed": lambda x: x.flip(0),
    "sequences by an index": lambda x: x[torch.tensor([3, 0, 2, 1])],
}


@attends
@pytest.mark.parametrize("name", REORDERED)
def test_another_order_is_refused_by_name(attend, name):
    with pytest.raises(NoAttentionError, match="in another order before it attends"):
        record(lambda m, x: attend(*m.heads(REORDERED[name](x))))


@attends
def test_ids_that_are_sorted_are_refused_by_name(attend):
    class Sorted(Model):
        def forward(self, ids):
            return super().forward(ids.sort(1).values)

    ids = torch.randint(0, 9, (B, N), generator=torch.Generator().manual_seed(0))
    with pytest.raises(NoAttentionError, match=r"in another order .*by sort"):
        capture(Sorted(lambda m, x: attend(*m.heads(x))), Probe((ids,), [list("abcdef")] * B))


@attends
def test_both_directions_are_told_apart(attend):
    def run(m, x):
        forwards = attend(*m.heads(x))
        backwards = attend(*m.heads(x.flip(1))).flip(2)
        return attend(*m.heads((forwards + backwards).transpose(1, 2).flatten(2)))

    recording = record(run)
    assert [layer.name for layer in recording.layers] == ["Model", "Model#2"]
    assert list(recording.skipped) == ["Model#1"]


SAME = {
    "put back": lambda x: x[:, ORDER][:, ORDER.argsort()],
    "the index of the order itself": lambda x: x[:, torch.arange(N)],
    "shifted by a token": lambda x: x + functional.pad(x, (0, 0, 1, -1)),
    "features of each token sorted": lambda x: x.sort(-1).values,
}


@attends
@pytest.mark.parametrize("name", SAME)
def test_the_same_order_is_recorded(attend, name):
    assert not record(lambda m, x: attend(*m.heads(SAME[name](x)))).skipped


LOOPS = {
    "over queries, keys and values": lambda m, x, a: [a(*(one[b] for one in m.heads(x))) for b in range(len(x))],
    "over rows": lambda m, x, a: [a(*m.heads(row)) for row in x],
    "over parts": lambda m, x, a: [a(*m.heads(part)) for part in x.split(1)],
    "by unbind": lambda m, x, a: [a(*qkv) for qkv in zip(*(one.unbind(0) for one in m.heads(x)), strict=True)],
}


@attends
@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_over_sequences_is_refused_by_name(attend, name):
    with pytest.raises(NoAttentionError, match="one sequence at a time"):
        record(lambda m, x: torch.stack([one.view(H, N, D) for one in LOOPS[name](m, x, attend)]))


@attends
def test_a_loop_over_heads_is_recorded(attend):
    recording = record(lambda m, x: [attend(*(one[:, h] for one in m.heads(x))) for h in range(H)])
    assert [layer.heads for layer in recording.layers] == [1] * H


@attends
@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("axis", [0, 1])
def test_vmap_is_refused_by_name(attend, levels, axis):
    mapped = torch.vmap(attend, axis, axis) if levels == 1 else torch.vmap(torch.vmap(attend))
    with pytest.raises(NoAttentionError, match=r"inside torch\.vmap"):
        record(lambda m, x: mapped(*m.heads(x)))


@attends
@pytest.mark.parametrize("transform", ["grad", "functionalize"])
def test_other_transforms_are_refused_by_name(attend, transform):
    ways = {
        "grad": lambda f, *x: torch.func.grad(lambda *x: f(*x).sum())(*x),
        "functionalize": lambda f, *x: torch.func.functionalize(f)(*x),
    }
    with pytest.raises(NoAttentionError, match=rf"inside torch\.func \({transform}"):
        record(lambda m, x: ways[transform](attend, *m.heads(x)))
