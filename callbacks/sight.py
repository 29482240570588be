"""Sight: what one batch of the probe shows of a model's attention."""

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor

from tb_attnviz.geometry import FIGURES, attention, health, logits, visible_pairs

from .attention_call import AttentionCall, with_heads
from .masks import Mask, additive, reduce_mask, shows_padding
from .other_sequences import why_other
from .probe import Batch
from .products import LARGEST_LOGITS

# Weights recomputed from what is recorded may differ from the model's own by what its precision leaves open.
_TOLERANCE = {torch.float16: 1e-2, torch.bfloat16: 5e-2}  # else 1e-3


@dataclasses.dataclass(frozen=True)
class Seen:
    """The attention of one layer in one batch, on the processor."""

    scale: float
    queries: Tensor  # [heads, tokens, d] float32
    keys: Tensor  # [kv_heads, tokens, d] float32
    mask: Mask
    softcap: float | None
    sinks: Tensor | None  # [heads] float32
    figures: dict[str, Tensor]  # figure → [sequences, heads]

    @property
    def form(self) -> tuple[object, ...]:
        """What all batches must agree in: heads, kv_heads, d, and the numbers that hold for the whole layer."""
        sinks = None if self.sinks is None else tuple(self.sinks.tolist())
        return (self.queries.shape[0], *self.keys.shape[::2], self.scale, self.softcap, sinks)


