"""Evidence: the query of the probe that shows best of which kind a head is, from the samples of one step."""

import math

import numpy as np
import numpy.typing as npt

from tb_attnviz.array_types import Bool
from tb_attnviz.comparison import RecordedLayer
from tb_attnviz.events import Grid, Layer, Sequence
from tb_attnviz.findings import tokens
from tb_attnviz.findings.finding import Evidence, Finding
from tb_attnviz.findings.from_maps import NEARBY
from tb_attnviz.findings.kinds import FOLLOWS, OF_REPEATS
from tb_attnviz.findings.named import Named
from tb_attnviz.findings.recorded import Recorded
from tb_attnviz.recompute import Rows, attention_rows
from tb_attnviz.units import percent

Int = npt.NDArray[np.int64]
Places = npt.NDArray[np.float64]

_OF_NO_QUERY = ("dead", "fed_by", "prunable")
_NEAR_BEST = 0.95  # of the best weight: among such queries the one with a word, in the middle of its text, is shown


def evidence(
    finding: Finding, recorded: RecordedLayer, own: tuple[Sequence, ...], others: tuple[Sequence, ...], *, step: int
) -> Evidence | None:
    """What shows best that `finding` is so, in the samples of its layer at `step`; None where no query does.

    own, others: the sequences whose tokens the layer's queries and keys are. Raises FormatError.
    """
    if finding.kind.startswith(FOLLOWS) or finding.kind in _OF_NO_QUERY:  # a run does not hold the pairs of relations
        return None
    found: list[tuple[float, int, int, int]] = []  # weight, sequence, query, key
    for rows in attention_rows(recorded.samples(), recorded.layer, recorded.lengths, head=finding.head):
        found += _best(finding, rows, own[rows.sequence], others[rows.sequence], recorded.layer)
    if not found:
        return None
    strongest = max(weight for weight, *_ in found)
    good = [one for one in found if one[0] >= _NEAR_BEST * strongest]
    layer = recorded.layer
    gridded = layer.query_grid is not None
    weight, sequence, query, key = max(
        good, key=lambda one: ((True, True) if gridded else _tells(own[one[1]], one[2]), one[0])
    )
    names = (
        _name(own[sequence], query, layer.query_grid, layer.query_special),
        _name(others[sequence], key, layer.key_grid, layer.key_special),
    )
    whose = f"{finding.title}, {_one_query(own, sequence)}"
    sentence = f"{whose}: {names[0]} ({query}) → {names[1]} ({key}) {percent(weight)}"
    place = (step, finding.layer, finding.head, finding.kind)
    return Evidence(*place, sequence, query, key, float(weight), *names, sentence)


def evidence_at(named: Named, recorded: Recorded, step: int, layer: int, head: int, kind: str) -> Evidence | None:
    """`evidence` that a head is of `kind` at `step`, from the last samples that there are by then.

    None where it is not of that kind, or there are no samples.
    """
    found = [f for f in named.at(step) if (f.layer, f.head, f.kind) == (layer, head, kind)]
    at = max((one for one in recorded.checkpoints if one <= step), default=None)
    if not found or at is None:
        return None
    described = recorded.layers[layer]
    own, others = recorded.probe.side(described.queries_of), recorded.probe.side(described.keys_of)
    return evidence(found[0], recorded.samples_at(at)[layer], own, others, step=at)


def _best(
    finding: Finding, rows: Rows, own: Sequence, others: Sequence, layer: Layer
) -> list[tuple[float, int, int, int]]:
    """The strongest key of those that the kind is about, of each query."""
    if finding.kind in OF_REPEATS and own.repeat is None:
        return []
    wanted = _wanted(finding, rows.queries, own, others, rows.attention.shape[-1], _places(own, layer))
    if finding.kind == "collapsed":
        wanted = _the_one_key(rows)
    weights = np.where(wanted & rows.visible[0], rows.attention[0], -1.0)  # (rows, n_key)
    weights[(rows.queries == 0) | (rows.visible[0].sum(axis=1) < 2)] = -1  # a query without a choice shows nothing
    keys = weights.argmax(axis=1)
    best = weights[np.arange(len(keys)), keys]
    return [
        (float(best[row]), rows.sequence, int(rows.queries[row]), int(keys[row])) for row in np.flatnonzero(best > 0)
    ]


