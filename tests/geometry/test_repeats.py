"""Induction heads are told from heads of fixed distance, on heads made by hand."""

import numpy as np
import numpy.typing as npt
import pytest

from tb_attnviz import geometry
from tests.geometry.surveyed import health_of

Array = npt.NDArray[np.float64]
Repeat = tuple[int, int]

MASS = 0.9  # that each of these heads has where it looks; the rest is spread over all that it sees
TEXTS: list[list[int]] = [list(range(100, 140)), list(range(200, 260))]  # nothing repeats


def repeated(period: int, *, seed: int = 0, start: int = 1) -> list[int]:
    """Tokens that come twice, behind one that does not."""
    tokens = np.random.default_rng(seed + period).permutation(90)[:period].tolist()
    return [999] * start + 2 * tokens


def looks(target: list[int | None]) -> Array:
    """Causal attention of queries that look at `target`, as a matrix; at the first token where there is none."""
    n = len(target)
    a = np.tril(np.full((n, n), 1.0)) / np.arange(1, n + 1)[:, None] * (1 - MASS)
    for query, key in enumerate(target):
        a[query, 0 if key is None else key] += MASS
    return a


def fixed(tokens: list[int], distance: int) -> Array:
    return looks([i - distance if i >= distance else None for i in range(len(tokens))])


def last_time(tokens: list[int], ahead: int) -> Array:
    """Looks at the token `ahead` after where the present one was last; it must not look at itself."""
    found = [max((j for j in range(i) if tokens[j] == token), default=None) for i, token in enumerate(tokens)]
    return looks([None if j is None else j + ahead for j in found])


def figures(sequences: list[list[int]], repeats: list[Repeat | None], *heads: list[Array]) -> dict[str, list[float]]:
    """Of heads whose attention on each sequence is given."""
    longest = max(map(len, sequences))
    queries, keys = np.zeros((2, len(sequences), len(heads), longest, longest))
    for h, head in enumerate(heads):
        for s, a in enumerate(head):
            n = len(a)
            queries[s, h, :n, :n], keys[s, h, :n, :n] = np.eye(n), np.log(a + 1e-300).T
    found = health_of(
        queries, keys, scale=1, causal=True, lengths=[len(tokens) for tokens in sequences], repeats=repeats
    )
    return {name: found[name].tolist() for name in ("induction", "duplicate")}


@pytest.mark.parametrize(
    ("periods", "texts"),
    [((16, 14, 11), TEXTS), ((16, 14, 11), []), ((12,), TEXTS), ((16,), TEXTS)],
    ids=["several and texts", "several alone", "12 and texts", "16 and texts"],
)
def test_a_fixed_distance_is_no_induction(periods: tuple[int, ...], texts: list[list[int]]) -> None:
    sequences = [*texts, *map(repeated, periods)]
    repeats: list[Repeat | None] = [*[None] * len(texts), *((1, period) for period in periods)]
    assert geometry.tells_repeats([len(tokens) for tokens in sequences], repeats)
    distances = sorted({period - ahead for period in periods for ahead in (0, 1)} | {11, 15})
    found = figures(sequences, repeats, *([fixed(tokens, d) for tokens in sequences] for d in distances))
    for name, values in found.items():
        assert max(values) < 0.02, (name, dict(zip(distances, values, strict=True)))


def test_an_induction_head_keeps_its_mass() -> None:
    sequences, repeats = [*TEXTS, *map(repeated, (16, 14, 11))], [None, None, (1, 16), (1, 14), (1, 11)]
    induction, duplicate = ([last_time(tokens, ahead) for tokens in sequences] for ahead in (1, 0))
    found = figures(sequences, repeats, induction, duplicate)
    assert found["induction"] == pytest.approx([MASS, 0], abs=0.02)
    assert found["duplicate"] == pytest.approx([0, MASS], abs=0.02)


def test_by_hand() -> None:
    """Period 4 behind no other token, one text: queries from 4 on, 3 back for induction."""
    sequences: list[list[int]] = [[1, 2, 3, 4, 1, 2, 3], [5, 6, 7, 8, 9, 10]]
    own, other = (np.tril(np.full((n, n), 1e-9)) for n in (7, 6))
    own[:, 0] = other[:, 0] = 1
    for query, mass in ((4, 0.7), (5, 0.5), (6, 0.9)):
        own[query] = 0
        own[query, [query - 3, query - 4, query]] = [mass, 0.05, 0.95 - mass]
    for query, mass in ((4, 0.1), (5, 0.2)):
        other[query] = 0
        other[query, [query - 3, query - 1]] = [mass, 1 - mass]
    found = figures(sequences, [(0, 4), None], [own, other])
    assert found["induction"] == pytest.approx([(0.7 + 0.5 + 0.9) / 3 - (0.1 + 0.2) / 2])
    assert found["duplicate"] == pytest.approx([0.05 - 0])


def test_one_period_alone_cannot_tell_and_says_so() -> None:
    sequences, repeats = [repeated(12), repeated(12, seed=1)], [(1, 12), (1, 12)]
    lengths = [len(tokens) for tokens in sequences]
    assert not geometry.tells_repeats(lengths, repeats)
    assert not geometry.tells_repeats([*lengths, 13], [*repeats, None])  # a text that ends where the repeat begins
    assert geometry.tells_repeats([*lengths, 14], [*repeats, None])
    found = figures(sequences, repeats, *([f(tokens) for tokens in sequences] for f in (_eleven, _induction)))
    assert found["induction"] == pytest.approx([MASS, MASS], abs=0.02)


def test_what_is_repeated_as_far_back_is_no_elsewhere() -> None:
    """At a multiple of another period the same token stands, and one further on beside it the next one."""
    for other, tells in ((12, False), (11, False), (13, False), (14, True), (10, True)):
        assert geometry.tells_repeats([24, 28], [(0, 12), (0, other)]) == tells
    assert geometry.tells_repeats([24, 12], [(0, 12), (0, 6)])  # the first tells of the second, 6 back and 5
    assert not geometry.tells_repeats([12, 26], [(0, 6), (0, 5)])


def _eleven(tokens: list[int]) -> Array:
    return fixed(tokens, 11)


def _induction(tokens: list[int]) -> Array:
    return last_time(tokens, 1)
