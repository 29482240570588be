"""Masks: what an attention adds to its logits, reduced to the tokens of the probe and to its plainest form.

Most masks are bands (`bands`). What says more is kept as an additive bias: relative positions, prefixes.
"""

import dataclasses

import torch
from torch import Tensor, nn

from tb_attnviz.geometry import Window

from ..probes.side import Side
from ..tracing.attention_call import HIDDEN, AttentionCall
from .bands import ALL, agree, inside, read_band

# Masks that differ by less are the same: where plain code adds a bias, it is known up to rounding only.
_SAME, _RELATIVELY = 2e-5, 2e-6
_HELD = 4  # masks of a batch: more than the layers of one model take turns with


@dataclasses.dataclass(frozen=True)
class Mask:
    """The mask of one attention over some sequences: the tokens that a query sees before and after its own, or a bias.

    A `window` counts from token to token, None: to the end of every sequence; with a bias it is ALL.
    """

    window: Window
    bias: Tensor | None = None  # float [sequences or 1, heads or 1, longest, longest]; -inf hides; padding is -inf

    @property
    def full(self) -> bool:
        """Every token sees every token."""
        return self.bias is None and self.window == ALL

    @property
    def causal(self) -> bool:
        """Every token sees itself and those before it, and nothing more is said."""
        return self.bias is None and self.window == (None, 0)


@dataclasses.dataclass(frozen=True)
class Read:
    """A mask among tokens, and whether a token sees a position that is none: then attention among tokens is another."""

    mask: Mask
    shows_padding: bool


class Masks:
    """Reads the masks of a batch. One that several layers share, be it through views of it, is read once.

    The last few are held, so that nothing else gets their memory; those of a model that makes one a layer go.
    """

    def __init__(self) -> None:
        self._read: dict[tuple[object, ...], tuple[object, Read]] = {}

    def read(self, call: AttentionCall, queries: Side, keys: Side) -> Read:
        mask = call.mask
        if mask is not None and (mask.is_inference() or type(mask) not in (Tensor, nn.Parameter)):
            # It does not tell whether it was written over, or not where it lies.
            return _read(call, queries, keys)
        what = None if mask is None else (mask.data_ptr(), mask.dtype, mask.shape, mask.stride(), mask._version)
        sizes = call.queries.shape[-2], call.keys.shape[-2]
        key = (what, call.causal, call.window, id(queries), id(keys), sizes)
        found = self._read.pop(key, None) or ((mask, queries, keys), _read(call, queries, keys))
        self._read[key] = found
        if len(self._read) > _HELD:
            del self._read[next(iter(self._read))]
        return found[1]


def _read(call: AttentionCall, queries: Side, keys: Side) -> Read:
    band = read_band(call, queries, keys)
    if band is not None:
        return Read(Mask(band.window), band.shows_padding)
    bias = additive(call)
    return Read(_reduced(bias, queries, keys), _shows_padding(bias, queries, keys))


def additive(call: AttentionCall) -> Tensor:
    """What `call` adds to its logits, [batch or 1, heads or 1, n_query, n_key]; -inf where a pair is hidden."""
    n_query, n_key = call.queries.shape[-2], call.keys.shape[-2]
    zero = torch.zeros((), device=call.queries.device)
    hidden = torch.full_like(zero, -torch.inf)
    bias = zero.expand(1, 1, n_query, n_key)
    if call.mask is not None:
        mask = call.mask[(None,) * (4 - call.mask.dim())]
        mask = mask.expand(*mask.shape[:2], n_query, n_key)
        if mask.dtype == torch.bool:
            bias = torch.where(mask, zero, hidden)
        else:
            bias = mask.float() if mask.dtype != torch.float64 else mask
            bias = torch.where(bias <= bias.amax(dim=-1, keepdim=True) + HIDDEN, -torch.inf, bias)
    window = (call.window[0], 0 if call.causal else call.window[1])
    if window != ALL:
        query, key = (torch.arange(n, device=bias.device) for n in (n_query, n_key))
        bias = torch.where(inside(window, query[:, None], key), bias, -torch.inf)
    return bias


def _shows_padding(bias: Tensor, queries: Side, keys: Side) -> bool:
    """`bias` as from `additive`."""
    padded_pairs = queries.present[:, None, :, None] & ~keys.present[:, None, None, :]  # (sequences, 1, width, width)
    return bool((padded_pairs & (bias > -torch.inf)).any())


