"""Survey: the figures and small maps of one attention, in one pass over blocks of its pairs."""

import dataclasses
import functools
import math
from collections.abc import Sequence

from array_api_compat import array_namespace, device

from tb_attnviz.array_types import Array
from tb_attnviz.geometry.blocks import BLOCK, Part, Window, parts
from tb_attnviz.geometry.following import Followed, Pairs, joined_heads, joined_sequences
from tb_attnviz.geometry.maps import Maps, SequenceKind, beside, joined
from tb_attnviz.geometry.pair_sums import Offsets, PairSums
from tb_attnviz.geometry.related_sums import RelatedSums
from tb_attnviz.geometry.repeats import Asked
from tb_attnviz.geometry.row_sums import RowSums, mean_where

SURVEYED = (
    "entropy",
    "max_logit",
    "query_norm",
    "key_norm",
    "sink",
    "previous",
    "self",
    "next",
    "distance",
    "non_finite",
)


@dataclasses.dataclass(frozen=True)
class Survey:
    """What one pass over some sequences shows of a layer."""

    figures: dict[str, Array]  # each of SURVEYED → [sequences, heads]; NaN where a sequence does not define it
    masses: Array  # [sequences, heads, asked]: mean attention on what was asked for, NaN where there is no such token
    maps: dict[SequenceKind, Maps]  # kind of sequence → maps
    followed: tuple[Followed, ...] = ()  # of each relation that was asked for


def survey(
    queries: Array,
    keys: Array,
    *,
    scale: float,
    causal: bool,
    lengths: Sequence[int],
    key_lengths: Sequence[int] | None = None,
    window: Window = (None, None),
    softcap: float | None = None,
    bias: Array | None = None,
    sinks: Array | None = None,
    places: Array | None = None,
    ordered: bool = True,
    asked: Sequence[Asked] = (),
    kinds: Sequence[SequenceKind] = (),
    relations: Sequence[Sequence[Pairs]] = (),
    block: int = BLOCK,
) -> Survey:
    """What `health` is made of, sequence by sequence, and small maps; arguments as of `health`, and besides:

    asked: (first, offset), each the attention of the queries from `first` on on the token `offset` before theirs.
    kinds: of each sequence, where maps are wanted. relations: of each the pairs of every sequence. block: pairs that
    are computed at once.
    """
    xp = array_namespace(queries, keys)
    across = key_lengths is not None
    own = [int(n) for n in lengths]
    others = own if key_lengths is None else [int(n) for n in key_lengths]
    of_kind: Sequence[SequenceKind | None] = kinds or [None] * len(own)
    batch = (len(own), queries.shape[1])
    unknown = functools.partial(xp.full, fill_value=xp.nan, dtype=queries.dtype, device=device(queries))
    found = Survey({name: unknown(batch) for name in SURVEYED}, unknown((*batch, len(asked))), {})
    found.figures["max_logit"][...] = -xp.inf  # where nothing is visible
    maps: dict[SequenceKind, list[Maps]] = {}
    together: list[Maps] = []  # of all heads of the same sequences
    related: list[list[Followed]] = []  # likewise, of each relation
    followed: list[list[Followed]] = [[] for _ in relations]
    norms = [xp.linalg.vector_norm(x, axis=-1) for x in (queries, keys)]  # [sequences, heads, longest]
    largest = _largest_product(norms, scale)
    for part in parts(
        queries,
        keys,
        scale=scale,
        window=(window[0], 0 if causal else window[1]),
        lengths=own,
        key_lengths=others,
        softcap=softcap,
        bias=bias,
        sinks=sinks,
        apart=[(kind, *(n if isinstance(kind, tuple) else ())) for kind, *n in zip(of_kind, own, others, strict=True)],
        largest=largest,
        block=block,
    ):
        kind = of_kind[part.sequences[0]]
        pairs = PairSums(part, kind=kind, across=across)
        rows = RowSums(part, asked=() if across else asked, places=None if across else _of_part(places, part))
        of_part = [[of[one] for one in part.sequences] for of in relations]
        sums = RelatedSums(part, of_part, kind=kind, across=across) if relations else None
        for one in part.blocks():
            inverse = rows.add(one)
            pairs.add(one, inverse)
            if sums is not None:
                sums.add(one, inverse)
            del one  # before the next one takes as much memory
        here = (part.there, part.heads)
        for name, values in _figures(rows, pairs.offsets, ordered=ordered).items():
            found.figures[name][here] = values
        if asked and ordered and not across:
            found.masses[here] = rows.masses()
        if sums is not None:
            related.append(sums.followed())
            if part.heads.stop == batch[1]:
                for of_one, all_heads in zip(followed, zip(*related, strict=True), strict=True):
                    of_one.append(joined_heads(all_heads))
                related = []
        if kind is not None:
            together.append(pairs.maps())
            if part.heads.stop == batch[1]:
                maps.setdefault(kind, []).append(beside(together))
                together = []
    found.figures.update(_of_vectors(queries, keys, norms, own, others, finite=math.isfinite(largest)))
    found.maps.update({kind: joined(of_parts) for kind, of_parts in maps.items()})
    return dataclasses.replace(found, followed=tuple(joined_sequences(of) for of in followed))


