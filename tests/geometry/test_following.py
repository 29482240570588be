"""What heads follow, against the definition written out pair by pair, and on heads built by hand."""

import functools
from typing import Any

import numpy as np
import pytest
import torch

from tb_attnviz import geometry
from tb_attnviz.geometry import PLAIN, follows
from tests.geometry.dense import Dense

HEADS, KV_HEADS, D, N = 4, 2, 4, 24
LENGTHS, KEY_LENGTHS = [24, 5, 17, 1], [9, 24, 3, 1]
DRAW = np.random.default_rng(1)
QUERIES, KEYS = DRAW.normal(size=(4, HEADS, N, D)), DRAW.normal(size=(4, KV_HEADS, N, D))

USUAL: dict[str, Any] = {"scale": 1.5, "causal": False, "lengths": LENGTHS}
FORMS: dict[str, dict[str, Any]] = {
    "full": {},
    "causal": {"causal": True},
    "window": {"window": (7, 2)},
    "sinks": {"causal": True, "sinks": np.array([0.0, 3.0, -2.0, 8.0])},
    "bias of sequences": {"bias": np.where(DRAW.random((4, 1, N, N)) < 0.3, -np.inf, 0.0)},
    "bias of heads": {"bias": np.where(DRAW.random((1, HEADS, N, N)) < 0.3, -np.inf, 0.5)},
    "across": {"key_lengths": KEY_LENGTHS},
}  # fmt: skip


def by_hand(dense: Dense, related: list[np.ndarray], head: int, *, across: bool, places: Any = None) -> float:
    """The formula of geometry/following, pair by pair. places: of each token, or None where all are in one row."""
    sequences = range(len(related))
    sets = [{tuple(pair) for pair in pairs.tolist()} for pairs in related]

    def shift(i: int, j: int) -> tuple[int, ...] | None:
        if places is None:
            return (j - i,)
        if places[i] is None or places[j] is None:
            return None
        return tuple(np.subtract(places[j], places[i]))

    def visible(s: int) -> list[tuple[int, int]]:
        return [tuple(pair) for pair in np.argwhere(dense.visible[s, head]).tolist()]

    def mean(pairs: list[tuple[int, int, int]]) -> float:
        return float(np.mean([dense.attention[s, head][i, j] for s, i, j in pairs]))

    mass, expected, queries, telling = 0.0, 0.0, set(), 0
    for s in sequences:
        for i, j in visible(s):
            if (i, j) not in sets[s]:
                continue
            queries.add((s, i))
            mass += dense.attention[s, head][i, j]
            alike = [(s, a, b) for a, b in visible(s) if b == j]
            others = [one for one in alike if one[1:] not in sets[s]]
            share, tells = [1 / dense.visible[s, head][i].sum(), mean(others or alike)], bool(others)
            if not across and shift(i, j) is not None:
                alike = [(t, a, b) for t in sequences for a, b in visible(t) if shift(a, b) == shift(i, j)]
                others = [one for one in alike if one[1:] not in sets[one[0]]]
                share.append(mean(others or alike))
                tells = tells and bool(others)
            expected += max(share)
            telling += tells
    if not telling:
        return float("nan")
    m, e = mass / len(queries), expected / len(queries)
    return (m - e) / (1 - e) if 1 - e > 0.05 else float("nan")


def planted(n_query: int, n_key: int, share: float) -> np.ndarray:
    return np.argwhere(DRAW.random((n_query, n_key)) < share)


@functools.cache  # one for both libraries, in whatever order they come
def written_out(name: str) -> tuple[list[list[np.ndarray]], list[list[float]]]:
    """Relations, [relation][sequence] of pairs, and what the formula says of them, [relation][head]."""
    form = USUAL | FORMS[name]
    sizes = list(zip(LENGTHS, form.get("key_lengths", LENGTHS), strict=True))
    relations = [[planted(n, m, share) for n, m in sizes] for share in (0.1, 0.5)]
    relations.append([planted(*sizes[0], 0.05), *(np.zeros((0, 2), np.int64) for _ in sizes[1:])])
    dense, across = Dense(QUERIES, KEYS, **form), "key_lengths" in form
    return relations, [[by_hand(dense, of, head, across=across) for head in range(HEADS)] for of in relations]


