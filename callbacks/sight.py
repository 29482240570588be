"""Sight: what one batch of the probe shows of a model's attention."""

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor

from tb_attnviz.geometry import FIGURES, attention, health, logits, visible_pairs

from .attention_call import AttentionCall, with_heads
from .batch import Batch
from .masks import Mask, additive, mask_of_windows, reduce_mask, shows_padding
from .other_sequences import Sides
from .pairing import Pairing, Pairings
from .places import Windows
from .products import LARGEST_LOGITS

# Weights recomputed from what is recorded may differ from the model's own by what its precision leaves open.
_TOLERANCE = {torch.float16: 1e-2, torch.bfloat16: 5e-2}  # else 1e-3


@dataclasses.dataclass(frozen=True)
class Seen:
    """The attention of one layer in one batch, on the processor."""

    scale: float
    queries: Tensor  # [heads, tokens, d] float32
    keys: Tensor  # [kv_heads, tokens, d] float32
    lengths: tuple[Tensor, Tensor]  # [sequences], or of their windows: how many queries and keys
    mask: Mask
    softcap: float | None
    sinks: Tensor | None  # [heads] float32
    figures: dict[str, Tensor]  # figure → [sequences, heads]
    sides: Sides
    windows: Windows | None

    @property
    def form(self) -> tuple[object, ...]:
        """What all batches must agree in: heads, kv_heads, d, and the numbers that hold for the whole layer."""
        sinks = None if self.sinks is None else tuple(self.sinks.tolist())
        windows = self.windows and (self.windows.grid, self.windows.tokens.numpy().tobytes())
        sizes = (self.queries.shape[0], *self.keys.shape[::2])
        return (*sizes, self.scale, self.softcap, sinks, self.sides, windows)


