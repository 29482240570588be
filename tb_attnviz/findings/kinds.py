"""Kinds: what a head can be said to do, and from which share of its attention on; docs/findings.md explains each."""

import dataclasses
from collections.abc import Iterable
from typing import Literal

import numpy as np

from tb_attnviz.importance import NOTHING

From = Literal["figures", "maps", "samples"]
"""What of a run a kind is read from: health figures (every step), small maps (nearly every), samples (checkpoints)."""


@dataclasses.dataclass(frozen=True)
class Kind:
    """A head becomes of this kind where its `measure` reaches `on`, and is of it until that is beyond `off` again.

    Measures of attention are shares beyond chance: 0 for a head that attends to all keys alike, 1 for one that attends
    to nothing else. `off` above `on`: small values are what makes it. `trouble`: a head that does nothing of its own.
    `beside`: it says nothing of what a head does, so that no head is called so. `group` has the words of `title`.
    """

    name: str
    title: str  # of one head: "previous token"
    group: str  # of several: "previous-token {heads}"
    measure: str
    read_from: From
    on: float = 0.35
    off: float = 0.25
    trouble: bool = False
    general: bool = False  # said only of a head of which nothing else is
    beside: bool = False

    @property
    def follows(self) -> bool:
        """Whether it is that a head follows a relation that was given to the recorder."""
        return self.name.startswith(FOLLOWS)


STILL = 1e-3
"""How far the queries, or the keys, of a dead head may vary, as a share of their size, before it is alive again."""
STILL_SIDES = (1, 2)
"""What the queries and the keys add to "offset/still" where they are so: 1, 2, or both, 3."""

# What a head does for the model first, the more special before the more general. The limits were chosen on one set of
# heads built by hand and tried on another: benchmarks/findings.py.
KINDS: tuple[Kind, ...] = (
    Kind("dead", "dead", "dead {heads}", "spread", "samples", 1e-4, STILL, trouble=True),
    Kind("collapsed", "collapsed", "{heads} collapsed onto one key", "one_key", "samples", 0.75, 0.6, trouble=True),
    Kind("unchanged", "near random", "near-random {heads}", "moved", "samples", 0.08, 0.15, trouble=True),
    Kind("induction", "induction", "induction {heads}", "induction", "figures"),
    Kind("fed_by", "fed by a previous-token head", "{heads} fed by previous-token heads", "fed_by", "figures", 1, 0.5),
    Kind(
        "fixed_or_induction",
        "fixed distance or induction",
        "{heads} of fixed distance or induction",
        "fixed_or_induction",
        "figures",
    ),
    Kind("duplicate", "same token", "{heads} attending to the same token before", "duplicate", "figures"),
    Kind(
        "fixed_or_same",
        "fixed distance or same token",
        "{heads} of fixed distance or same token",
        "fixed_or_same",
        "figures",
    ),
    Kind(
        "same_token", "same token elsewhere", "{heads} attending to the same token elsewhere", "same_token", "samples"
    ),
    Kind("previous", "previous token", "previous-token {heads}", "previous", "figures"),
    Kind("next", "next token", "next-token {heads}", "next", "figures"),
    Kind("fixed", "fixed distance", "{heads} attending at a fixed distance", "fixed", "maps"),
    Kind("patch", "one patch", "{heads} attending to one patch", "patch", "maps"),
    Kind("self", "itself", "{heads} attending to the token itself", "self", "figures"),
    Kind("delimiter", "special tokens", "{heads} resting on special tokens", "delimiter", "samples"),
    Kind("punctuation", "punctuation", "{heads} resting on punctuation", "punctuation", "samples"),
    Kind("row", "same row", "{heads} attending along the same row", "row", "maps"),
    Kind("column", "same column", "{heads} attending along the same column", "column", "maps"),
    Kind("label", "look-alike patches", "{heads} attending to look-alike patches", "label", "samples", 0.3, 0.22),
    Kind("first", "first token", "{heads} resting on the first token", "first", "figures"),
    Kind("local", "local", "local {heads}", "local", "maps", 0.5, 0.4),
    Kind("copy", "duplicate", "duplicate {heads}", "alike", "samples", 0.95, 0.92, trouble=True),
    Kind(
        "prunable",
        "could be removed",
        "{heads} that could be removed (one at a time)",
        "prunable",
        "figures",
        NOTHING,
        np.nextafter(NOTHING, 1).item(),
        beside=True,
    ),
    Kind("uniform", "uniform", "uniform {heads}", "entropy", "figures", 0.97, 0.96, general=True),
    Kind("broad", "broad", "broad {heads}", "entropy", "figures", 0.8, 0.77, general=True),
)

FOLLOWS = "follows/"
"""What the figures, measures and kinds of relations begin with."""

OF_REPEATS = ("induction", "fixed_or_induction", "duplicate", "fixed_or_same")
"""Kinds that are told by repeated texts alone."""

PLACED = ("previous", "next", "fixed", "patch", "self", "delimiter", "punctuation", "row", "column", "first")
"""Kinds that say where all attention goes: two heads of one are alike by that, and no copies of each other."""


def kinds_with(relations: Iterable[str]) -> tuple[Kind, ...]:
    """KINDS, and what heads do that follow relations, given by their figures: before all that goes by place alone."""
    place = next(number for number, kind in enumerate(KINDS) if kind.name == "previous")
    return (*KINDS[:place], *map(_following, relations), *KINDS[place:])


def _following(figure: str) -> Kind:
    relation = figure.removeprefix(FOLLOWS)
    group = "{heads} following " + relation.replace("{", "{{").replace("}", "}}")
    return Kind(figure, f"follows {relation}", group, figure, "figures")
