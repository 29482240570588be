"""Models of plain PyTorch, each with its own way to compute attention, which they keep in `own` as they compute it."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention.flex_attention import create_block_mask, flex_attention

from tb_attnviz.callbacks import attnviz_tap

WIDTH, HEADS = 32, 4


class Plain(nn.Module):
    """Two layers of `attend`, on embeddings; keeps what they attend to."""

    dims: ClassVar = {"q": HEADS, "k": HEADS, "v": HEADS}  # heads of each

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, WIDTH)
        self.layers = nn.ModuleList(Layer(self) for _ in range(2))
        self.own: dict[str, Tensor] = {}

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        x = 3 * self.embedding(input_ids)
        present = attention_mask.bool()
        n = x.shape[1]
        visible = torch.ones(n, n, dtype=torch.bool).tril() & present[:, None, None, :]  # (batch, 1, n, n)
        for index, layer in enumerate(self.layers):
            x = x + layer(x, visible, self.own, f"layers.{index}")
        return x

    @staticmethod
    def attend(layer: nn.Module, q: Tensor, k: Tensor, v: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        """The result [batch, heads, n, d], and what was attended to [batch, heads, n, n]."""
        raise NotImplementedError


class Layer(nn.Module):
    def __init__(self, model: Plain) -> None:
        super().__init__()
        self.dims, self.attend = model.dims, type(model).attend
        d = WIDTH // HEADS
        self.q, self.k, self.v = (nn.Linear(WIDTH, self.dims[name] * d) for name in "qkv")
        self.softmax = nn.Softmax(dim=-1)
        self.mixing = nn.Parameter(torch.randn(HEADS, HEADS))
        self.temperature = nn.Parameter(torch.rand(HEADS, 1, 1) + 0.5)
        self.sinks = nn.Parameter(torch.randn(HEADS))

    def forward(self, x: Tensor, visible: Tensor, own: dict[str, Tensor], name: str) -> Tensor:
        q, k, v = (
            getattr(self, key)(x).unflatten(-1, (self.dims[key], -1)).transpose(1, 2) for key in "qkv"
        )  # each (batch, heads, n, d)
        y, own[name] = self.attend(self, q, k, v, visible)
        return y.transpose(1, 2).flatten(-2)


class MaskedFill(Plain):
    """As in minGPT."""

    @staticmethod
    def attend(layer, q, k, v, visible):
        scores = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
        weights = functional.softmax(scores.masked_fill(~visible, float("-inf")), dim=-1)
        return weights @ v, weights


class InPlace(Plain):
    """Scaled and masked in place, its maximum subtracted, softmax by a module."""

    @staticmethod
    def attend(layer, q, k, v, visible):
        scores = torch.matmul(q, k.mT)
        scores /= math.sqrt(q.shape[-1])
        scores += torch.where(visible, 0.0, -1e9)
        scores = scores - scores.amax(dim=-1, keepdim=True)
        weights = layer.softmax(scores)
        return weights @ v, weights


class BatchedHeads(Plain):
    """Batch and heads as one axis, as in fairseq."""

    @staticmethod
    def attend(layer, q, k, v, visible):
        batch, heads, n, d = q.shape
        q, k, v = (x.reshape(batch * heads, n, d) for x in (q * d**-0.5, k, v))
        scores = torch.bmm(q, k.transpose(1, 2)).view(batch, heads, n, n).masked_fill(~visible, -1e4)
        weights = scores.view(batch * heads, n, n).softmax(dim=-1)
        return torch.bmm(weights, v).view(batch, heads, n, d), weights.view(batch, heads, n, n)


class Einsum(Plain):
    """By einsum, with the heads in another place."""

    @staticmethod
    def attend(layer, q, k, v, visible):
        scores = torch.einsum("bqhd,bkhd->bhqk", q.transpose(1, 2), k.transpose(1, 2)) / 3
        weights = torch.softmax(torch.where(visible, scores, -torch.inf), -1)
        return torch.einsum("bhqk,bhkd->bhqd", weights, v), weights


class MultiQuery(Plain):
    """One head of keys for all queries."""

    dims: ClassVar = {"q": HEADS, "k": 1, "v": 1}

    @staticmethod
    def attend(layer, q, k, v, visible):
        weights = ((q @ k.mT) / 4).masked_fill(~visible, -torch.inf).softmax(dim=-1)
        return weights @ v, weights


class FoldedHeads(Plain):
    """Heads that share their keys one behind the other in the rows of one product, from softmax to the values, too."""

    dims: ClassVar = {"q": HEADS, "k": 2, "v": 2}

    @staticmethod
    def attend(layer, q, k, v, visible):
        batch, heads, n, d = q.shape
        group = heads // k.shape[1]
        scores = q.reshape(batch, -1, group * n, d) @ k.mT / 3
        weights = scores.masked_fill(~visible.repeat(1, 1, group, 1), -torch.inf).softmax(dim=-1)
        return (weights @ v).view(batch, heads, n, d), weights.view(batch, heads, n, n)


class FoldedHeadsFused(Plain):
    """The same by a fused kernel, with the heads of a token one behind the other."""

    dims: ClassVar = {"q": HEADS, "k": 2, "v": 2}

    @staticmethod
    def attend(layer, q, k, v, visible):
        _, heads, n, d = q.shape
        group = heads // k.shape[1]
        rows = q.unflatten(1, (-1, group)).transpose(2, 3).flatten(2, 3)  # (batch, kv_heads, n · group, d)
        mask = visible.repeat_interleave(group, dim=2)
        y = functional.scaled_dot_product_attention(rows, k, v, attn_mask=mask)
        products = (q[..., :, None, :] * k.repeat_interleave(group, dim=1)[..., None, :, :]).sum(dim=-1)
        own = (products / math.sqrt(d)).masked_fill(~visible, -torch.inf).exp()
        return y.unflatten(2, (n, group)).transpose(2, 3).flatten(1, 2), own / own.sum(dim=-1, keepdim=True)


class Temperature(Plain):
    """A temperature that each head learns becomes part of its queries, a term that depends on the content a bias."""

    @staticmethod
    def attend(layer, q, k, v, visible):
        scores = (q @ k.mT) * layer.temperature + k.norm(dim=-1).unsqueeze(-2)
        weights = scores.masked_fill(~visible, -torch.inf).softmax(dim=-1)
        return weights @ v, weights


class SoftCapWithSinks(Plain):
    @staticmethod
    def attend(layer, q, k, v, visible):
        scores = 2.0 * torch.tanh((q @ k.mT) * 0.3 / 2.0)
        scores = scores.masked_fill(~visible, -torch.inf)
        column = layer.sinks.view(1, -1, 1, 1).expand(*scores.shape[:-1], 1)
        weights = torch.cat([scores, column], dim=-1).softmax(dim=-1)[..., :-1]
        return weights @ v, weights


class Flex(Plain):
    """FlexAttention with a block mask, grouped keys, and a score that falls with the distance."""

    dims: ClassVar = {"q": HEADS, "k": 2, "v": 2}

    @staticmethod
    def attend(layer, q, k, v, visible):
        batch, heads, n, d = q.shape
        present = visible[:, 0, -1]  # (batch, n)
        mask = create_block_mask(lambda b, h, i, j: (j <= i) & present[b, j], batch, None, n, n, device="cpu")
        y = flex_attention(
            q, k, v, score_mod=lambda s, b, h, i, j: s - (i - j) * 0.1 * (h + 1), block_mask=mask, enable_gqa=True
        )  # (batch, heads, n, d)
        places = torch.arange(n)
        bias = -(places[:, None] - places) * 0.1 * torch.arange(1, heads + 1)[:, None, None]
        products = (q[..., :, None, :] * k.repeat_interleave(2, dim=1)[..., None, :, :]).sum(dim=-1)
        scores = products / math.sqrt(d) + bias
        weights = scores.masked_fill(~visible, -torch.inf).exp()
        weights = weights / weights.sum(dim=-1, keepdim=True)
        torch.testing.assert_close(y, weights @ v.repeat_interleave(2, dim=1))
        return y, weights


class Tapped(Plain):
    """A softmax of its own, which nobody could see, shown by a tap."""

    @staticmethod
    def attend(layer, q, k, v, visible):
        attnviz_tap(q, k, scale=0.4, mask=visible)
        weights = torch.where(visible, (q[..., :, None, :] * k[..., None, :, :]).sum(dim=-1) * 0.4, -torch.inf).exp()
        weights = weights / weights.sum(dim=-1, keepdim=True)
        return weights @ v, weights


class WronglyTapped(Plain):
    """The tap says another scale than the softmax gets."""

    @staticmethod
    def attend(layer, q, k, v, visible):
        attnviz_tap(q, k, scale=0.4, mask=visible)
        weights = ((q @ k.mT) * 0.7).masked_fill(~visible, -torch.inf).softmax(dim=-1)
        return weights @ v, weights


class Untapped(Plain):
    """Logits that are no matrix product."""

    @staticmethod
    def attend(layer, q, k, v, visible):
        scores = -(q[..., :, None, :] - k[..., None, :, :]).norm(dim=-1)
        weights = scores.masked_fill(~visible, -torch.inf).softmax(dim=-1)
        return weights @ v, weights


class TalkingHeads(Plain):
    """Heads mixed after softmax (arXiv 2003.02436)."""

    @staticmethod
    def attend(layer, q, k, v, visible):
        weights = ((q @ k.mT) / 4).masked_fill(~visible, -torch.inf).softmax(dim=-1)
        weights = torch.einsum("bhqk,hg->bgqk", weights, layer.mixing.softmax(dim=0))
        return weights @ v, weights


class Differential(Plain):
    """The difference of two softmaxes (arXiv 2410.05258)."""

    @staticmethod
    def attend(layer, q, k, v, visible):
        q1, q2 = q.chunk(2, dim=-1)
        k1, k2 = k.chunk(2, dim=-1)
        first, second = ((x @ y.mT).masked_fill(~visible, -torch.inf).softmax(dim=-1) for x, y in ((q1, k1), (q2, k2)))
        weights = first - 0.5 * second
        return weights @ v, weights


class DoubleProduct(Plain):
    """Logits that are the sum of two products."""

    @staticmethod
    def attend(layer, q, k, v, visible):
        weights = (q @ k.mT + k @ q.mT).masked_fill(~visible, -torch.inf).softmax(dim=-1)
        return weights @ v, weights


class CausalLinearAttention(Plain):
    """No softmax at all (arXiv 2006.16236)."""

    def __init__(self) -> None:
        super().__init__()
        for layer in self.layers:
            layer.__class__ = LinearAttentionLayer

    @staticmethod
    def attend(layer, q, k, v, visible):
        weights = torch.where(visible, torch.relu(q) @ torch.relu(k).mT, 0.0)
        return weights @ v, weights


class LinearAttentionLayer(Layer):
    pass


class Encoder(nn.Module):
    """nn.TransformerEncoder: its fused kernel must not hide it."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, WIDTH)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(WIDTH, HEADS, 64, batch_first=True), 2)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.encoder(3 * self.embedding(input_ids), src_key_padding_mask=attention_mask == 0)

    @property
    def own(self) -> dict[str, Tensor]:
        from tests.callbacks.models import IDS, MASK

        hidden, found = MASK == 0, {}
        with torch.no_grad():
            x = 3 * self.embedding(IDS)
            for index, layer in enumerate(self.encoder.layers):
                _, weights = layer.self_attn(x, x, x, key_padding_mask=hidden, average_attn_weights=False)
                found[f"encoder.layers.{index}.self_attn"] = weights
                x = layer(x, src_key_padding_mask=hidden)
        return found