class Sight:
    """What one batch shows. Padding is dropped and health computed at each call, so that no call outlives the next.

    others: what `other_sequences` says of the model's modules.
    """

    def __init__(self, batch: Batch, others: Mapping[str, Sides | str], *, health: bool = True) -> None:
        self._with_health = health
        self.sequences = len(batch.present)
        self.seen: dict[str, Seen] = {}
        self.skipped: dict[str, str] = {}
        self._pairings = Pairings(batch, others)
        self._met: dict[str, Pairing] = {}

    def take(self, call: AttentionCall) -> None:
        pairing = self._pairings.of(call)
        if isinstance(pairing, str):
            self.refuse(call.name, pairing)
            return
        self._met[call.name] = pairing
        bias = additive(call)
        if shows_padding(bias, pairing.queries, pairing.keys):
            obstacle = "its tokens attend to padding: give the probe an attention mask, or sequences of one length"
            self.refuse(call.name, obstacle)
            return
        seen = self._see(call, bias, pairing)
        problem = self._check(call, bias, pairing)
        if problem is None and seen is not None:
            self.seen[call.name] = seen
        else:
            self.refuse(call.name, problem or "windows: their masks are not the same in every sequence")

    def refuse(self, name: str, why: str) -> None:
        self.skipped.setdefault(name, why)

    def weights_changed(self, name: str, before: Tensor, after: Tensor) -> None:
        """Refuse `name` if its weights are no longer those of its softmax, by more than rounding."""
        if name not in self._met:
            return
        pairs = self._met[name].pairs
        before, after = (with_heads(x, len(pairs)) for x in (before, after))
        if before.shape[-2:] == pairs.shape[-2:] and not _equal(before, after, pairs):
            self.refuse(name, "its weights are changed after softmax: its attention is not what its logits say")

    def looks_like_attention(self, shape: torch.Size) -> bool:
        """Whether a softmax over `shape` is one over the pairs of two tokens."""
        return self._pairings.looks_like_attention(shape)

    def _check(self, call: AttentionCall, bias: Tensor, pairing: Pairing) -> str | None:
        """Whether what `call` says gives the weights that the model itself shows; why not, if it does not."""
        if call.weights is None:
            return None
        exact = torch.float64 if call.queries.dtype == torch.float64 else torch.float32
        sequences, pairs = len(call.queries), pairing.pairs
        bias, keys = (x.expand(sequences, -1, -1, -1) for x in (bias, call.keys))
        count = max(LARGEST_LOGITS // call.weights[0].numel(), 1)  # sequences at a time
        parts = [slice(first, first + count) for first in range(0, sequences, count)]
        for part in parts:
            own = keys[part].to(exact).repeat_interleave(call.queries.shape[1] // keys.shape[1], dim=1)
            scores = logits(call.queries[part].to(exact), own, scale=call.scale, softcap=call.softcap, bias=bias[part])
            visible = visible_pairs(*scores.shape[-2:], causal=False, bias=bias[part], like=scores)
            found = attention(scores, visible, sinks=call.sinks)
            if not _equal(found, call.weights[part], pairs[part]):
                break
        else:
            return None
        return "its softmax gives other weights than these queries and keys with this scale and mask"

    def _see(self, call: AttentionCall, bias: Tensor, pairing: Pairing) -> Seen | None:
        """None if the windows of two sequences have different masks."""
        exact = torch.float64 if call.queries.dtype == torch.float64 else torch.float32
        queries = pairing.queries.in_front(call.queries.to(exact))  # (sequences, heads, longest, d)
        keys = pairing.keys.in_front(call.keys.to(exact))  # (sequences, kv_heads, longest, d)
        reduced = reduce_mask(bias, pairing.queries, pairing.keys)
        figures = self._health(queries, keys, call, reduced, pairing) if self._with_health else {}
        tokens = pairing.queries.tokens(queries), pairing.keys.tokens(keys)
        mask: Mask | None = reduced
        if pairing.windows is not None:
            mask = mask_of_windows(reduced, self.sequences)
            tokens = self._in_place(tokens[0], pairing.windows), self._in_place(tokens[1], pairing.windows)
            figures = {name: self._over_windows(name, values) for name, values in figures.items()}
        if mask is None:
            return None
        return Seen(
            scale=call.scale,
            queries=tokens[0].to("cpu", torch.float32),
            keys=tokens[1].to("cpu", torch.float32),
            lengths=(pairing.queries.lengths.cpu(), pairing.keys.lengths.cpu()),
            mask=dataclasses.replace(mask, bias=None if mask.bias is None else mask.bias.cpu()),
            softcap=call.softcap,
            sinks=None if call.sinks is None else call.sinks.detach().to("cpu", torch.float32),
            figures=figures,
            sides=pairing.sides,
            windows=pairing.windows,
        )

    def _in_place(self, x: Tensor, windows: Windows) -> Tensor:
        """x [heads, tokens, d], window after window of all sequences, with the tokens of each in their order."""
        by_sequence = x.reshape(len(x), self.sequences, -1, x.shape[-1])
        order = windows.tokens.flatten().argsort().to(x.device)  # where each token of the grid is
        return by_sequence[:, :, order].flatten(1, 2)

    def _over_windows(self, figure: str, values: Tensor) -> Tensor:
        """[sequences, heads] from values of their windows [sequences · windows, heads]."""
        return torch.stack(
            [over_sequences(figure, of_one) for of_one in values.reshape(self.sequences, -1, values.shape[1])]
        )

    def _health(
        self, queries: Tensor, keys: Tensor, call: AttentionCall, mask: Mask, pairing: Pairing
    ) -> dict[str, Tensor]:
        """Every figure, [sequences, heads], some sequences at a time so that the logits stay small."""
        sequences, heads, n_query, _ = queries.shape
        keys = keys.repeat_interleave(heads // keys.shape[1], dim=1)
        bias = None if mask.bias is None else mask.bias.to(queries.dtype)
        of_queries, of_keys = pairing.queries, pairing.keys
        places = of_queries.places
        count = max(LARGEST_LOGITS // (heads * n_query * keys.shape[2]), 1)
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
                lengths=of_queries.lengths[part],
                key_lengths=None if of_keys is of_queries else of_keys.lengths[part],
                bias=bias if bias is None or len(bias) == 1 else bias[part],
                repeats=of_queries.repeats[part],
                places=places if places is None or places.dim() == 2 else places[part],
                ordered=of_queries.ordered,
            )
            parts.append(figures)
        return {name: torch.cat([figures[name] for figures in parts]).cpu() for name in FIGURES}


def over_sequences(figure: str, values: Tensor) -> Tensor:
    """One value a head from `values` [sequences, heads]; sequences that do not define the figure (NaN) do not count."""
    if figure == "max_logit":
        largest = torch.where(values.isnan(), -torch.inf, values).amax(dim=0)
        return torch.where(values.isnan().all(dim=0), torch.nan, largest)
    return values.sum(dim=0) if figure == "non_finite" else values.nanmean(dim=0)


def _equal(a: Tensor, b: Tensor, pairs: Tensor) -> bool:
    """Whether two attentions [sequences, heads, width, width] are the same at `pairs`, up to their precision."""
    tolerance = max(_TOLERANCE.get(x.dtype, 1e-3) for x in (a, b))
    return not bool((pairs & ((a.float() - b.float()).abs() > tolerance)).any())  # NaN is no difference