class Sight:
    """What one batch shows. Padding is dropped and health computed at each call, so that no call outlives the next.

    others: module → why its attention is not among the tokens of the probe.
    """

    def __init__(self, batch: Batch, others: Mapping[str, str], *, health: bool = True) -> None:
        self._with_health = health
        self.sequences = len(batch.present)
        self.lengths = batch.present.sum(dim=1)  # (sequences,)
        self.seen: dict[str, Seen] = {}
        self.skipped: dict[str, str] = {}
        self._batch = batch
        self._others = others
        order = torch.argsort((~batch.present).int(), dim=1, stable=True)
        self._order = order[:, : int(self.lengths.max())]  # (sequences, longest): where the tokens are, then padding
        self._in_order = bool((self._order == torch.arange(self._order.shape[1], device=order.device)).all())

    def take(self, call: AttentionCall) -> None:
        obstacle = why_other(call.name, self._others) or _misfit(call, self._batch.present)
        if obstacle is None:
            bias = additive(call)
            if shows_padding(bias, self._batch.present):
                obstacle = "its tokens attend to padding: give the probe an attention mask, or sequences of one length"
            else:
                seen = self._see(call, reduce_mask(bias, self._order, self.lengths))
                obstacle = self._check(call, bias)
                if obstacle is None:
                    self.seen[call.name] = seen
        if obstacle is not None:
            self.refuse(call.name, obstacle)

    def refuse(self, name: str, why: str) -> None:
        self.skipped.setdefault(name, why)

    def weights_changed(self, name: str, before: Tensor, after: Tensor) -> None:
        """Refuse `name` if its weights are no longer those of its softmax, by more than rounding."""
        before, after = (with_heads(x, self.sequences) for x in (before, after))
        if before.shape[-2:] == self._pairs.shape[-2:] and not _equal(before, after, self._pairs):
            self.refuse(name, "its weights are changed after softmax: its attention is not what its logits say")

    def looks_like_attention(self, shape: torch.Size) -> bool:
        """Whether a softmax over `shape` is one over the pairs of two tokens."""
        return len(shape) >= 3 and tuple(shape[-2:]) == tuple(self._pairs.shape[-2:])

    @property
    def _pairs(self) -> Tensor:
        """Pairs of two tokens, neither padding, [sequences, 1, width, width]."""
        present = self._batch.present
        return present[:, None, :, None] & present[:, None, None, :]

    def _check(self, call: AttentionCall, bias: Tensor) -> str | None:
        """Whether what `call` says gives the weights that the model itself shows; why not, if it does not."""
        if call.weights is None:
            return None
        exact = torch.float64 if call.queries.dtype == torch.float64 else torch.float32
        bias, keys = (x.expand(self.sequences, -1, -1, -1) for x in (bias, call.keys))
        count = max(LARGEST_LOGITS // call.weights[0].numel(), 1)  # sequences at a time
        parts = [slice(first, first + count) for first in range(0, self.sequences, count)]
        for part in parts:
            own = keys[part].to(exact).repeat_interleave(call.queries.shape[1] // keys.shape[1], dim=1)
            scores = logits(call.queries[part].to(exact), own, scale=call.scale, softcap=call.softcap, bias=bias[part])
            visible = visible_pairs(*scores.shape[-2:], causal=False, bias=bias[part], like=scores)
            found = attention(scores, visible, sinks=call.sinks)
            if not _equal(found, call.weights[part], self._pairs[part]):
                break
        else:
            return None
        return "its softmax gives other weights than these queries and keys with this scale and mask"

    def _see(self, call: AttentionCall, mask: Mask) -> Seen:
        exact = torch.float64 if call.queries.dtype == torch.float64 else torch.float32
        queries = self._in_front(call.queries.to(exact))  # (sequences, heads, longest, d)
        keys = self._in_front(call.keys.to(exact))  # (sequences, kv_heads, longest, d)
        return Seen(
            scale=call.scale,
            queries=self._tokens(queries),
            keys=self._tokens(keys),
            mask=dataclasses.replace(mask, bias=None if mask.bias is None else mask.bias.cpu()),
            softcap=call.softcap,
            sinks=None if call.sinks is None else call.sinks.detach().to("cpu", torch.float32),
            figures=self._health(queries, keys, call, mask) if self._with_health else {},
        )

    def _in_front(self, x: Tensor) -> Tensor:
        """x [sequences, heads, width, d] with padding last, and only as much as there must be."""
        if self._in_order:
            return x[:, :, : self._order.shape[1]]
        return torch.take_along_dim(x, self._order[:, None, :, None], dim=2)

    def _tokens(self, x: Tensor) -> Tensor:
        """x [sequences, heads, longest, d] without its padding, [heads, tokens, d]."""
        present = torch.arange(x.shape[2], device=x.device) < self.lengths[:, None]  # (sequences, longest)
        return x.transpose(0, 1)[:, present].to("cpu", torch.float32)

    def _health(self, queries: Tensor, keys: Tensor, call: AttentionCall, mask: Mask) -> dict[str, Tensor]:
        """Every figure, [sequences, heads], some sequences at a time so that the logits stay small."""
        sequences, heads, longest, _ = queries.shape
        keys = keys.repeat_interleave(heads // keys.shape[1], dim=1)
        bias = None if mask.bias is None else mask.bias.to(queries.dtype)
        repeats = [None if repeat is None else (repeat.start, repeat.period) for repeat in self._batch.repeats]
        count = max(LARGEST_LOGITS // (heads * longest**2), 1)
        parts = []
        for first in range(0, sequences, count):
            part = slice(first, first + count)
            figures = health(
                queries[part],
                keys[part],
                scale=call.scale,
                softcap=call.softcap,
                sinks=None if call.sinks is None else call.sinks.to(queries.dtype),
                causal=mask.causal,
                lengths=self.lengths[part],
                bias=bias if bias is None or len(bias) == 1 else bias[part],
                repeats=repeats[part],
            )
            parts.append(figures)
        return {name: torch.cat([figures[name] for figures in parts]).cpu() for name in FIGURES}


def _equal(a: Tensor, b: Tensor, pairs: Tensor) -> bool:
    """Whether two attentions [sequences, heads, width, width] are the same at `pairs`, up to their precision."""
    tolerance = max(_TOLERANCE.get(x.dtype, 1e-3) for x in (a, b))
    return not bool((pairs & ((a.float() - b.float()).abs() > tolerance)).any())  # NaN is no difference


def _misfit(call: AttentionCall, present: Tensor) -> str | None:
    """Why `call` is not an attention among the tokens of the probe; None if it is."""
    shapes = f"queries {tuple(call.queries.shape)} and keys {tuple(call.keys.shape)}"
    if call.queries.is_nested or call.keys.is_nested:
        return "its queries are a nested tensor"
    for x, what in ((call.queries, "pooled"), (call.keys, "pooled, or another sequence's")):
        if x.dim() != 4 or (x.shape[0], x.shape[2]) != present.shape:
            kind = "windows" if x.shape[0] > len(present) and x.shape[0] % len(present) == 0 else what
            return (
                f"{shapes} are not those of {present.shape[0]} sequences of {present.shape[1]} tokens ({kind}: "
                "not recorded yet)"
            )
    if call.queries.shape[1] % call.keys.shape[1] or call.queries.shape[3] != call.keys.shape[3]:
        return f"{shapes} do not go together"
    return None
