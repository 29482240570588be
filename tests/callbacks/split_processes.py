"""What each of two processes does in test_split_heads: records layers whose heads are split over both."""

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
    """However many heads its projections give it; `share` of them where it is split by hand."""

    def __init__(self, kv_heads, *, fused=True, share=None):
        super().__init__()
        self.fused, self.share = fused, share
        self.q, self.o = nn.Linear(WIDTH, HEADS * SIZE), nn.Linear(HEADS * SIZE, WIDTH)
        self.k, self.v = (nn.Linear(WIDTH, kv_heads * SIZE) for _ in range(2))

    def forward(self, x):
        q, k, v = (f(x).unflatten(-1, (-1, SIZE)).transpose(1, 2) for f in (self.q, self.k, self.v))
        if self.share is not None:
            q, k, v = (t.chunk(2, dim=1)[self.share] for t in (q, k, v))
        k, v = (t.repeat_interleave(q.shape[1] // t.shape[1], dim=1) for t in (k, v))
        if self.fused:
            y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            y = (q @ k.mT / SIZE**0.5).softmax(-1) @ v
        y = y.transpose(1, 2).flatten(2)
        if self.share is not None:
            y = functional.pad(y, (0, y.shape[-1]) if self.share == 0 else (y.shape[-1], 0))
            dist.all_reduce(y)
        return self.o(y)


class Model(nn.Module):
    def __init__(self, **options):
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.attention = nn.Embedding(7, WIDTH), Attention(**options)

    def forward(self, ids):
        return self.attention(self.embed(ids))


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
    return [str(warning.message) for warning in caught if "heads" in str(warning.message)]


def record_all(directory):
    """Leaves RANK.txt in the directory: what this process warns of where heads are split by hand."""
    rank = dist.get_rank()
    for name, options in MODELS.items():
        local = name != "DTensors throughout"
        assert not record(split(Model(**options), options["kv_heads"], local=local), directory / name)
    said = record(Model(kv_heads=4, share=rank), directory / "by hand")
    (directory / f"{rank}.txt").write_text("\n".join(said))
