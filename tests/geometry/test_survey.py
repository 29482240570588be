"""One pass over blocks, against attention written out, for every form that an attention has."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from tb_attnviz import geometry
from tb_attnviz.geometry.row_sums import RowSums
from tests.geometry import dense
from tests.geometry.dense import Dense

Array = npt.NDArray[np.float64]
Options = dict[str, Any]

LENGTHS = [150, 1, 37, 150, 64]
HEADS, KV_HEADS, D, N = 4, 2, 8, 150
DRAW = np.random.default_rng(0)
QUERIES, KEYS = DRAW.normal(size=(len(LENGTHS), HEADS, N, D)), DRAW.normal(size=(len(LENGTHS), KV_HEADS, N, D))


def band(behind: int, ahead: int) -> Array:
    """A sliding window as a bias, [1, 1, N, N]."""
    offset = np.arange(N) - np.arange(N)[:, None]
    return np.where((offset >= -behind) & (offset <= ahead), 0.0, -np.inf)[None, None]


USUAL: Options = {"scale": 0.5, "causal": False, "lengths": LENGTHS}
FORMS: dict[str, Options] = {
    "full": {},
    "causal": {"causal": True},
    "window": {"window": (20, 3)},
    "causal window": {"causal": True, "window": (20, None)},
    "window ahead": {"window": (None, 5)},
    "window behind": {"window": (5, None)},
    "only those before": {"window": (20, -1)},
    "window as bias": {"bias": band(20, 0)},
    "causal with bias": {"causal": True, "bias": DRAW.normal(size=(1, HEADS, N, N))},
    "bias of sequences": {"bias": np.where(DRAW.random((len(LENGTHS), 1, N, N)) < 0.3, -np.inf, 0.0)},
    "bias of heads": {"bias": np.where(DRAW.random((1, HEADS, N, N)) < 0.3, -np.inf, 0.5)},
    "soft cap": {"causal": True, "softcap": 2.0},
    "sinks": {"causal": True, "sinks": np.array([0.0, 3.0, -2.0, 8.0])},
    "across": {"key_lengths": [3, 140, 1, 90, 64]},
    "sharp": {"causal": True, "scale": 40.0},
}  # fmt: skip


@pytest.fixture(params=FORMS, scope="module")
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def form(name: str) -> Options:
    return USUAL | FORMS[name]


@functools.cache  # one for all libraries, in whatever order they come
def written_out(name: str) -> Dense:
    return Dense(QUERIES, KEYS, **USUAL | FORMS[name])


@pytest.fixture(scope="module")
def expected(name: str) -> Dense:
    return written_out(name)


@pytest.fixture(params=["numpy", "torch in small blocks", "float32", "NaN behind"], scope="module")
def found(request: pytest.FixtureRequest, form: Options) -> Iterator[geometry.Survey]:
    """What the one pass says, as arrays of NumPy."""
    more = {"kinds": ["plain"] * len(LENGTHS), "asked": [(30, 9), (40, 21)]}
    dtype = torch.float32 if request.param == "float32" else torch.float64
    if request.param == "numpy":
        yield geometry.survey(QUERIES, KEYS, **form, **more)
        return
    arrays = {name: torch.tensor(x, dtype=dtype) if isinstance(x, np.ndarray) else x for name, x in form.items()}
    queries, keys = torch.tensor(QUERIES, dtype=dtype), torch.tensor(KEYS, dtype=dtype)
    block = 2**11 if "small" in request.param else 2**19
    if request.param == "NaN behind":
        for x, lengths in ((queries, LENGTHS), (keys, form.get("key_lengths", LENGTHS))):
            x.masked_fill_(torch.arange(N)[:, None] >= torch.tensor(lengths)[:, None, None, None], torch.nan)
    yield geometry.survey(queries, keys, **arrays, **more, block=block)


def close(found: Any, expected: Any, name: str = "") -> None:
    np.testing.assert_allclose(np.asarray(found), expected, atol=6e-5, rtol=6e-5, err_msg=name)


@functools.cache
def figures_of(name: str) -> dict[str, Array]:
    """Those of attention written out, [sequences, heads]."""
    expected = written_out(name)
    return {
        "entropy": expected.figure(dense.entropy),
        "sink": expected.figure(lambda a, seen: dense.mean(a[seen[:, 0], 0])),
        "max_logit": np.array(
            [
                [np.max(expected.logits[s, h], where=expected.visible[s, h], initial=-np.inf) for h in range(HEADS)]
                for s in range(len(LENGTHS))
            ]
        ),
        "distance": expected.figure(dense.distance),
        **{name: expected.diagonal(offset) for name, offset in (("previous", -1), ("self", 0), ("next", 1))},
    }


def test_figures(found: geometry.Survey, name: str, form: Options) -> None:
    across = "key_lengths" in form
    for figure, values in figures_of(name).items():
        undefined = across and figure in ("distance", "previous", "self", "next")
        close(found.figures[figure], np.full_like(values, np.nan) if undefined else values, figure)


def test_masses(found: geometry.Survey, expected: Dense, form: Options) -> None:
    for index, (first, offset) in enumerate([(30, 9), (40, 21)]):
        masses = expected.figure(lambda a, seen: dense.mean(dense.pairs_at(a, seen, -offset, first)))  # noqa: B023
        close(found.masses[..., index], np.full_like(masses, np.nan) if "key_lengths" in form else masses)


def test_maps(found: geometry.Survey, expected: Dense, form: Options) -> None:
    (maps,) = found.maps.values()
    close(maps.means["pooled"].value(), expected.pooled(32).mean(axis=0))
    first = np.full((len(LENGTHS), HEADS, 32, 32), np.nan)
    for at, a in expected.attention.items():
        corner = a[:32, :32]
        first[at][: corner.shape[0], : corner.shape[1]] = corner
    close(maps.means["first"].value(), np.nanmean(first, axis=0))
    if "key_lengths" in form:
        assert "offsets" not in maps.means
        return
    ends = 1 if form["causal"] or form.get("window", (0, None))[1] == 0 else N
    offsets = np.array([expected.diagonal(offset) for offset in range(1 - N, ends)])  # (offsets, sequences, heads)
    known = np.isfinite(offsets)
    count = known.sum(axis=1)
    means = np.where(count > 0, np.where(known, offsets, 0).sum(axis=1) / np.maximum(count, 1), np.nan)
    assert maps.lengths == (N, N)
    close(maps.means["offsets"].value(), means.T)


def test_no_array_of_all_pairs_is_held() -> None:
    """Blocks are counted by their pairs, whatever the mask is."""
    sizes = []
    queries, keys = torch.randn(2, 1, 2, 1024, 4)

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = func(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor) and result._base is None:
                sizes.append(result.numel())
            return result

    with Watch():
        geometry.survey(queries, keys, scale=1, causal=True, lengths=[1024], kinds=["plain"], block=2**16)
    assert max(sizes) <= 3 * 2**16  # of 2 · 2**20 pairs


def test_no_block_stays_with_what_is_summed_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []
    add = RowSums.add

    def looked_at(self: RowSums, block: Any) -> Any:
        found = add(self, block)
        kept.extend(x.untyped_storage().nbytes() for x in self._of_blocks[-1].values())
        return found

    monkeypatch.setattr(RowSums, "add", looked_at)
    queries, keys = torch.randn(2, 1, 2, 1024, 4)
    geometry.survey(queries, keys, scale=1, causal=True, lengths=[1024], block=2**16)
    assert len(kept) > 10
    assert max(kept) <= 4 * 2 * 1024  # of a block 4 * 2**16


def test_a_diverged_key_is_seen_by_later_queries_alone() -> None:
    queries, keys = np.ones((1, 2, 140, 4)), np.ones((1, 1, 140, 4))
    keys[0, 0, 139] = np.nan
    with np.errstate(invalid="ignore"):
        figures = geometry.survey(queries, keys, scale=1, causal=True, lengths=[139], kinds=["plain"]).figures
    assert figures["entropy"].tolist() == pytest.approx(np.ones((1, 2)))  # it is padding
    found = geometry.survey(queries, keys, scale=1, causal=True, lengths=[140], kinds=["plain"])
    assert np.isnan(found.figures["entropy"]).all()
    assert np.isnan(found.maps["plain"].means["first"].value()[0, 0, 1:]).sum() == 0  # hidden from the first tokens
