"""What each of two processes does in test_distributed_heads: records layers whose heads are split over both."""

import warnings

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.nn import functional

from tb_attnviz.callbacks import AttentionRecorder, Probe

IDS = torch.arange(24).reshape(2, 12) % 7
TOKENS = [[str(token) for token in row] for row in IDS.tolist()]
WIDTH, SIZE, HEADS = 32, 8, 4


class Attention(nn.Module):
    """However many heads its projections give it."""

    def __init__(self, kv_heads, *, fused=True):
        super().__init__()
        self.fused = fused
        self.q, self.o = nn.Linear(WIDTH, HEADS * SIZE), nn.Linear(HEADS * SIZE, WIDTH)
        self.k, self.v = (nn.Linear(WIDTH, kv_heads * SIZE) for _ in range(2))

    def forward(self, x):
        q, k, v = (f(x).unflatten(-1, (-1, SIZE)).transpose(1, 2) for f in (self.q, self.k, self.v))
        k, v = (t.repeat_interleave(q.shape[1] // t.shape[1], dim=1) for t in (k, v))
        if self.fused:
            y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            y = (q @ k.mT / SIZE**0.5).softmax(-1) @ v
        return self.o(y.transpose(1, 2).flatten(2))


class Model(nn.Module):
    def __init__(self, **options):
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.attention = nn.Embedding(7, WIDTH), Attention(**options)

    def forward(self, ids):
        return self.attention(self.embed(ids))


class Reduced(torch.autograd.Function):
    """The sum over all processes; as Megatron writes it."""

    @staticmethod
    def forward(ctx, x):
        dist.all_reduce(x)
        return x

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class HandSplit(nn.Module):
    """Two layers, whose heads `share` says: of this process, or all of them (None), to compare with."""

    def __init__(self, share, *, joins="sum", kv_heads=HEADS, slopes=False, fused=True, changes=False,
                 alike=False):  # fmt: skip
        super().__init__()
        torch.manual_seed(0)
        self.share, self.joins, self.fused, self.changes, self.alike = share, joins, fused, changes, alike
        self.embed = nn.Embedding(7, WIDTH)
        self.layers = nn.ModuleList(self._layer(kv_heads) for _ in range(2))
        self.register_buffer("slopes", self._own(2.0 ** -torch.arange(HEADS)) if slopes else None)

    def _layer(self, kv_heads):
        sizes = zip("qkv", (HEADS, kv_heads, kv_heads), strict=True)
        layer = nn.ModuleDict({name: nn.Linear(WIDTH, n * SIZE, bias=False) for name, n in sizes})
        layer["o"] = nn.Linear(HEADS * SIZE, WIDTH, bias=False)
        for name in "qkv":
            layer[name].weight = nn.Parameter(self._own(layer[name].weight))
        if self.joins in ("sum", "functional"):
            layer["o"].weight = nn.Parameter(self._own(layer["o"].weight, dim=1))
        return layer

    def _own(self, x, dim=0):
        halves = x.detach().chunk(2, dim=dim)
        if self.alike:  # one seed for all
            halves = halves[:1] * 2
        return torch.cat(halves, dim=dim) if self.share is None else halves[self.share].clone()

    def attend(self, layer, x):
        q, k, v = (layer[name](x).unflatten(-1, (-1, SIZE)).transpose(1, 2) for name in "qkv")
        mask = torch.full((12, 12), -torch.inf).triu(1)
        if self.slopes is not None:
            mask = mask - self.slopes[:, None, None] * (torch.arange(12)[:, None] - torch.arange(12)).abs()
        if self.fused:
            y = functional.scaled_dot_product_attention(q, k, v, mask, enable_gqa=True)
        else:
            weights = (q @ k.repeat_interleave(q.shape[1] // k.shape[1], dim=1).mT / SIZE**0.5 + mask).softmax(-1)
            if self.changes and self.share == 1 and layer is self.layers[1]:
                weights = weights.clone()
                weights[..., 0] = 0
            y = weights @ v
        if self.share is not None and self.joins == "heads at once":
            parts = y.new_empty(2 * len(y), *y.shape[1:])
            dist.all_gather_into_tensor(parts, y.contiguous())
            return layer["o"](parts.view(2, *y.shape).movedim(0, 1).flatten(1, 2).transpose(1, 2).flatten(2))
        y = y.transpose(1, 2).flatten(2)
        if self.share is not None and self.joins in GATHERED:
            return layer["o"](GATHERED[self.joins](y))
        y = layer["o"](y)
        return y if self.share is None else Reduced.apply(y) if self.joins == "sum" else functional_sum(y)

    def forward(self, ids):
        x = self.embed(ids)
        for layer in self.layers:
            x = x + self.attend(layer, x)
        return x


def functional_sum(x):
    return torch.distributed._functional_collectives.all_reduce(x, "sum", dist.group.WORLD)


def in_a_list(y):
    parts = [torch.empty_like(y) for _ in range(2)]
    dist.all_gather(parts, y)
    return torch.cat(parts, dim=-1)


def at_once(y):
    parts = y.new_empty(2 * len(y), *y.shape[1:])
    dist.all_gather_into_tensor(parts, y)
    return torch.cat(parts.chunk(2), dim=-1)


def by_functional_collective(y):
    return torch.distributed._functional_collectives.all_gather_tensor(y, 2, dist.group.WORLD)


GATHERED = {"gather": in_a_list, "at once": at_once, "by a functional collective": by_functional_collective}
BY_HAND = {
    "summed": {},
    "summed by a functional collective": {"joins": "functional", "kv_heads": 2},
    "laid side by side, plain code": {"joins": "gather", "fused": False},
    "slopes of a head": {"slopes": True},
    "summed, one seed for all": {"alike": True},
    "laid side by side, one seed for all": {"joins": "gather", "alike": True, "fused": False},
    "gathered at once": {"joins": "at once", "alike": True},
    "heads gathered at once": {"joins": "heads at once", "alike": True},
    "gathered by a functional collective": {"joins": "by a functional collective", "alike": True},
    "weights changed in one process": {"fused": False, "changes": True},
}


class Features(nn.Module):
    """Data parallel: the features of all processes' batches are brought together, for a contrastive loss."""

    def __init__(self):
        super().__init__()
        self.inner = HandSplit(None)

    def forward(self, ids):
        x = self.inner(ids)
        parts = [torch.empty_like(x) for _ in range(2)]
        dist.all_gather(parts, x)
        return torch.cat(parts)


class FeaturesAtOnce(Features):
    """The same at once, compared with each other through a layer."""

    def forward(self, ids):
        x = self.inner(ids)
        parts = x.new_empty(2 * len(x), *x.shape[1:])
        dist.all_gather_into_tensor(parts, x)
        parts = self.inner.layers[0]["o"](parts)
        return parts.flatten(1) @ parts.flatten(1).T


class Ensemble(Features):
    """Each process has a model of its own; what they give is added up."""

    def __init__(self, rank):
        super().__init__()
        torch.manual_seed(rank)
        for parameter in self.parameters():
            nn.init.normal_(parameter)


MODELS = {
    "all heads split": {"kv_heads": 4},
    "plain code": {"kv_heads": 4, "fused": False},
    "grouped keys": {"kv_heads": 2},
    "one key head, whole in both": {"kv_heads": 1},
    "DTensors throughout": {"kv_heads": 2, "fused": False},
}


def split(model, kv_heads, *, local=True):
    """local: whether attention is computed with plain tensors of a process' own heads, or with DTensors."""
    plan = {"attention.q": ColwiseParallel(use_local_output=local), "attention.o": RowwiseParallel()}
    if kv_heads > 1:
        plan |= {f"attention.{name}": ColwiseParallel(use_local_output=local) for name in "kv"}
    return parallelize_module(model, init_device_mesh("cpu", (2,)), plan)


def record(model, directory):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with AttentionRecorder(model, Probe(IDS, TOKENS), directory, on_error="raise", values="norms") as recorder:
            recorder.record(0)
    return [str(warning.message) for warning in caught if "process" in str(warning.message)]


def record_all(directory):
    """Leaves RANK.txt in the directory: what this process warns of where models are split, or joined, by hand."""
    rank = dist.get_rank()
    for name, options in MODELS.items():
        local = name != "DTensors throughout"
        assert not record(split(Model(**options), options["kv_heads"], local=local), directory / name)
    for name, options in BY_HAND.items():
        record(HandSplit(rank, **options), directory / name)
    assert not record(Features(), directory / "features")
    assert not record(FeaturesAtOnce(), directory / "features at once")
    said = record(Ensemble(rank), directory / "ensemble")
    (directory / f"{rank}.txt").write_text("\n".join(said))
