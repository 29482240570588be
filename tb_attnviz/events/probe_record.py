"""ProbeRecord: the fixed inputs of a run, as frozen dataclasses, and their JSON."""

import dataclasses
import functools
import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, Literal

from tb_attnviz.events.documents import FormatError

Labels = Mapping[str, tuple[str, ...] | tuple[float, ...]]  # what they say → one value a token; NaN: not known


@dataclasses.dataclass(frozen=True)
class Repeat:
    """A sequence repeats itself: token i equals token i - `period` for every i >= `start` + `period`."""

    start: int
    period: int


Side = Literal["tokens", "key_tokens"]
"""Of which tokens of a sequence the queries or keys of a layer are: its own, or those that it attends to across."""


@dataclasses.dataclass(frozen=True)
class Grid:
    """Patches of an image, row after row from its upper left corner."""

    rows: int
    columns: int

    @property
    def size(self) -> int:
        return self.rows * self.columns

    @property
    def places(self) -> tuple[tuple[int, int], ...]:
        """(row, column) of every patch."""
        return tuple((row, column) for row in range(self.rows) for column in range(self.columns))

    @property
    def tokens(self) -> tuple[str, ...]:
        """Names of the patches: "r0c0", "r0c1", …"""
        return tuple(f"r{row}c{column}" for row, column in self.places)


@dataclasses.dataclass(frozen=True)
class Image:
    """The image of a sequence: a PNG in the run's `plugins/attnviz` directory, its size in pixels."""

    file: str
    width: int
    height: int


@dataclasses.dataclass(frozen=True)
class GridLabels:
    """Labels of the patches of another grid over the same image than that of the tokens, row after row."""

    grid: Grid
    labels: Labels


@dataclasses.dataclass(frozen=True)
class Sequence:
    """One probe input: a text, or an image as the sequence of its patches.

    `grid`: the last tokens are its patches; those before them ([CLS], registers) have no place in the image.
    `key_tokens`: the other side of the input where the model has two, as the encoder's tokens beside a decoder's.
    Labels are about the tokens and not a part of them: two sequences that differ in them alone are equal.
    `grid_labels`: those of the patches that layers with grids of their own have.
    """

    tokens: tuple[str, ...]
    kind: str = "text"
    repeat: Repeat | None = None
    labels: Labels = dataclasses.field(default_factory=dict, compare=False)
    grid: Grid | None = None
    image: Image | None = None
    key_tokens: "Sequence | None" = None
    grid_labels: tuple[GridLabels, ...] = dataclasses.field(default=(), compare=False)

    @property
    def places(self) -> tuple[tuple[int, int] | None, ...]:
        """(row, column) of every token on the grid."""
        patches = self.grid.places if self.grid else ()
        return (None,) * (len(self.tokens) - len(patches)) + patches

    @property
    def content(self) -> list[Any]:
        """What the model was shown, as far as the record tells; an image's file is named after its pixels."""
        other = self.key_tokens.content if self.key_tokens else None
        return [self.kind, self.tokens, self.image.file if self.image else None, other]

    def to_entry(self) -> dict[str, Any]:
        return {
            "tokens": self.tokens,
            "kind": self.kind,
            "repeat": dataclasses.asdict(self.repeat) if self.repeat else None,
            "labels": _to_entry(self.labels),
            "grid": dataclasses.asdict(self.grid) if self.grid else None,
            "image": dataclasses.asdict(self.image) if self.image else None,
            "key_tokens": self.key_tokens.to_entry() if self.key_tokens else None,
            "grid_labels": [
                {**dataclasses.asdict(of_grid.grid), "labels": _to_entry(of_grid.labels)}
                for of_grid in self.grid_labels
            ],
        }

    @classmethod
    def from_entry(cls, entry: dict[str, Any]) -> "Sequence":
        """A sequence from its JSON. What came later than the format may be missing, and more may be there."""
        repeat, grid, image = entry["repeat"], entry.get("grid"), entry.get("image")
        return cls(
            tokens=tuple(entry["tokens"]),
            kind=entry["kind"],
            repeat=Repeat(repeat["start"], repeat["period"]) if repeat else None,
            labels=_from_entry(entry.get("labels", {})),
            grid=Grid(grid["rows"], grid["columns"]) if grid else None,
            image=Image(image["file"], image["width"], image["height"]) if image else None,
            key_tokens=cls.from_entry(entry["key_tokens"]) if entry.get("key_tokens") else None,
            grid_labels=tuple(
                GridLabels(Grid(of_grid["rows"], of_grid["columns"]), _from_entry(of_grid["labels"]))
                for of_grid in entry.get("grid_labels", [])
            ),
        )


@dataclasses.dataclass(frozen=True)
class ProbeRecord:
    """The fixed inputs of a run. Queries and keys of a head follow its tokens, sequence after sequence."""

    sequences: tuple[Sequence, ...]

    @property
    def lengths(self) -> tuple[int, ...]:
        """Tokens of each sequence."""
        return tuple(len(sequence.tokens) for sequence in self.sequences)

    def side(self, side: Side) -> tuple[Sequence, ...]:
        """Every sequence, or its other side. Raises FormatError if there is none."""
        if side == "tokens":
            return self.sequences
        others = tuple(sequence.key_tokens for sequence in self.sequences if sequence.key_tokens is not None)
        if len(others) < len(self.sequences):
            raise FormatError("a layer attends to key_tokens, and the probe has none")
        return others

    @property
    def tokens(self) -> int:
        """Tokens of all sequences."""
        return sum(self.lengths)

    @functools.cached_property
    def fingerprint(self) -> str:
        """Short, and equal for equal inputs alone: two runs with the same can be compared point by point."""
        content = [sequence.content for sequence in self.sequences]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

    def to_content(self) -> dict[str, Any]:
        """What the probe's document holds."""
        return {"probe": self.fingerprint, "sequences": [sequence.to_entry() for sequence in self.sequences]}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "ProbeRecord":
        return cls(tuple(Sequence.from_entry(entry) for entry in document["sequences"]))


def _to_entry(labels: Labels) -> dict[str, list[str | float | None]]:
    return {name: [_known(value) for value in values] for name, values in labels.items()}


def _from_entry(entry: dict[str, list[Any]]) -> Labels:
    return {name: tuple(math.nan if value is None else value for value in values) for name, values in entry.items()}


def _known(value: str | float) -> str | float | None:
    return None if isinstance(value, float) and math.isnan(value) else value
