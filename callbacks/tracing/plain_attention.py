"""Plain attention: the attention of a softmax over a product, and where its parts are in the tensors of the model."""

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from .attention_call import AttentionCall
from .axes import Atom, Axes, Axis, arranged, atoms, leaves, regrouped, size_of
from .product import Product, Side
from .remainder import remainder
from .spread import is_constant


class NotAttentionError(ValueError):
    """A softmax over a product that is no attention among tokens; the message says why."""


@dataclasses.dataclass(frozen=True)
class PlainAttention:
    """The attention of a softmax, and where its parts are in the tensors of the model."""

    call: AttentionCall
    queries: Side
    keys: Side
    axes: Axes  # of the weights, with the column of sinks, as the model has them
    target: Axes  # of the call's queries and keys: batch, heads, n_query, n_key
    sink: Atom | None  # in place of the keys, where there are sinks beside them
    sinks_first: bool

    @property
    def rows_of_given(self) -> tuple[int, int]:
        """Which axes of the queries' operand number queries, and what is summed over."""
        rows = set(leaves(self.target[2]))
        places = [place for place, axis in enumerate(self.queries.of_given) if set(leaves(axis)) & rows]
        d = self.queries.place
        row = places[-1] if places else len(self.queries.of_given) - 1  # a single query has no axis
        return row + (row >= d), d

    def arrange_given(self, x: Tensor) -> Tensor | None:
        """`x` of the shape of the queries' operand as [batch, heads, n_query, d]; None if axes of it are missing."""
        x = x.movedim(self.queries.place, -1)
        found = arranged(x, self.queries.of_given, self.target[:3], behind=1)
        return found if found is None else found.expand(*(size_of(axis) for axis in self.target[:3]), -1)

    def arrange_given_keys(self, x: Tensor) -> Tensor | None:
        """`x` of the shape of the keys' operand as [batch, heads or kv_heads, n_key, d]."""
        x = x.movedim(self.keys.place, -1)
        return arranged(x, self.keys.of_given, (*self.target[:2], self.target[3]), behind=1, grouped=True)