@pytest.mark.parametrize("library", ["numpy", "torch in small blocks"])
@pytest.mark.parametrize("name", FORMS)
def test_it_is_what_the_formula_says(name: str, library: str) -> None:
    relations, wanted = written_out(name)
    options, arrays = USUAL | FORMS[name], [QUERIES, KEYS]
    if library != "numpy":
        arrays = [torch.from_numpy(x) for x in arrays]
        options = {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    surveys = [
        geometry.survey(
            *(x[some] for x in arrays),
            **options
            | {name: options[name][some] for name in ("lengths", "key_lengths") if name in options}
            | ({"bias": options["bias"][some]} if "bias" in options and len(options["bias"]) > 1 else {}),
            relations=[of[some] for of in relations],
            block=100 if library != "numpy" else 2**20,
        )
        for some in (slice(0, 2), slice(2, 4))
    ]
    for number, expected in enumerate(wanted):
        found = follows([seen.followed[number] for seen in surveys])
        np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("block", [100, 2**20])
def test_a_sequence_that_is_not_finite_is_left_out_for_the_heads_that_have_it(bad: float, block: int) -> None:
    """One head's queries in one sequence, the keys of two heads in another."""
    queries, keys = QUERIES.copy(), KEYS.copy()
    queries[0, 3, 2, 1], keys[2, 0, 5] = bad, bad
    form: dict[str, Any] = {"scale": 1.5, "causal": True, "lengths": LENGTHS}
    relation = [planted(n, n, 0.3) for n in LENGTHS]
    seen = geometry.survey(queries, keys, **form, relations=[relation], block=block)
    found = follows([seen.followed[0]])
    for head, left_out in enumerate([[2], [2], [], [0]]):
        some = [s for s in range(4) if s not in left_out]
        dense = Dense(QUERIES[some], KEYS[some], **form | {"lengths": [LENGTHS[s] for s in some]})
        wanted = by_hand(dense, [relation[s] for s in some], head, across=False)
        np.testing.assert_allclose(found[head], wanted, atol=1e-9)


def test_on_an_image_offsets_are_shifts_and_tokens_without_a_place_have_none() -> None:
    rows, columns, special = 3, 4, 1
    n = special + rows * columns
    places = [None, *((r, c) for r in range(rows) for c in range(columns))]
    queries, keys = DRAW.normal(size=(2, 1, n, D)), DRAW.normal(size=(2, 1, n, D))
    relation = [planted(n, n, 0.3) for _ in range(2)]
    form: dict[str, Any] = {"scale": 2.0, "causal": False, "lengths": [n, n]}
    seen = geometry.survey(queries, keys, **form, kinds=[(rows, columns)] * 2, relations=[relation], block=30)
    wanted = by_hand(Dense(queries, keys, **form), relation, 0, across=False, places=places)
    np.testing.assert_allclose(follows([seen.followed[0]]), [wanted], atol=1e-9)


def logits_as_vectors(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Queries and keys [1, heads, n, n] whose products are `logits` [heads, n, n]."""
    return logits[None], np.broadcast_to(np.eye(logits.shape[-1]), logits.shape)[None].copy()


def test_heads_that_go_by_places_follow_nothing_though_most_pairs_are_adjacent() -> None:
    n = 30
    head_of = {i: i - 1 for i in range(3, n, 2)} | {8: 2, 14: 5, 20: 11, 26: 17, 28: 4}  # most the word before
    pairs = np.array(sorted(head_of.items()))
    place = np.arange(n)
    strong = 6.0
    previous = strong * (place[None] == np.maximum(place - 1, 0)[:, None])
    follower = np.where(place[None] == 0, 3.0, 0.0) * np.ones((n, 1))  # where there is no parent: to the first token
    follower[pairs[:, 0]] = 0
    follower[pairs[:, 0], pairs[:, 1]] = 9
    even, resting = np.zeros((n, n)), np.where(place[None] == 4, strong, 0.0) * np.ones((n, 1))
    near = -0.5 * np.abs(place[None] - place[:, None])
    queries, keys = logits_as_vectors(np.stack([previous, follower, even, resting, near]).astype(float))
    options: dict[str, Any] = {"scale": 1.0, "causal": True, "lengths": [n], "kinds": [PLAIN]}
    seen = geometry.survey(queries, keys, **options, relations=[[pairs]])
    before, follower_is, evenly, rests, nearby = follows([seen.followed[0]])
    assert follower_is > 0.95
    assert max(before, evenly, rests, nearby) < 0.05


def test_what_cannot_be_told_from_a_place_is_not_known() -> None:
    n = 8
    every = np.array([(i, i - 1) for i in range(1, n)])  # all pairs of their offset
    none = np.array([(i, i + 1) for i in range(n - 1)])  # hidden
    queries, keys = logits_as_vectors(9.0 * np.eye(n, k=-1)[None])
    seen = geometry.survey(queries, keys, scale=1.0, causal=True, lengths=[n], relations=[[every], [none]])
    assert all(np.isnan(follows([of])).all() for of in seen.followed)
