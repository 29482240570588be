"""Sight: what one batch of the probe shows of a model's attention."""

import dataclasses

import torch
from torch import Tensor

from tb_attnviz.geometry import FIGURES, health

from .attention_calls import AttentionCall
from .masks import Mask, additive, reduce_mask, shows_padding
from .probe import Batch

_LARGEST_LOGITS = 2**24  # elements at a time when health is computed: 64 MB in float32


@dataclasses.dataclass(frozen=True)
class Seen:
    """The attention of one layer in one batch, on the processor."""

    scale: float
    queries: Tensor  # [heads, tokens, d] float32
    keys: Tensor  # [kv_heads, tokens, d] float32
    mask: Mask
    figures: dict[str, Tensor]  # figure → [sequences, heads]

    @property
    def shape(self) -> tuple[int, int, int]:
        return (self.queries.shape[0], self.keys.shape[0], self.queries.shape[2])


class Sight:
    """What one batch shows. Padding is dropped and health computed at each call, so that no call outlives the next."""

    def __init__(self, batch: Batch) -> None:
        self.lengths = batch.present.sum(dim=1)  # (sequences,)
        self.seen: dict[str, Seen] = {}
        self.skipped: dict[str, str] = {}
        self._batch = batch
        order = torch.argsort((~batch.present).int(), dim=1, stable=True)
        self._order = order[:, : int(self.lengths.max())]  # (sequences, longest): where the tokens are, then padding

    def take(self, call: AttentionCall) -> None:
        obstacle = _misfit(call, self._batch.present)
        if obstacle is None:
            bias = additive(call)
            if shows_padding(bias, self._batch.present):
                obstacle = "its tokens attend to padding: give the probe an attention mask, or sequences of one length"
            else:
                self.seen[call.name] = self._see(call, reduce_mask(bias, self._order, self.lengths))
        if obstacle is not None:
            self.skipped[call.name] = obstacle

    def _see(self, call: AttentionCall, mask: Mask) -> Seen:
        exact = torch.float64 if call.queries.dtype == torch.float64 else torch.float32
        gather = self._order[:, None, :, None]  # (sequences, 1, longest, 1)
        queries = torch.take_along_dim(call.queries.to(exact), gather, dim=2)  # (sequences, heads, longest, d)
        keys = torch.take_along_dim(call.keys.to(exact), gather, dim=2)  # (sequences, kv_heads, longest, d)
        return Seen(
            scale=call.scale,
            queries=self._tokens(queries),
            keys=self._tokens(keys),
            mask=dataclasses.replace(mask, bias=None if mask.bias is None else mask.bias.cpu()),
            figures=self._health(queries, keys, call.scale, mask),
        )

    def _tokens(self, x: Tensor) -> Tensor:
        """x [sequences, heads, longest, d] without its padding, [heads, tokens, d]."""
        present = torch.arange(x.shape[2], device=x.device) < self.lengths[:, None]  # (sequences, longest)
        return x.transpose(0, 1)[:, present].to("cpu", torch.float32)

    def _health(self, queries: Tensor, keys: Tensor, scale: float, mask: Mask) -> dict[str, Tensor]:
        """Every figure, [sequences, heads], some sequences at a time so that the logits stay small."""
        sequences, heads, longest, _ = queries.shape
        keys = keys.repeat_interleave(heads // keys.shape[1], dim=1)
        bias = None if mask.bias is None else mask.bias.to(queries.dtype)
        repeats = [None if repeat is None else (repeat.start, repeat.period) for repeat in self._batch.repeats]
        count = max(_LARGEST_LOGITS // (heads * longest**2), 1)
        parts = []
        for first in range(0, sequences, count):
            part = slice(first, first + count)
            figures = health(
                queries[part],
                keys[part],
                scale=scale,
                causal=mask.causal,
                lengths=self.lengths[part],
                bias=bias if bias is None or len(bias) == 1 else bias[part],
                repeats=repeats[part],
            )
            parts.append(figures)
        return {name: torch.cat([figures[name] for figures in parts]).cpu() for name in FIGURES}


def _misfit(call: AttentionCall, present: Tensor) -> str | None:
    """Why `call` is not an attention among the tokens of the probe; None if it is."""
    shapes = f"queries {tuple(call.queries.shape)} and keys {tuple(call.keys.shape)}"
    if call.queries.is_nested or call.keys.is_nested:
        return "its queries are a nested tensor"
    for x in (call.queries, call.keys):
        if x.dim() != 4 or (x.shape[0], x.shape[2]) != present.shape:
            return f"{shapes} are not those of {present.shape[0]} sequences of {present.shape[1]} tokens"
    if call.queries.shape[1] % call.keys.shape[1] or call.queries.shape[3] != call.keys.shape[3]:
        return f"{shapes} do not go together"
    return None
