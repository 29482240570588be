"""Connections of heads over a run: which feeds which, by how much, and since when. docs/importance.md."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from tb_attnviz.array_types import Float32
from tb_attnviz.events import ConnectionCodes, FiguresLocation, FormatError, Layer, read_figures

Way = Literal["queries", "keys"]

WAYS: tuple[Way, ...] = ("queries", "keys")
LEAST = 0.5
"""In logits a query: a head that contributes less feeds nobody."""
SHARE = 0.5
"""Of all that a head is fed in one way: a head that contributes less is one of many."""
_MOST_LINKS = 16  # of a head that are told, in each direction
_MOST_STEPS = 256
_MOST_READ = 2**28  # pairs of heads, of all steps together


@dataclasses.dataclass(frozen=True)
class Pair:
    """One head feeds another: layers and heads by the model's own numbers."""

    layer_from: int
    head_from: int
    layer_to: int
    head_to: int
    by: Way  # what the contribution goes through: the queries of the second head, or its keys
    contribution: float  # in logits a query
    share: float  # of all that is contributed to the second head in this way
    formed: int  # the first recorded step from which on it was at least half of this


@dataclasses.dataclass(frozen=True)
class Connections:
    """At one step: [heads_from, heads_to] over the heads of all layers, in logits a query; NaN where no way is."""

    step: int
    queries: Float32
    keys: Float32
    pairs: tuple[Pair, ...]
    """The pairs that stand out, the strongest first."""


def connections_of(step: int, by_step: Mapping[int, Mapping[Way, Float32]], layers: Sequence[Layer]) -> Connections:
    """Those of `step`; the steps before it say since when a pair is connected."""
    numbers = [layer.in_model(index, head) for index, layer in enumerate(layers) for head in range(layer.heads)]
    steps = sorted(known for known in by_step if known <= step)
    pairs: list[Pair] = []
    for by in WAYS:
        now = np.nan_to_num(by_step[step][by])
        shares = _share(now, np.maximum(now, 0).sum(axis=0))
        for source, target in np.argwhere((now >= LEAST) & (shares >= SHARE)):
            formed = steps[_formed([float(by_step[s][by][source, target]) for s in steps])]
            value, share = float(now[source, target]), float(shares[source, target])
            (layer_from, head_from), (layer_to, head_to) = numbers[source], numbers[target]
            pairs.append(Pair(layer_from, head_from, layer_to, head_to, by, value, share, formed))
    pairs.sort(key=lambda pair: -pair.contribution)
    return Connections(step, by_step[step]["queries"], by_step[step]["keys"], tuple(pairs))


@dataclasses.dataclass(frozen=True)
class Link:
    """One head that another one feeds, or is fed by, over `HeadLinks.steps`."""

    head: int  # among the heads of all layers
    by: Way
    contributions: tuple[float, ...]  # in logits a query; NaN where it is not known
    shares: tuple[float, ...]  # of all that is contributed to the second head in this way
    since: tuple[int | None, ...]
    """At each step the first one from which on the contribution was at least half of what it is then; None where that
    is less than LEAST."""


@dataclasses.dataclass(frozen=True)
class HeadLinks:
    """Who feeds one head, and whom it feeds: those that contribute at least LEAST at one step, the strongest first."""

    steps: tuple[int, ...]
    fed_by: tuple[Link, ...]
    feeds: tuple[Link, ...]


def head_links(locations: Mapping[int, FiguresLocation], heads: int, wanted: Sequence[int]) -> list[HeadLinks]:
    """Of each of the `wanted` heads, over the steps whose records `locations` are: `told_steps` of them.

    What cannot be read of them is left out.
    """
    steps = told_steps(sorted(locations), heads)
    rows: dict[int, list[_Row]] = {}
    for step in steps:
        try:
            by = _read(locations[step], heads)
        except FormatError:
            continue
        given = [codes.given() for codes in by]
        rows[step] = [_Row.of(by, given, head) for head in wanted]
    return [_links([row[n] for row in rows.values()], tuple(rows)) for n in range(len(wanted))]


@dataclasses.dataclass(frozen=True)
class _Row:
    """One head at one step: [fed by, feeds] of [ways, heads], contributions and their shares."""

    contributions: tuple[Float32, Float32]
    shares: tuple[Float32, Float32]

    @classmethod
    def of(cls, by: Sequence[ConnectionCodes], given: Sequence[Float32], head: int) -> "_Row":
        every = slice(None)
        fed_by = np.stack([codes.at(every, head) for codes in by])
        feeds = np.stack([codes.at(head, every) for codes in by])
        all_given = np.stack(given)  # [ways, heads]
        return cls((fed_by, feeds), (_share(fed_by, all_given[:, head : head + 1]), _share(feeds, all_given)))


