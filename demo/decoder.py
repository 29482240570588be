"""A small transformer decoder in plain PyTorch: rotary positions, scaled dot-product attention, pre-norm.

Nothing in it knows of the recorder.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Decoder(nn.Module):
    """Predicts the next token from those before it."""

    def __init__(self, vocabulary: int, *, width: int, heads: int, layers: int, longest: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.blocks = nn.ModuleList(Block(width, heads, longest) for _ in range(layers))
        self.norm = nn.RMSNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.5)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embedding(ids)  # (batch, n, width)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(self.norm(x))  # (batch, n, vocabulary)
        return logits


class Block(nn.Module):
    """Attention, then a multi-layer perceptron, each added to what comes in."""

    def __init__(self, width: int, heads: int, longest: int) -> None:
        super().__init__()
        self.attention_norm, self.mlp_norm = nn.RMSNorm(width), nn.RMSNorm(width)
        self.attention = Attention(width, heads, longest)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x))
        out: Tensor = x + self.mlp(self.mlp_norm(x))
        return out


class Attention(nn.Module):
    """Causal self-attention with rotary positions (Su et al. 2021, arXiv 2104.09864).

    Half of each head's components are rotated and can tell positions, the others tell content alone, as in GPT-NeoX.
    """

    rotation: Tensor  # [longest, d/4] complex: by what each pair of components is turned at a position

    def __init__(self, width: int, heads: int, longest: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width, bias=False)
        nn.init.normal_(self.qkv.weight, std=width**-0.5)
        nn.init.normal_(self.qkv.bias, std=1.0)  # every head starts with a taste for some distances
        pairs = width // heads // 4
        angles = torch.arange(longest)[:, None] * 10.0 ** -(torch.arange(pairs) / pairs)  # (longest, pairs)
        self.register_buffer("rotation", torch.polar(torch.ones_like(angles), angles), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, n, width = x.shape
        qkv = self.qkv(x).view(batch, n, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (batch, heads, n, d)
        y = functional.scaled_dot_product_attention(self._rotate(q), self._rotate(k), v, is_causal=True)
        out: Tensor = self.out(y.transpose(1, 2).flatten(-2))  # (batch, n, width)
        return out

    def _rotate(self, x: Tensor) -> Tensor:
        """The first half of x (batch, heads, n, d), pair by pair, turned by angles that grow with the position."""
        turned, kept = x.chunk(2, dim=-1)  # each (batch, heads, n, d/2)
        pairs = torch.view_as_complex(turned.reshape(*turned.shape[:-1], -1, 2))  # (batch, heads, n, d/4)
        turned = torch.view_as_real(pairs * self.rotation[: x.shape[-2]]).flatten(-2)
        return torch.cat([turned, kept], dim=-1)
