"""Batch recording: what one batch of the probe shows of a model's attention."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from tb_attnviz.events import Vectors
from tb_attnviz.geometry import RankSums, Survey, attention, logits, rank_sums, visible_pairs

from ..probes.batch import Batch
from ..tracing.attention_call import AttentionCall
from ..tracing.folded import may_be_folded
from ..tracing.patches import Windows
from ..tracing.remainder import LARGEST_LOGITS
from .bands import holds
from .known_masks import KnownMasks
from .masks import Mask, Masks, Read, additive, mask_of_windows
from .memory import held
from .other_sequences import Sides
from .padded_attention import pad_last
from .pairing import OwnGrid, Pairing, Pairings
from .sides import Trace
from .values import Values

# Weights recomputed from what is recorded may differ from the model's own by what its precision leaves open.
_TOLERANCE = {torch.float16: 1e-2, torch.bfloat16: 5e-2}  # else 1e-3


_SHUFFLED = (
    "its tokens were picked by random numbers, which the model draws in evaluation, too: they are not the probe's in "
    "their order"
)


@dataclasses.dataclass(frozen=True)
class LayerRecording:
    """The attention of one layer in one batch, on the processor."""

    scale: float
    queries: Tensor | Vectors  # [heads, tokens, d] float32
    keys: Tensor | Vectors  # [kv_heads, tokens, d] float32
    lengths: tuple[Tensor, Tensor]  # [sequences], or of their windows: how many queries and keys
    mask: Mask
    softcap: float | None
    sinks: Tensor | None  # [heads] float32
    survey: Survey | None  # where figures are wanted, and so the next
    rank: RankSums | None
    sides: Sides
    grids: tuple[OwnGrid | None, OwnGrid | None]
    windows: Windows | None
    moved: bool  # as of the call
    relations: tuple[str, ...]  # the figures of those that are among its tokens

    @property
    def form(self) -> tuple[object, ...]:
        """What all batches must agree in: heads, kv_heads, d, and the numbers that hold for the whole layer."""
        sinks = None if self.sinks is None else tuple(self.sinks.tolist())
        windows = self.windows and (self.windows.grid, self.windows.tokens.numpy().tobytes())
        sizes = (self.queries.shape[0], *self.keys.shape[::2])
        return (*sizes, self.scale, self.softcap, sinks, self.sides, self.grids, windows, self.relations)


class BatchRecording:
    """What one batch shows. Padding is dropped and health computed at each call, so that no call outlives the next.

    others: what `other_sequences` says of the model's modules. `values`: whether values are looked at, too. `known`:
    from earlier passes, of which this is batch `number`. unfit: attentions that are refused, and why.
    """

    def __init__(
        self,
        batch: Batch,
        found: Mapping[str, Sides | str],
        others: Mapping[str, Sides | str],
        *,
        health: bool = True,
        values: bool = False,
        known: KnownMasks | None = None,
        number: int = 0,
        unfit: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._unfit = unfit
        self._with_health = health
        self._known, self._number = known or KnownMasks(), number
        self.values = Values() if values else None
        self.sequences = len(batch.present)
        self.device = batch.present.device
        self.widths = {side.present.shape[1] for side in batch.sides}
        self.patch = batch.patch
        self.layers: dict[str, LayerRecording] = {}
        self.skipped: dict[str, str] = {}
        self.traces: dict[str, Trace] = {}
        """What every attention of the pass was made from, recorded or not."""
        self._masks = Masks()
        self._relations = batch.relations
        self._pairings = Pairings(batch, found, others)
        self._met: dict[str, Pairing] = {}

    def trace(self, call: AttentionCall) -> None:
        """Take notice of an attention, recorded or not."""
        self.traces[call.name] = Trace(*call.sources)

    def take(self, call: AttentionCall) -> None:
        if (why := self._unfit.get(call.name)) is not None:
            self.refuse(call.name, why)
            return
        if Trace(*call.sources).shuffled:
            self.refuse(call.name, _SHUFFLED)
            return
        pairing = self._pairings.of(call)
        if isinstance(pairing, str):
            self.refuse(call.name, pairing)
            return
        self._met[call.name] = pairing
        if call.rows is not None and not self._is_as_known(call, pairing):
            assert call.whole is not None
            mask, weights, scores = (x.detach() for x in call.whole())
            call = dataclasses.replace(call, mask=mask, weights=weights, logits=scores, rows=None, whole=None)
        read = self._read(call, pairing)
        if read.shows_padding:
            obstacle = "its tokens attend to padding: give the probe an attention mask, or sequences of one length"
            self.refuse(call.name, obstacle)
            return
        seen = self._see(call, read.mask, pairing)
        problem = None if call.rows is not None else self._check(call, pairing)
        if problem is None and seen is not None:
            self.layers[call.name] = seen
            self._note(call, read.mask)
            if call.values is not None:
                self.take_values(call.name, call.values)
        else:
            self.refuse(call.name, problem or "windows: their masks are not the same in every sequence")

    def refuse(self, name: str, why: str) -> None:
        self.skipped.setdefault(name, why)

    def keeps_weights(self, name: str, before: Tensor, after: Tensor) -> bool:
        """Whether two tensors are the same weights up to rounding: where they are [sequences, heads, …], at tokens."""
        if name not in self._met:
            return True
        pairs = self._met[name].pairs
        rows = self.rows(name, before.shape[-2]) if before.dim() == 4 else None
        if rows is not None and before.shape == after.shape and before.shape[2:] == pairs.shape[2:]:
            before, after, pairs = (x[:, :, rows] for x in (before, after, pairs))
        if before.dim() != 4 or (len(before), *before.shape[2:]) != (len(pairs), *pairs.shape[2:]):
            pairs = torch.ones((), dtype=torch.bool, device=before.device)
        return _equal(before, after, pairs)

    def rows(self, name: str, count: int) -> Tensor | None:
        """At which of `count` queries mask and weights are compared with those of earlier passes; None: at all."""
        known = not may_be_folded(count, self.widths) and self._known.window(self._number, name) is not None
        return self._known.queries(count, self.device) if known else None

    def take_values(self, name: str, values: Tensor) -> None:
        """The values [batch, value_heads, n_key, d_v] that the weights of `name` are multiplied with."""
        if self.values is not None and name in self.layers:
            self.values.take(name, values, with_figure=self._with_health)

    def leave_values_out(self, name: str, why: str) -> None:
        if self.values is not None:
            self.values.left_out[name] = why

    def end(self) -> None:
        """The pass is over: its last attention, whose values were waited for, is let go."""
        if self.values is not None:
            self.values.expect(None)

    @property
    def beside(self) -> dict[str, tuple[int, int]]:
        """Attention → keys of the model's own before and behind those of its tokens, which the probe does not name."""
        return self._pairings.beside

    def looks_like_attention(self, shape: torch.Size) -> bool:
        """Whether a softmax over `shape` is one over the pairs of two tokens."""
        return self._pairings.looks_like_attention(shape)

    def _is_as_known(self, call: AttentionCall, pairing: Pairing) -> bool:
        """Whether mask and weights are what they were, at the queries that this pass looks at."""
        window = self._known.window(self._number, call.name)
        same = window is not None and holds(window, call, pairing.queries, pairing.keys)
        return same and self._check(call, pairing) is None

    def _read(self, call: AttentionCall, pairing: Pairing) -> Read:
        window = self._known.window(self._number, call.name)
        if call.rows is not None and window is not None:
            return Read(Mask(window), shows_padding=False)
        return (self._masks if pairing.windows is None else Masks()).read(call, pairing.queries, pairing.keys)

    def _note(self, call: AttentionCall, mask: Mask) -> None:
        """What was compared at all pairs is known from now on."""
        if call.logits is not None and call.rows is None:
            self._known.note(self._number, call.name, mask.window if mask.bias is None else None)

    def _check(self, call: AttentionCall, pairing: Pairing) -> str | None:
        """Whether what `call` says gives the weights that the model itself shows; why not, if it does not."""
        weights = call.weights
        if weights is None:
            return None
        exact = torch.float64 if call.queries.dtype == torch.float64 else torch.float32
        sequences, pairs = len(call.queries), pairing.pairs
        if call.rows is not None:
            call, pairs = dataclasses.replace(call, queries=call.queries[:, :, call.rows]), pairs[:, :, call.rows]
        bias, keys = (x.expand(sequences, -1, -1, -1) for x in (additive(call), call.keys))
        count = max(LARGEST_LOGITS // weights[0].numel(), 1)  # sequences at a time
        parts = [slice(first, first + count) for first in range(0, sequences, count)]
        for part in parts:
            own = keys[part].to(exact).repeat_interleave(call.queries.shape[1] // keys.shape[1], dim=1)
            if call.logits is None:
                queries = call.queries[part].to(exact)
                scores = logits(queries, own, scale=call.scale, softcap=call.softcap, bias=bias[part])
            else:  # compared with the products when they were found: the rounding of 16 bits grows with them
                scores = call.logits[part].to(exact)
            visible = visible_pairs(*scores.shape[-2:], causal=False, bias=bias[part], like=scores)
            found = attention(scores, visible, sinks=call.sinks)
            if not _equal(found, weights[part], pairs[part]):
                break
        else:
            return None
        return "its softmax gives other weights than these queries and keys with this scale and mask"

    def _see(self, call: AttentionCall, mask: Mask, pairing: Pairing) -> LayerRecording | None:
        """None if the windows of two sequences have different masks."""
        padded = pad_last(call, mask, pairing, sequences=self.sequences, relations=self._relations)
        of_one = mask if pairing.windows is None else mask_of_windows(mask, self.sequences)
        if of_one is None:
            return None
        if self.values is not None:
            self.values.expect(padded)
        queries = padded.tokens(pairing.queries, padded.queries)
        keys = padded.tokens(pairing.keys, padded.keys)
        return LayerRecording(
            scale=call.scale,
            queries=held(queries, padded.queries),
            keys=held(keys, padded.keys),
            lengths=(pairing.queries.lengths.cpu(), pairing.keys.lengths.cpu()),
            mask=dataclasses.replace(of_one, bias=None if of_one.bias is None else of_one.bias.cpu()),
            softcap=call.softcap,
            sinks=None if call.sinks is None else call.sinks.detach().to("cpu", torch.float32),
            survey=padded.survey() if self._with_health else None,
            rank=rank_sums(queries, keys) if self._with_health else None,
            sides=pairing.sides,
            grids=pairing.grids,
            windows=pairing.windows,
            moved=call.moved,
            relations=tuple(one.figure for one in padded.relations),
        )


def _equal(a: Tensor, b: Tensor, pairs: Tensor) -> bool:
    """Whether two attentions [sequences, heads, width, width] are the same at `pairs`, up to their precision."""
    tolerance = max(_TOLERANCE.get(x.dtype, 1e-3) for x in (a, b))
    return not bool((pairs & ((a.float() - b.float()).abs() > tolerance)).any())  # NaN is no difference