def read_attention(
    product: Product,
    name: str,
    logits: Tensor,
    dim: int,
    *,
    weights: Tensor,
    sequences: int,
    widths: set[int],
    numbers: Callable[[Tensor], Tensor | None],
    sequences_of: Callable[[Tensor], Tensor | None] = lambda x: None,
    rows_of: Callable[[int], Tensor | None] = lambda count: None,
) -> PlainAttention:
    """The attention whose softmax over axis `dim` gets `logits`. Raises NotAttentionError if it is none.

    widths: how many tokens the sides of the probe have, where it must be told which axis is that of the queries.
    numbers: of which token each element of a tensor is, where windows are followed, to tell them from heads.
    sequences_of: of which sequence each element is, where that is known, to tell heads that stand before sequences.
    rows_of: at which of so many queries mask and weights are wanted; None: at all.
    """
    if product.summed:
        raise NotAttentionError(
            "its logits are made of several products of queries and keys, in a way that is not understood: show it "
            "with attnviz_tap(q, k, …), with queries and keys that give the same logits"
        )
    axes = product.axes
    queries, keys = product.left, product.right
    of_softmax = set(leaves(axes[dim]))
    if not of_softmax:
        raise NotAttentionError(
            "it attends to a single key: where the model takes tokens before sequences (batch_first=False, say) these "
            "are the sequences of the batch, of which it is shown one"
        )
    if of_softmax & set(atoms(queries.axes)):
        queries, keys = keys, queries
    if of_softmax & set(atoms(queries.axes)):
        raise NotAttentionError(f"its softmax is over axis {dim}, not over the keys")
    batch, rows = _rest_of(axes, dim, queries, keys, widths)
    in_sequences, of_tokens = sequences_of(queries.given), numbers(queries.given)
    given, batch = batch, _sequences_first(batch, rows, sequences, queries, in_sequences)
    own = in_sequences if of_tokens is None and size_of(rows) in widths else of_tokens
    groups = _in_groups(batch, rows, sequences, queries, own)
    both = groups or _batch_and_heads(batch, rows, sequences, queries, of_tokens if len(batch) != 2 else None)
    target = (*both, rows, axes[dim])
    of_queries, of_keys = target[:3], (*target[:2], target[3])
    own_queries = arranged(queries.vectors, queries.axes, of_queries, behind=1)
    own_keys = arranged(keys.vectors, keys.axes, of_keys, behind=1, grouped=True)
    sink = None if product.sinks is None else Atom(size_of(axes[dim]) + 1)
    of_weights = axes if sink is None else (*axes[:dim], (sink,), *axes[dim + 1 :])
    scores, found = (
        arranged(x, of_weights, target if sink is None else (*target[:3], (sink,))) for x in (logits, weights)
    )
    if own_queries is None or own_keys is None or scores is None or found is None:
        raise NotAttentionError("its queries and keys are no longer those of its product")
    own_queries = own_queries.expand(*(size_of(axis) for axis in of_queries), -1)
    sinks = None
    if product.sinks is not None:
        column = arranged(product.sinks.expand(*map(size_of, axes[:-1]), 1), (*axes[:-1], ()), (*of_queries, ()))
        if column is None or dim != len(axes) - 1:
            raise NotAttentionError("its sinks are not beside its keys")
        sinks = column[0, :, 0, 0].float()  # (heads,)
        of_keys_alone = slice(1, None) if product.sinks_first else slice(None, -1)
        beside = scores[..., :1] if product.sinks_first else scores[..., -1:]
        # Shifted back by what was subtracted from both.
        scores, found = scores[..., of_keys_alone] - beside + sinks[:, None, None], found[..., of_keys_alone]
    if own_keys.shape[-1] != own_queries.shape[-1]:
        raise NotAttentionError("its queries and keys are not of one width")
    cap = None if product.factor is None else abs(product.factor)
    scale = product.scale if product.factor is None else product.scale * product.factor

    def seen_at(some: Tensor | slice) -> tuple[Tensor, Tensor, Tensor]:
        """Mask, weights and logits of some queries, [sequences, heads, rows, n_key]."""
        of_some = scores[:, :, some]
        mask = remainder(own_queries[:, :, some], own_keys, of_some, scale=scale, softcap=cap, sinks=sinks is not None)
        return mask, found[:, :, some], of_some

    wanted = rows_of(own_queries.shape[2])
    mask, own_weights, own_logits = seen_at(slice(None) if wanted is None else wanted)
    call = AttentionCall(
        name,
        own_queries,
        own_keys,
        scale=scale,
        causal=False,
        mask=mask,
        softcap=cap,
        sinks=sinks,
        weights=own_weights,
        logits=own_logits,
        rows=wanted,
        whole=None if wanted is None else lambda: seen_at(slice(None)),
        moved=batch is not given or groups is not None or (sequences == 1 == len(batch) and size_of(batch[0]) > 1),
    )
    return PlainAttention(call, queries, keys, of_weights, target, sink, product.sinks_first)


def _rest_of(axes: Axes, dim: int, queries: Side, keys: Side, widths: set[int]) -> tuple[list[Axis], Axis]:
    """The axes of logits beside that of the keys: those of batch and heads, and that of the queries."""
    alone = set(atoms(queries.axes)) - set(atoms(keys.axes))
    rest = [axis for place, axis in enumerate(axes) if place != dim]
    rows = [place for place, axis in enumerate(rest) if axis and set(leaves(axis)) <= alone]
    rows = [place for place in rows if size_of(rest[place]) in widths] or rows
    if not rows and not rest[-1]:
        rows = [len(rest) - 1]  # a single query
    if not rows:
        raise NotAttentionError("its queries are mixed with its sequences in one axis")
    of_queries = rest.pop(rows[-1])
    if not rest:
        raise NotAttentionError("it has no axis of sequences")
    return rest, of_queries


