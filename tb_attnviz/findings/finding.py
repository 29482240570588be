"""Finding: what one head does, or did, with the figure that says so."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Finding:
    """A head is of a kind from `since` on, until it is lost: plain fields, which pandas takes.

    `first`: the step at which it was so first, which is `since` unless it was something else in between. `when` says
    both in words, and what it was of before, if that gave way: "since step 1,100 (local since step 50)".
    `amount`: `value` in words, "44 %"; `texts`: those of the probe over which it is taken, "ordinary texts"; empty
    where it has no others.
    `value`: of `figure` at step `at`: a share of attention from 0 to 1, but of "entropy", "alike", "moved" and "spread"
    that figure itself. `offset`: key less query, in tokens, or (rows, columns) of patches. `partner`: (layer, head) of
    the head that this one attends as, or is fed by. `needs_samples`: it follows from samples alone, and is known at
    checkpoints.
    """

    step: int
    layer: int
    head: int
    kind: str
    title: str
    since: int
    first: int
    until: int | None
    when: str
    figure: str
    value: float
    at: int
    amount: str
    texts: str
    sentence: str
    offset: int | tuple[int, int] | None = None
    partner: tuple[int, int] | None = None
    trouble: bool = False
    needs_samples: bool = False


@dataclasses.dataclass(frozen=True)
class Group:
    """Heads of one kind at one step: "4 induction heads: the earliest since step 575, the latest since step 900".

    `since`: from when on the first of them is so without a break. `texts`: as of its findings.
    """

    kind: str
    title: str
    sentence: str
    since: int
    trouble: bool
    texts: str
    heads: tuple[tuple[int, int], ...]  # the clearest first


@dataclasses.dataclass(frozen=True)
class Happening:
    """Something that happened at a step: "formed", "lost", "alert", "cleared", "restart", "changed model".

    An alert is one of the recorder's rules, an anomaly of one head, or a head that came to do nothing of its own: dead,
    collapsed, near random, duplicate (docs/findings.md). `layer`, `head`: of an alert of several heads the worst one;
    None, as `kind`, where it is of no head, or of no kind. `trouble`: an alert, or a restart at which heads lost their
    kinds. `since`: of an alert, since when its head is unhealthy without a break; None of no head's.
    """

    step: int
    what: str
    sentence: str
    layer: int | None = None
    head: int | None = None
    kind: str | None = None
    trouble: bool = False
    since: int | None = None


@dataclasses.dataclass(frozen=True)
class HeadChange:
    """How far a head attends otherwise at one step than at another: the mean Jensen-Shannon distance of its rows."""

    layer: int
    head: int
    step: int
    since: int
    change: float


@dataclasses.dataclass(frozen=True)
class ChangePoint:
    """A figure of a head changed its level at `step`; `score`: by how many times its own noise."""

    layer: int
    head: int
    figure: str
    step: int
    before: float
    after: float
    score: float


@dataclasses.dataclass(frozen=True)
class Evidence:
    """Where a head shows best that it is of a kind: one query of one sequence, and what it attends to most.

    `position`s count within the sequence; `weight`: the attention of `query` on `key`, from 0 to 1.
    """

    step: int
    layer: int
    head: int
    kind: str
    sequence: int
    query: int
    key: int
    weight: float
    query_token: str
    key_token: str
    sentence: str