def _links(rows: Sequence[_Row], steps: tuple[int, ...]) -> HeadLinks:
    fed_by, feeds = (_strongest(rows, steps, direction) for direction in (0, 1))
    return HeadLinks(steps, fed_by, feeds)


def _strongest(rows: Sequence[_Row], steps: tuple[int, ...], direction: int) -> tuple[Link, ...]:
    if not rows:
        return ()
    values = np.stack([row.contributions[direction] for row in rows])  # [steps, ways, heads]
    shares = np.stack([row.shares[direction] for row in rows])
    most = np.nan_to_num(values).max(axis=0)
    order = np.argsort(-most, axis=None, kind="stable")[:_MOST_LINKS]
    found = []
    for way, head in np.column_stack(np.unravel_index(order, most.shape)).tolist():
        if most[way, head] >= LEAST:
            over = [float(value) for value in values[:, way, head]]
            since = tuple(steps[_formed(over[: n + 1])] if x >= LEAST else None for n, x in enumerate(over))
            found.append(Link(head, WAYS[way], tuple(over), tuple(map(float, shares[:, way, head])), since))
    return tuple(found)


def links_shown(links: HeadLinks, steps: Sequence[int]) -> HeadLinks:
    """`links` at what is known of each of `steps`: the same step, or the last one before it."""
    known = {max((one for one in links.steps if one <= step), default=None) for step in steps}
    rows = [row for row, step in enumerate(links.steps) if step in known]

    def of_rows(link: Link) -> Link:
        contributions, shares = ([of[row] for row in rows] for of in (link.contributions, link.shares))
        return Link(link.head, link.by, tuple(contributions), tuple(shares), tuple(link.since[row] for row in rows))

    fed_by, feeds = (tuple(of_rows(link) for link in of) for of in (links.fed_by, links.feeds))
    return HeadLinks(tuple(links.steps[row] for row in rows), fed_by, feeds)


def told_steps(steps: Sequence[int], heads: int) -> list[int]:
    """All of few steps, of very many some, spread evenly, the first and the last among them."""
    most = max(2, min(_MOST_STEPS, _MOST_READ // max(1, len(WAYS) * heads**2)))
    chosen = np.linspace(0, len(steps) - 1, min(most, len(steps))).round().astype(int) if steps else np.zeros(0, int)
    return [steps[n] for n in np.unique(chosen).tolist()]


def links_document(links: HeadLinks, numbers: Sequence[Sequence[int] | None]) -> dict[str, Any]:
    """As JSON; `numbers`: layer and head of each head of all layers, None for one that is not told."""
    return {
        "steps": list(links.steps),
        **{name: [_entry(one, of_head) for one in of if (of_head := numbers[one.head])] for name, of in _named(links)},
    }


def _named(links: HeadLinks) -> tuple[tuple[str, tuple[Link, ...]], ...]:
    return ("fed_by", links.fed_by), ("feeds", links.feeds)


def _entry(link: Link, numbers: Sequence[int]) -> dict[str, Any]:
    rounded = [[_digits(value) for value in values] for values in (link.contributions, link.shares)]
    figures = dict(zip(("contributions", "shares"), rounded, strict=True))
    return {"layer": numbers[0], "head": numbers[1], "by": link.by, **figures, "since": list(link.since)}


def _digits(value: float) -> float | None:
    return float(f"{value:.4g}") if np.isfinite(value) else None


def read_step(location: FiguresLocation, heads: int) -> dict[Way, Float32]:
    """Each way's [heads_from, heads_to] at one step. Raises events.FormatError where that is damaged."""
    every = slice(None)
    return {way: codes.at(every, every) for way, codes in zip(WAYS, _read(location, heads), strict=True)}


def _read(location: FiguresLocation, heads: int) -> list[ConnectionCodes]:
    """In the order of WAYS. Raises events.FormatError."""
    arrays = read_figures(location)
    found = [codes for way in WAYS if (codes := ConnectionCodes.read(arrays, way, heads=heads))]
    if len(found) < len(WAYS):
        raise FormatError(f"the connections of step {location.step} are incomplete")
    return found


def _share(contributions: Float32, given: Float32) -> Float32:
    """Of all that is contributed to the second head in this way; of what is not known, 0."""
    return np.asarray(np.nan_to_num(contributions) / np.maximum(given, 1e-12), np.float32)


def _formed(over: Sequence[float]) -> int:
    """The first number from which on `over` was at least half of what it is at the end."""
    late = [n for n, value in enumerate(over) if not value >= over[-1] / 2]
    return late[-1] + 1 if late else 0