class Translator(nn.Module):
    """nn.Transformer with an encoder and a decoder, whose inputs are as long as each other."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, WIDTH)
        self.transformer = nn.Transformer(WIDTH, HEADS, 1, 1, 64, batch_first=True)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        source, target = 3 * self.embedding(input_ids), 3 * self.embedding(input_ids.flip(1))
        hidden = attention_mask == 0
        return self.transformer(source, target, src_key_padding_mask=hidden, memory_key_padding_mask=hidden)

    @property
    def own(self) -> dict[str, Tensor]:
        from tests.callbacks.models import IDS, MASK

        x = 3 * self.embedding(IDS)
        attention = self.transformer.encoder.layers[0].self_attn
        with torch.no_grad():
            _, weights = attention(x, x, x, key_padding_mask=MASK == 0, average_attn_weights=False)
        return {"transformer.encoder.layers.0.self_attn": weights}


class Painter(nn.Module):
    """Patches of an image attend to each other, then to a text, with modules whose names say nothing of it."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, WIDTH)
        self.among, self.to_text = (PaintersAttention() for _ in range(2))

    def forward(self, latents: Tensor, input_ids: Tensor, encoder_attention_mask: Tensor) -> Tensor:
        text, visible = 3 * self.embedding(input_ids), encoder_attention_mask.bool()[:, None, None, :]
        return self.to_text(self.among(latents, latents, None), text, visible)

    @property
    def own(self) -> dict[str, Tensor]:
        return {"among": self.among.weights, "to_text": self.to_text.weights}


class PaintersAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(3))

    def forward(self, x: Tensor, y: Tensor, visible: Tensor | None) -> Tensor:
        q, k, v = (
            layer(z).unflatten(-1, (HEADS, -1)).transpose(1, 2) for layer, z in zip(self.qkv, (x, y, y), strict=True)
        )  # each (batch, heads, n, d)
        scores = q @ k.transpose(-2, -1) / math.sqrt(WIDTH // HEADS)
        scores = scores if visible is None else scores.masked_fill(~visible, -torch.inf)
        self.weights = scores.softmax(dim=-1)
        return x + (self.weights @ v).transpose(1, 2).flatten(-2)
