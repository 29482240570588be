"""Batching: which sequences of a probe are shown together, and what is known of their positions."""

import random
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from tb_attnviz.events import ProbeRecord
from tb_attnviz.events import Side as SideName
from tb_attnviz.geometry import asked_of

from .inputs import Inputs
from .own_keys import Beside, present_beside
from .sequences import map_kind, repeats_of
from .side import Side
from .token_mask import check_rows, find_patch_places, find_token_mask

Present = dict[SideName, Tensor]
"""Which positions hold a token, side → [sequences, width]."""


def find_present(inputs: Inputs, record: ProbeRecord) -> Present:
    """Of all sequences. Raises ValueError if their tokens do not fit the inputs."""
    check_rows(inputs, len(record.lengths))
    two_sides = record.sequences[0].key_tokens is not None
    sides: tuple[SideName, ...] = ("tokens", "key_tokens") if two_sides else ("tokens",)
    return {
        side: find_token_mask(inputs, [len(s.tokens) for s in record.side(side)], side, two_sides=two_sides)
        for side in sides
    }


def side_of(
    side: SideName, record: ProbeRecord, present: Mapping[SideName, Tensor], part: slice, device: torch.device,
    ragged: bool
) -> Side:  # fmt: skip
    """Those of some sequences. ragged: without the positions that only others have."""
    sequences = record.side(side)[part]
    own = present[side][part]
    if ragged:
        own = own[:, : max(len(sequence.tokens) for sequence in sequences)]
    places = find_patch_places(sequences)
    return Side(
        side,
        own.to(device),
        places=places if places is None else places.to(device),
        kinds=[map_kind(sequence) for sequence in sequences],
        asked=asked_of(repeats_of(record.side(side))),
        grid=sequences[0].grid if len({(s.grid, len(s.tokens)) for s in sequences}) == 1 else None,
    )


def side_beside(
    record: ProbeRecord, present: Mapping[SideName, Tensor], beside: Beside, part: slice, device: torch.device,
    ragged: bool
) -> Side | None:  # fmt: skip
    """The tokens beside keys of the model's own, where there are some."""
    if not any(beside):
        return None
    both: Present = {"key_tokens": present_beside(present["tokens"], beside)}
    return side_of("key_tokens", record, both, part, device, ragged)


def unlike(size: int, sequences: int, widths: set[int]) -> int:
    """At most `size`, so that no batch of all sequences has as many of them as there are positions."""
    for smaller in range(min(size, sequences), 1, -1):
        if smaller not in widths and sequences % smaller not in widths:
            return smaller
    return 1


def rows_within(max_tokens: int, lengths: Sequence[int]) -> list[int]:
    """Sequences of these lengths that have at most so many tokens together, chosen at random, in their order.

    Raises ValueError if not even one fits.
    """
    order = random.Random(0).sample(range(len(lengths)), len(lengths))
    chosen: list[int] = []
    left = max_tokens
    for index in order:
        if lengths[index] <= left:
            chosen.append(index)
            left -= lengths[index]
    if not chosen:
        raise ValueError(
            f"max_tokens={max_tokens} holds no sequence of the probe: the shortest has {min(lengths)} tokens"
        )
    return sorted(chosen)
