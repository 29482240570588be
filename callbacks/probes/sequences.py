"""Sequences: the tokens that a probe is given, checked and with what is known of them."""

from collections.abc import Sequence
from dataclasses import astuple, replace

from tb_attnviz.events import Grid
from tb_attnviz.events import Sequence as ProbeSequence
from tb_attnviz.geometry import PLAIN, REPEATED, SequenceKind

from .labels import GivenLabels, read_labels
from .repeats import find_repeat
from .writable import writable


def read_sequences(
    tokens: Sequence[Sequence[str]], labels: GivenLabels | None, kind: str, grids: Sequence[Grid] | None = None
) -> list[ProbeSequence]:
    """Raises ValueError or TypeError for tokens, labels or grids that do not go together."""
    _check_tokens(tokens)
    labelled = read_labels(labels or {}, tokens)
    sequences = [
        ProbeSequence(tuple(map(writable, sequence)), kind=kind, repeat=find_repeat(sequence), labels=of_sequence)
        for sequence, of_sequence in zip(tokens, labelled, strict=True)
    ]
    if grids is None:
        return sequences
    check_grids(tokens, grids)
    return [replace(sequence, grid=grid) for sequence, grid in zip(sequences, grids, strict=True)]


def repeats_of(sequences: Sequence[ProbeSequence]) -> list[tuple[int, int] | None]:
    """(start, period) of each that repeats itself."""
    return [None if sequence.repeat is None else astuple(sequence.repeat) for sequence in sequences]


def map_kind(sequence: ProbeSequence) -> SequenceKind:
    """With which other sequences its small maps are averaged."""
    if sequence.grid is not None:
        return (sequence.grid.rows, sequence.grid.columns)
    return PLAIN if sequence.repeat is None else REPEATED


def check_grids(tokens: Sequence[Sequence[str]], grids: Sequence[Grid]) -> None:
    """Raises ValueError unless each sequence has the patches of its grid."""
    for index, (sequence, grid) in enumerate(zip(tokens, grids, strict=True)):
        if len(sequence) < grid.size:
            raise ValueError(
                f"sequence {index} of the probe has {len(sequence)} tokens, fewer than the {grid.size} patches "
                f"of a grid of {grid.rows} rows and {grid.columns} columns"
            )


def _check_tokens(tokens: Sequence[Sequence[str]]) -> None:
    if not tokens:
        raise ValueError("the probe is empty: give at least one sequence")
    for index, sequence in enumerate(tokens):
        if isinstance(sequence, str):
            raise TypeError(f"the tokens of sequence {index} are one string ({sequence[:40]!r}); give a list")
        for token in sequence:
            if not isinstance(token, str):
                raise TypeError(f"sequence {index} of the probe has a token {token!r}, which is no text: give its name")
        if not sequence:
            raise ValueError(f"sequence {index} of the probe has no tokens: leave it out")