def _reduced(bias: Tensor, queries: Side, keys: Side) -> Mask:
    """The mask among the tokens of a batch; `bias` as from `additive`."""
    bias = bias.expand(len(queries.order), -1, -1, -1)
    bias = torch.take_along_dim(bias, queries.order[:, None, :, None], dim=2)
    bias = torch.take_along_dim(bias, keys.order[:, None, None, :], dim=3)  # (sequences, heads or 1, longest, longest)
    real = _real_pairs(queries.lengths, keys.lengths)
    return Mask(ALL, _compact(torch.where(real, bias, -torch.inf), queries.lengths, keys.lengths))


def join_masks(masks: list[Mask], lengths: list[tuple[Tensor, Tensor]]) -> Mask:
    """The mask of all sequences, from those of their batches; `lengths` [sequences] of queries and keys of each."""
    if all(mask.bias is None for mask in masks):
        longest = [int(torch.cat(of_both).max()) for of_both in lengths]
        window = agree([mask.window for mask in masks], longest)
        if window is not None:
            return Mask(window)
    return as_bias(masks, lengths)


def as_bias(masks: list[Mask], lengths: list[tuple[Tensor, Tensor]]) -> Mask:
    """The same as a bias."""
    n_query, n_key = (torch.cat(of_side) for of_side in zip(*lengths, strict=True))
    heads = max([mask.bias.shape[1] for mask in masks if mask.bias is not None], default=1)
    joined = torch.full((len(n_query), heads, int(n_query.max()), int(n_key.max())), -torch.inf)
    first = 0
    for mask, (queries, keys) in zip(masks, lengths, strict=True):
        rows = slice(first, first + len(queries))
        joined[rows, :, : int(queries.max()), : int(keys.max())] = _spelled_out(mask, queries, keys).to(joined)
        first = rows.stop
    return Mask(ALL, _compact(joined, n_query, n_key))


def mask_of_windows(mask: Mask, sequences: int) -> Mask | None:
    """`mask` of the windows of all sequences, as that of the windows of one; None if sequences differ in it.

    Its bias is [windows or 1, heads or 1, n, n]. A causal mask among the tokens of a window counts as different.
    """
    if mask.full:
        return mask
    if mask.bias is None:
        return None
    if len(mask.bias) == 1:
        return mask
    bias = mask.bias.reshape(sequences, -1, *mask.bias.shape[1:])  # (sequences, windows, heads or 1, n, n)
    return Mask(ALL, bias[0]) if bool(_same(bias, bias[:1]).all()) else None


def join_masks_of_windows(masks: list[Mask]) -> Mask | None:
    """The mask of the windows of every sequence, from those of the batches; None if they differ."""
    biases = [torch.zeros(1, 1, 1, 1) if mask.bias is None else mask.bias for mask in masks]
    return masks[0] if all(bool(_same(bias, biases[0]).all()) for bias in biases) else None


def _spelled_out(mask: Mask, queries: Tensor, keys: Tensor) -> Tensor:
    """`mask` as a bias that broadcasts to [sequences, heads, longest, longest], padding -inf."""
    query, key = (torch.arange(int(n.max())) for n in (queries, keys))
    bias = torch.zeros(1, 1, len(query), len(key)) if mask.bias is None else mask.bias
    bias = torch.where(inside(mask.window, query[:, None], key), bias, -torch.inf)
    return torch.where(_real_pairs(queries, keys), bias, -torch.inf)


def _compact(bias: Tensor, queries: Tensor, keys: Tensor) -> Tensor:
    """One array for all heads, or for all sequences, where they have the same."""
    if bool(_same(bias, bias[:, :1]).all()):
        bias = bias[:, :1]
    longest = torch.nonzero((queries == queries.max()) & (keys == keys.max()))
    if not len(longest):
        return bias
    first = int(longest[0])
    template = bias[first : first + 1]  # (1, heads or 1, longest, longest): it holds the pairs of all others
    same = ~_real_pairs(queries, keys) | _same(bias, template)
    return template if bool(same.all()) else bias


def _same(a: Tensor, b: Tensor) -> Tensor:
    return (a == b) | ((a - b).abs() <= _SAME + _RELATIVELY * a.abs())


def _real_pairs(queries: Tensor, keys: Tensor) -> Tensor:
    """Pairs of two tokens, neither padding, from the lengths of both: [sequences, 1, longest, longest]."""
    query, key = (
        torch.arange(int(n.max()), device=n.device) < n[:, None] for n in (queries, keys)
    )  # (sequences, longest)
    return query[:, None, :, None] & key[:, None, None, :]
