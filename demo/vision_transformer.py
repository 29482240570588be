"""A small vision transformer in plain PyTorch that paints what is hidden of an image.

Nothing in it knows of the recorder.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class VisionTransformer(nn.Module):
    """Predicts the pixels of every patch from those patches that are not hidden (Xie et al. 2022, arXiv 2111.09886)."""

    def __init__(self, *, grid: int, patch: int, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.embedding = nn.Conv2d(3, width, patch, patch)
        self.class_token, self.mask_token = nn.Parameter(torch.zeros(width)), nn.Parameter(torch.zeros(width))
        # A patch's position is the sum of its row's and its column's vector: heads can tell either by itself.
        self.rows = nn.Parameter(0.5 * torch.randn(grid, width))
        self.columns = nn.Parameter(0.5 * torch.randn(grid, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.paint = nn.Linear(width, 3 * patch * patch)

    def forward(self, images: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Pixels of every patch, (batch, patches, 3 · patch²).

        images: (batch, 3, height, width); hidden: (batch, patches) boolean, None hides nothing.
        """
        x = self.embedding(images).flatten(2).transpose(1, 2)  # (batch, patches, width)
        if hidden is not None:
            x = torch.where(hidden[..., None], self.mask_token, x)
        x = x + (self.rows[:, None] + self.columns).flatten(0, 1)
        x = torch.cat([self.class_token.expand(len(x), 1, -1), x], dim=1)  # (batch, 1 + patches, width)
        for block in self.blocks:
            x = block(x)
        pixels: Tensor = self.paint(self.norm(x[:, 1:]))
        return pixels


class Block(nn.Module):
    """Attention, then a multi-layer perceptron, each added to what comes in."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x))
        out: Tensor = x + self.mlp(self.mlp_norm(x))
        return out


class Attention(nn.Module):
    """Every token attends to every token."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        nn.init.normal_(self.qkv.weight, std=width**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        batch, n, width = x.shape
        qkv = self.qkv(x).view(batch, n, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (batch, heads, n, d)
        y = functional.scaled_dot_product_attention(q, k, v)
        out: Tensor = self.out(y.transpose(1, 2).flatten(-2))  # (batch, n, width)
        return out
