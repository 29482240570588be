"""Maps: the small maps of a layer, as a run stores them."""

from collections.abc import Mapping

import numpy as np

from tb_attnviz.events import AttentionMap
from tb_attnviz.geometry import PLAIN, REPEATED, Maps, SequenceKind

_NAMES = {PLAIN: "text", REPEATED: "repeated"}


def stored_maps(maps: Mapping[SequenceKind, Maps]) -> dict[str, AttentionMap]:
    """The maps of each kind of sequence under its name: "text", "repeated", "14 × 14"."""
    return {_name(kind): _stored(of_kind) for kind, of_kind in maps.items()}


def _name(kind: SequenceKind) -> str:
    return _NAMES[kind] if isinstance(kind, str) else f"{kind[0]} × {kind[1]}"


def _stored(maps: Maps) -> AttentionMap:
    means = {name: mean.value().float().numpy() for name, mean in maps.means.items()}
    first, pooled, received = means["first"], means["pooled"], means.get("received")
    rows, columns = (min(n, first.shape[-1]) for n in maps.lengths)
    offsets = means.get("offsets", np.zeros((len(first), 0), np.float32))  # none across two sequences
    starts = (1 - maps.lengths[0],) if received is None else tuple(1 - n for n in received.shape[1:])
    return AttentionMap(maps.lengths, first[:, :rows, :columns], pooled, offsets, starts, received)