def joined_maps(surveys: Sequence[Survey]) -> dict[SequenceKind, Maps]:
    """The maps of all sequences, from surveys of some each."""
    kinds = dict.fromkeys(kind for seen in surveys for kind in seen.maps)
    return {kind: joined([seen.maps[kind] for seen in surveys if kind in seen.maps]) for kind in kinds}


def _figures(rows: RowSums, offsets: Offsets | None, *, ordered: bool) -> dict[str, Array]:
    """What a part defines, [sequences, heads]."""
    figures = rows.figures()
    seeing = figures.pop("queries")
    if not ordered:
        del figures["sink"]
    if offsets is None:
        return figures
    figures["self"] = offsets.at(0)
    if ordered:
        figures["previous"], figures["next"] = offsets.at(-1), offsets.at(1)
    return {"distance": offsets.distance(seeing)} | figures


def _largest_product(norms: Sequence[Array], scale: float) -> float:
    """What no product of queries and keys of these `norms` exceeds, padding included; NaN where one is; inf of none."""
    xp = array_namespace(*norms)
    if not all(math.prod(of_side.shape) for of_side in norms):
        return math.inf
    return float(abs(scale) * xp.max(norms[0]) * xp.max(norms[1]))


def _of_vectors(
    queries: Array,
    keys: Array,
    norms: Sequence[Array],
    lengths: Sequence[int],
    key_lengths: Sequence[int],
    *,
    finite: bool,
) -> dict[str, Array]:
    """The figures that are of queries and keys alone, [sequences, heads]; `finite`: all of them are."""
    xp = array_namespace(queries, keys)
    non_finite, figures = [], {}
    for name, x, of_side, ends in zip(
        ("query_norm", "key_norm"), (queries, keys), norms, (lengths, key_lengths), strict=True
    ):
        present = xp.arange(x.shape[-2], device=device(x)) < xp.asarray(ends, device=device(x))[:, None, None]
        count = xp.zeros_like(of_side[..., 0])
        if not finite:
            count = xp.sum(xp.astype(~xp.isfinite(x) & present[..., None], x.dtype), axis=(-2, -1))
        of_heads = mean_where(of_side, present), count
        mean, count = (xp.repeat(values, queries.shape[1] // x.shape[1], axis=-1) for values in of_heads)
        figures[name] = mean
        non_finite.append(count)
    return figures | {"non_finite": non_finite[0] + non_finite[1]}


def _of_part(places: Array | None, part: Part) -> Array | None:
    if places is None:
        return None
    return places[: part.n_query, :] if places.ndim == 2 else places[part.there, : part.n_query, :]