def _wanted(finding: Finding, queries: Int, own: Sequence, others: Sequence, n_key: int, places: Places | None) -> Bool:
    """[rows, n_key]: the keys that the kind of `finding` is about."""
    key = np.arange(n_key)[None]
    offset = key - queries[:, None]
    kind, every = finding.kind, np.ones((len(queries), n_key), np.bool_)
    wanted: Bool = every
    if kind in OF_REPEATS and own.repeat is not None:
        period = own.repeat.period - (1 if kind in ("induction", "fixed_or_induction") else 0)
        wanted = (offset == -period) & (queries[:, None] >= own.repeat.start + own.repeat.period)
    elif kind in ("previous", "next", "self"):
        wanted = offset == {"previous": -1, "next": 1, "self": 0}[kind]
    elif kind == "fixed" and isinstance(finding.offset, int):
        wanted = offset == finding.offset
    elif kind == "first":
        wanted = every & (key == 0)
    elif kind == "delimiter" and len(others.tokens) == n_key:
        wanted = every & tokens.special(others)[None] & (key > 0)
    elif kind == "punctuation" and len(others.tokens) == n_key:
        wanted = every & tokens.punctuation(others)[None]
    elif kind == "same_token":
        numbers = tokens.numbered(own)
        wanted = (numbers[queries][:, None] == numbers[None]) & (numbers[queries][:, None] >= 0) & (offset != 0)
    elif kind == "local" and places is None:
        wanted = np.abs(offset) <= NEARBY
    elif kind in ("patch", "row", "column", "local") and places is not None and len(places) == n_key:
        down, right = np.moveaxis(places[None] - places[queries][:, None], -1, 0)  # (rows, n_key) each
        if kind == "local":
            wanted = (np.abs(down) <= 1) & (np.abs(right) <= 1)
        elif isinstance(finding.offset, tuple):
            wanted = (down == finding.offset[0]) & (right == finding.offset[1])
        else:
            wanted = (down == 0) & (right != 0) if kind == "row" else (right == 0) & (down != 0)
    return wanted


def _the_one_key(rows: Rows) -> Bool:
    """[rows, n_key]: the key that gets most of the other queries, of those that half of them see."""
    key = np.arange(rows.attention.shape[-1])
    others = rows.visible[0] & (rows.queries[:, None] != key)
    count = others.sum(axis=0)
    mean = (rows.attention[0] * others).sum(axis=0) / np.maximum(count, 1)
    eligible = (2 * count >= len(rows.queries)) & (key > 0)
    wanted: Bool = others & (key == np.where(eligible, mean, -1).argmax())
    return wanted


def _places(sequence: Sequence, layer: Layer) -> Places | None:
    """[tokens, 2]: row and column of the queries of `layer`, NaN of those without a place; None of a text."""
    grid, special = layer.query_grid, layer.query_special
    places = sequence.places if grid is None else (*[None] * special, *grid.places)
    known = grid is not None or sequence.grid is not None
    return np.array([place or (math.nan, math.nan) for place in places]) if known else None


def _tells(sequence: Sequence, query: int) -> tuple[bool, bool]:
    """Whether a query is a word of its text, neither a special token nor punctuation, and not among its first."""
    token = sequence.tokens[query]
    return not tokens.is_special(token) and not tokens.is_punctuation(token), query > 2


def _one_query(own: tuple[Sequence, ...], sequence: int) -> str:
    """That it is one, and of which kind of text, in the words in which shares are told."""
    repeats = {bool(one.repeat) for one in own}
    if len(repeats) < 2:
        return "one query"
    return f"one query of {'a repeated' if own[sequence].repeat else 'an ordinary'} text"


def _name(sequence: Sequence, position: int, grid: Grid | None, special: int) -> str:
    """A token of the probe, or a patch of a grid of the layer's own, whose names are made as the probe's are."""
    if grid is None:
        return sequence.tokens[position]
    if position < special:
        return f"special token {position + 1}"
    if grid.size == 1:
        return "the whole image"
    row, column = divmod(position - special, grid.columns)
    return f"r{row}c{column}"