def _sequences_first(rest: list[Axis], rows: Axis, sequences: int, queries: Side, numbers: Tensor | None) -> list[Axis]:
    """`rest` with the sequences before the heads, where `numbers`, which tell the one from the other, say otherwise."""
    of_tokens = None
    if numbers is not None and 0 < len(rest) < 3 and sequences > 1:
        of_tokens = arranged(numbers.movedim(queries.place, -1)[..., 0], queries.of_given, (*rest, rows))
    if of_tokens is None:
        return rest
    found = of_tokens.amax(dim=-1)  # (of rest): -1 where it is not known
    every = torch.arange(sequences, device=found.device)
    if len(rest) == 2 and size_of(rest[1]) == sequences and torch.equal(found, every.expand_as(found)):
        return rest[::-1]
    if len(rest) == 1 and len(found) % sequences == 0 and torch.equal(found, every.repeat(len(found) // sequences)):
        both = regrouped((rest[0],), (len(found) // sequences, sequences))
        return rest if both is None or len(found) == sequences else [both[1], both[0]]
    return rest


def _in_groups(
    rest: list[Axis], rows: Axis, sequences: int, queries: Side, numbers: Tensor | None
) -> tuple[Axis, Axis] | None:
    """Sequences and heads of [sequences · kv_heads, heads of each, …], whose rows are all of the same tokens."""
    size = size_of(rest[0])
    if len(rest) != 2 or numbers is None or size == sequences or size % sequences:
        return None
    of_tokens = arranged(numbers.movedim(queries.place, -1)[..., 0], queries.of_given, (*rest, rows))
    if of_tokens is None or not is_constant(of_tokens.unflatten(0, (sequences, -1)), (1, 2)):  # type: ignore[no-untyped-call]
        return None
    both = regrouped((rest[0],), (sequences, size // sequences))
    return None if both is None else (both[0], both[1] + rest[1])


def _batch_and_heads(
    rest: list[Axis], rows: Axis, sequences: int, queries: Side, numbers: Tensor | None
) -> tuple[Axis, Axis]:
    """Which atoms number the sequences (and windows of them), and which the heads."""
    if numbers is not None:
        numbers = numbers.movedim(queries.place, -1)[..., 0]
    if len(rest) == 1:
        size = size_of(rest[0])
        of_tokens = None if numbers is None else arranged(numbers, queries.of_given, (rest[0], rows))  # (size, n)
        count = _heads_of(of_tokens, size // sequences) if size % sequences == 0 else 0
        both = regrouped((rest[0],), (size // count, count)) if count else None
        if both is None:
            raise NotAttentionError(f"its {size} rows are not those of {sequences} sequences")
        return both[0], both[1]
    if numbers is None and size_of(rest[0]) == sequences:  # no windows: all other axes are of heads, in groups
        return rest[0], tuple(atom for axis in rest[1:] for atom in axis)
    place = len(rest) - 1
    if numbers is not None:  # all heads of a window are of the same tokens
        of_tokens = arranged(numbers, queries.of_given, (*rest, rows))
        if of_tokens is not None:
            alike = [p for p in range(1, len(rest)) if bool((of_tokens == of_tokens.narrow(p, 0, 1)).all())]
            if size_of(rest[0]) == sequences and len(alike) == len(rest) - 1:  # no windows: heads in groups
                return rest[0], tuple(atom for axis in rest[1:] for atom in axis)
            place = max(alike, key=lambda p: size_of(rest[p]), default=place)
    heads = rest.pop(place)
    return tuple(atom for axis in rest for atom in axis), heads


def _heads_of(of_tokens: Tensor | None, most: int) -> int:
    """How many heads follow each other in [windows · heads, n]: those of a window are of the same tokens."""
    if of_tokens is None:
        return most
    divisors = [heads for heads in range(most, 1, -1) if most % heads == 0]
    by_heads = ((heads, of_tokens.unflatten(0, (-1, heads))) for heads in divisors)  # type: ignore[no-untyped-call]
    return next((heads for heads, x in by_heads if bool((x == x[:, :1]).all())), 1)
