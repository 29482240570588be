"""ProbeRecord: the fixed inputs of a run, as frozen dataclasses, and their JSON."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from tb_attnviz.events.documents import dump, load

Labels = Mapping[str, tuple[str, ...] | tuple[float, ...]]  # what they say → one value a token; NaN: not known


@dataclasses.dataclass(frozen=True)
class Repeat:
    """A sequence repeats itself: token i equals token i - `period` for every i >= `start` + `period`."""

    start: int
    period: int


@dataclasses.dataclass(frozen=True)
class Sequence:
    """One probe input: a text, or an image as the sequence of its patches.

    Labels are about the tokens and not a part of them: two sequences that differ in them alone are equal.
    """

    tokens: tuple[str, ...]
    kind: str = "text"
    repeat: Repeat | None = None
    labels: Labels = dataclasses.field(default_factory=dict, compare=False)

    def to_entry(self) -> dict[str, Any]:
        return {
            "tokens": self.tokens,
            "kind": self.kind,
            "repeat": dataclasses.asdict(self.repeat) if self.repeat else None,
            "labels": {name: [_known(value) for value in values] for name, values in self.labels.items()},
        }

    @classmethod
    def from_entry(cls, entry: dict[str, Any]) -> "Sequence":
        """A sequence from its JSON. What came later than the format may be missing."""
        return cls(
            tokens=tuple(entry["tokens"]),
            kind=entry["kind"],
            repeat=Repeat(**entry["repeat"]) if entry["repeat"] else None,
            labels={
                name: tuple(math.nan if value is None else value for value in values)
                for name, values in entry.get("labels", {}).items()
            },
        )


@dataclasses.dataclass(frozen=True)
class ProbeRecord:
    """The fixed inputs of a run. Queries and keys of a head follow its tokens, sequence after sequence."""

    sequences: tuple[Sequence, ...]

    @property
    def lengths(self) -> tuple[int, ...]:
        """Tokens of each sequence."""
        return tuple(len(sequence.tokens) for sequence in self.sequences)

    @property
    def tokens(self) -> int:
        """Tokens of all sequences."""
        return sum(self.lengths)

    @property
    def fingerprint(self) -> str:
        """Short, and equal for equal inputs alone: two runs with the same can be compared point by point."""
        content = [[sequence.kind, sequence.tokens] for sequence in self.sequences]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

    def to_json(self) -> str:
        return dump({"sequences": [sequence.to_entry() for sequence in self.sequences]})

    @classmethod
    def from_json(cls, text: str) -> "ProbeRecord":
        return cls(tuple(Sequence.from_entry(entry) for entry in load(text, "probe")["sequences"]))


def _known(value: str | float) -> str | float | None:
    return None if isinstance(value, float) and math.isnan(value) else value
