"""Relations: pairs of a probe's tokens that heads may follow, as they are given, checked against the probe."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tb_attnviz.events import ProbeRecord
from tb_attnviz.events import Sequence as ProbeSequence
from tb_attnviz.events import Side as SideName
from tb_attnviz.geometry import Pairs

Pair = tuple[int, int]
"""The positions of query and key in their sequences, from 0."""
OfTokens = Callable[..., Iterable[Pair]]
"""Gives the pairs of a sequence from its tokens; across two sides from the tokens of queries and those of keys."""

MOST = 24  # a run has room for 64 figures
_LONGEST_NAME = 60


@dataclasses.dataclass(frozen=True)
class Relation:
    """Pairs of tokens, for attention from `queries_of` to `keys_of`; "key_tokens" are the probe's other side.

    pairs: of each sequence a list of (query, key), or a function of a sequence's tokens that gives it.

        Relation(lambda words, patches: [(i, 0) for i in range(len(words))], keys_of="key_tokens")
    """

    pairs: Sequence[Iterable[Pair]] | OfTokens
    _: dataclasses.KW_ONLY
    queries_of: SideName = "tokens"
    keys_of: SideName = "tokens"

    def __post_init__(self) -> None:
        for field in ("queries_of", "keys_of"):
            if (value := getattr(self, field)) not in ("tokens", "key_tokens"):
                raise ValueError(f'{field}={value!r} is no side of a probe: give "tokens" or "key_tokens"')

    def of(self, own: Sequence[ProbeSequence], others: Sequence[ProbeSequence]) -> Sequence[Iterable[Pair]]:
        """The pairs of each sequence of a probe; `own` are those of the queries, `others` those of the keys."""
        if not callable(self.pairs):
            return self.pairs
        if self.queries_of == self.keys_of:
            return [self.pairs(one.tokens) for one in own]
        return [self.pairs(one.tokens, other.tokens) for one, other in zip(own, others, strict=True)]


GivenRelations = Mapping[str, Relation | OfTokens | Sequence[Iterable[Pair]]]


@dataclasses.dataclass(frozen=True)
class Related:
    """A relation in some sequences."""

    name: str
    queries_of: SideName
    keys_of: SideName
    pairs: tuple[Pairs, ...]

    @property
    def figure(self) -> str:
        return f"follows/{self.name}"

    def unseen(self) -> str:
        """Its name, and why no layer can be seen to follow it."""
        if not any(map(len, self.pairs)):
            return f"{self.name!r}: it has no pair in the probe"
        return (
            f"{self.name!r}: no layer recorded attends from {self.queries_of} to {self.keys_of} by its pairs, or none "
            "sees others of the same offset, or with the same key, to set them against"
        )

    def only(self, rows: Iterable[int]) -> "Related":
        return dataclasses.replace(self, pairs=tuple(self.pairs[row] for row in rows))


def check_relations(given: object) -> None:
    """Raises ValueError or TypeError for what can be no relations of any probe."""
    if not isinstance(given, Mapping):
        raise TypeError(f'relations={given!r} has no names: give {{"parent": pairs}}, pairs a list for each sequence')
    if len(given) > MOST:
        raise ValueError(f"relations are {len(given)}: give at most {MOST}")
    for name, relation in given.items():
        if not (isinstance(name, str) and name.strip() == name and name.isprintable() and name) or "/" in name:
            raise ValueError(f"relations name one {name!r}: give it a printable name without a slash")
        if len(name) > _LONGEST_NAME:
            raise ValueError(f"the name of the relation {name!r} is longer than {_LONGEST_NAME} characters: shorten it")
        pairs = relation.pairs if isinstance(relation, Relation) else relation
        if not callable(pairs) and (isinstance(pairs, (str, Mapping)) or not hasattr(pairs, "__len__")):
            raise TypeError(
                f"the relation {name!r} is {pairs!r}: give a list of pairs (query, key) for each sequence, a function "
                "of a sequence's tokens that gives one, or one of tb_attnviz.callbacks.relations"
            )


def read_relations(given: GivenRelations, record: ProbeRecord) -> tuple[Related, ...]:
    """The relations of the probe that `record` describes. Raises ValueError or TypeError; the message names which."""
    check_relations(given)
    return tuple(_read(name, _as_relation(relation), record) for name, relation in given.items())


def _as_relation(given: Relation | OfTokens | Sequence[Iterable[Pair]]) -> Relation:
    return given if isinstance(given, Relation) else Relation(given)


def _read(name: str, relation: Relation, record: ProbeRecord) -> Related:
    if "key_tokens" in (relation.queries_of, relation.keys_of) and record.sequences[0].key_tokens is None:
        raise ValueError(f"the relation {name!r} is about key_tokens, and the probe has none: give it key_tokens")
    own, others = record.side(relation.queries_of), record.side(relation.keys_of)
    found = relation.of(own, others)
    if len(found) != len(own):
        added = sum(one.repeat is not None for one in own)
        hint = f", and [] for each of the {added} that repeat themselves" if added else ", [] where there is none"
        raise ValueError(
            f"the relation {name!r} is of {len(found)} sequences, and the probe has {len(own)}: give a list of pairs "
            f"for each{hint}; or a function of the tokens"
        )
    pairs = [
        _pairs(name, index, of_one, len(one.tokens), len(other.tokens))
        for index, (of_one, one, other) in enumerate(zip(found, own, others, strict=True))
    ]
    return Related(name, relation.queries_of, relation.keys_of, tuple(pairs))


def _pairs(name: str, index: int, given: Iterable[Any], queries: int, keys: int) -> Pairs:
    """Each once, by query."""
    where, listed = f"the relation {name!r} in sequence {index}", list(given)
    for pair in listed:
        try:
            query, key = pair
            positions = np.array([query, key])
        except (TypeError, ValueError):
            raise TypeError(f"{where} has {pair!r}: give pairs (query, key) of token numbers") from None
        if positions.dtype.kind not in "iu" or positions.ndim != 1:
            raise TypeError(f"{where} has the pair {pair!r}: token numbers are whole numbers")
        for what, position, count in (("query", query, queries), ("key", key, keys)):
            if not 0 <= position < count:
                raise ValueError(
                    f"{where} has the pair ({query}, {key}), whose {what} {position} is no token: there are {count}, "
                    f"numbered 0 to {count - 1}"
                )
    if not listed:
        return np.zeros((0, 2), np.int64)
    return np.unique(np.array([[int(query), int(key)] for query, key in listed], np.int64), axis=0)
