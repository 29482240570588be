"""Change and similarity of heads: the means of SciPy's distances of the attention that `run.attention` gives."""

import dataclasses
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.distance import jensenshannon

import tb_attnviz
from tb_attnviz import Run, comparison
from tb_attnviz.comparable import NotComparableError, counterpart
from tb_attnviz.comparison import RecordedLayer
from tb_attnviz.events import Layer, Lengths, ProbeRecord, RunWriter, Samples, SamplesLocation, Sequence
from tb_attnviz.events.records import CorruptRecordError
from tb_attnviz.recompute import TooLargeError, attention_rows, sequence_attention
from tb_attnviz.run import NotRecordedError
from tests.conftest import LAYERS, PROBE, make_samples

Float32 = npt.NDArray[np.float32]
Rows = Iterator[tuple[Float32, int]]


@pytest.fixture
def run(run_directory: Path) -> Run:
    """Layer 0 is causal, layer 1 is not and has grouped keys."""
    return tb_attnviz.open_run(run_directory)


def rows(run: Run, step: int, layer: int, head: int) -> Rows:
    """Each row of attention, and how many keys its query sees."""
    for sequence, length in enumerate(PROBE.lengths):
        for query, row in enumerate(run.attention(step, layer, head, sequence)):
            yield row, query + 1 if run.layers[layer].causal else length


def mean_distance(here: Rows, there: Rows) -> float:
    pairs = [(p, q) for (p, seen), (q, also) in zip(here, there, strict=True) if seen > 1 or also > 1]
    return float(np.mean([jensenshannon(p, q, base=2) for p, q in pairs]))


@pytest.mark.parametrize("layer", [0, 1])
def test_change_is_the_mean_of_scipys_distances(run: Run, layer: int) -> None:
    found = run.change(300, 0, layer)
    assert (found.dtype, found.shape) == (np.float32, (LAYERS[layer].heads,))
    expected = [mean_distance(rows(run, 300, layer, h), rows(run, 0, layer, h)) for h in range(len(found))]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_array_equal(run.change(0, 300, layer), found)
    np.testing.assert_array_equal(run.change(100, 100, layer), 0)
    assert (run.change(100, 0, layer) < found).all(), "the heads drift"


def test_similarity_is_that_of_every_two_heads(run: Run) -> None:
    found = run.similarity(200)
    assert (found.dtype, found.shape) == (np.float32, (10, 10))
    heads = [(layer, head) for layer, described in enumerate(LAYERS) for head in range(described.heads)]
    for i, a in enumerate(heads):
        for j, b in enumerate(heads[:i]):
            expected = 1 - mean_distance(rows(run, 200, *a), rows(run, 200, *b))
            assert found[i, j] == found[j, i] == pytest.approx(expected, abs=1e-4)


def test_the_nearest_head_is_the_most_similar_one(run: Run) -> None:
    alike = run.similarity(200)
    np.fill_diagonal(alike, -1)
    values, which = comparison.nearest(run.recorded_layers(200))
    np.testing.assert_allclose(values, alike.max(axis=1), atol=1e-6)
    np.testing.assert_array_equal(which, alike.argmax(axis=1))


def test_heads_that_are_alike_stand_together(run: Run) -> None:
    order, alike = run.head_order(200), run.similarity(200)
    assert sorted(order) == list(range(10))
    beside = alike[order[1:], order[:-1]].sum()
    rng = np.random.default_rng(0)
    others = (rng.permutation(10) for _ in range(1000))
    assert beside >= max(alike[other[1:], other[:-1]].sum() for other in others)


def test_two_runs_are_compared_head_by_head(run: Run, tmp_path: Path) -> None:
    writer = RunWriter(str(tmp_path / "seed"))
    writer.write_probe(PROBE, step=0)
    writer.write_checkpoint(50, [(layer, make_samples(layer, seed=9)) for layer in LAYERS])
    writer.close()
    seed = tb_attnviz.open_run(tmp_path / "seed")
    expected = [mean_distance(rows(seed, 50, 0, h), rows(run, 100, 0, h)) for h in range(4)]
    np.testing.assert_allclose(seed.change(50, 100, 0, against=run), expected, atol=1e-6)
    stranger = RunWriter(str(tmp_path / "stranger"))
    stranger.write_probe(ProbeRecord(PROBE.sequences[:1]), step=0)
    stranger.close()
    with pytest.raises(NotComparableError, match="different probe sequences"):
        seed.change(50, 0, 0, against=tb_attnviz.open_run(tmp_path / "stranger"))


@pytest.mark.parametrize(
    ("here", "there", "found"),
    [
        ({}, {"name": "other"}, r"layer 0, attention, was not recorded in the other run"),
        (
            {"head_numbers": (0, 2)},
            {"head_numbers": (1, 3)},
            r"layer 0, attention, has 2 heads \(0, 2\) .* and 2 heads \(1, 3\) of 8 dimensions in the other one",
        ),
        ({"number": 0, "head_numbers": (0, 1)}, {}, 0),
        ({"number": 2}, {}, 0),  # of another one a layer before it was not recorded
    ],
)
def test_only_the_same_heads_of_a_layer_of_that_name_are_comparable(
    here: dict[str, Any], there: dict[str, Any], found: str | int
) -> None:
    layer = Layer("attention", 2, 2, 8, 0.3, causal=False)
    run, other = (SimpleNamespace(probe=PROBE, layers=(dataclasses.replace(layer, **said),)) for said in (here, there))
    if isinstance(found, int):
        assert counterpart(run, other, 0) == found
        return
    with pytest.raises(NotComparableError, match=found):
        counterpart(run, other, 0)


def test_a_layer_is_compared_with_the_one_of_its_name(run: Run, tmp_path: Path) -> None:
    """Wherever that stands: the other run recorded the second layer alone, as its first."""
    writer = RunWriter(str(tmp_path / "some"))
    writer.write_probe(PROBE, step=0)
    second = dataclasses.replace(LAYERS[1], number=1)
    writer.write_checkpoint(100, [(second, make_samples(second, seed=5))])
    writer.close()
    some = tb_attnviz.open_run(tmp_path / "some")
    expected = [mean_distance(rows(some, 100, 0, head), rows(run, 100, 1, head)) for head in range(second.heads)]
    np.testing.assert_allclose(some.change(100, 100, 0, against=run), expected, atol=1e-6)
    np.testing.assert_allclose(run.change(100, 100, 1, against=some), expected, atol=1e-6)
    with pytest.raises(NotComparableError, match=r"layer 0, blocks\.0\.attention, was not recorded in the other run"):
        run.change(100, 100, 0, against=some)


def test_what_was_not_recorded_is_said(run: Run) -> None:
    for ask in (lambda: run.change(300, 50, 0), lambda: run.change(50, 0, 0), lambda: run.change(300, 0, 2)):
        with pytest.raises(NotRecordedError, match=r"no step 50|no layer 2"):
            ask()


def test_cka_knows_heads_in_another_basis(record: Callable[..., Run]) -> None:
    """Head 1 is head 0 in another basis, and head 2 is another one."""
    layer = Layer("attention", 3, 3, 8, 0.3, causal=False)
    samples, rng = make_samples(dataclasses.replace(LAYERS[0], heads=3, kv_heads=3), seed=4), np.random.default_rng(0)
    change = np.linalg.qr(rng.normal(size=(8, 8)))[0] * rng.uniform(0.5, 2, size=8)
    samples.queries[1], samples.keys[1] = samples.queries[0] @ change, samples.keys[0] @ np.linalg.inv(change).T
    found = record(layer, samples, lengths=PROBE.lengths).similarity(0, "cka")
    assert found[0, 1] == pytest.approx(1, abs=1e-4)
    assert found[0, 2] < 0.8


@pytest.fixture
def record(tmp_path: Path) -> Callable[..., Run]:
    """Records one layer, once for each of `samples`, on sequences of `lengths`."""

    def record(layer: Layer, *samples: Samples, lengths: tuple[int, ...]) -> Run:
        writer = RunWriter(str(tmp_path / "recorded"))
        writer.write_probe(ProbeRecord(tuple(Sequence(("x",) * length) for length in lengths)), step=0)
        for step, of_step in enumerate(samples):
            writer.write_checkpoint(step, [(layer, of_step)])
        writer.close()
        return tb_attnviz.open_run(tmp_path / "recorded")

    return record


def test_what_rests_on_a_sink_is_an_outcome(record: Callable[..., Run]) -> None:
    """Both queries see two keys alike; the sink takes a half at step 1 and next to nothing at step 0."""
    layer, zero = Layer("attention", 2, 2, 1, 1.0, causal=False), np.zeros((2, 2, 1), np.float32)
    small, large = np.full(2, -50, np.float32), np.array([np.log(2), -50], np.float32)
    run = record(layer, Samples(zero, zero, sinks=small), Samples(zero, zero, sinks=large), lengths=(2,))
    expected = jensenshannon([0.5, 0.5, 0], [0.25, 0.25, 0.5], base=2)
    np.testing.assert_allclose(run.change(1, 0, 0), [expected, 0], atol=1e-6)
    np.testing.assert_allclose(run.similarity(1)[0, 1], 1 - expected, atol=1e-4)


def test_queries_that_see_one_key_are_left_out(record: Callable[..., Run]) -> None:
    layer = Layer("attention", 1, 1, 1, 1.0, causal=True)
    values = [np.array([[[1.0], [step]]], np.float32) for step in (-40.0, 40.0)]  # of two tokens
    run = record(layer, *(Samples(v, np.array([[[0.0], [1.0]]], np.float32)) for v in values), lengths=(2,))
    np.testing.assert_allclose(run.change(1, 0, 0), 1, atol=1e-6)  # the second query's alone
    alone = record(layer, *(Samples(v, v) for v in values), lengths=(1, 1))
    assert np.isnan(alone.change(1, 0, 0)).all(), "nobody chooses"
    assert np.isnan(alone.similarity(1)).all()


def test_a_head_that_is_not_finite_is_unknown(record: Callable[..., Run]) -> None:
    layer = dataclasses.replace(LAYERS[0], causal=False)
    good = make_samples(layer, seed=0)
    broken = dataclasses.replace(good, queries=good.queries.copy())
    broken.queries[2, 3, 1] = np.inf
    run = record(layer, good, broken, lengths=PROBE.lengths)
    assert np.isnan(run.change(1, 0, 0)).tolist() == [False, False, True, False]
    for measure in ("attention", "cka"):
        assert np.isnan(run.similarity(1, measure)[0]).tolist() == [False, False, True, False]


@pytest.mark.parametrize("causal", [True, False])
def test_long_sequences_come_in_pieces(monkeypatch: pytest.MonkeyPatch, causal: bool) -> None:
    monkeypatch.setattr("tb_attnviz.recompute._BLOCK", 18)
    layer, lengths = dataclasses.replace(LAYERS[1], causal=causal), Lengths(PROBE.lengths, PROBE.lengths)
    bias = np.where(np.random.default_rng(0).random((3, 1, 10, 10)) > 0.8, -np.inf, 0).astype(np.float32)
    samples = dataclasses.replace(make_samples(layer, seed=3), bias=bias)
    pieces = list(attention_rows(samples, layer, lengths))
    assert len(pieces) == PROBE.tokens, "a query at a time"
    whole = iter(pieces)
    for sequence, length in enumerate(PROBE.lengths):
        expected = [sequence_attention(samples, layer, lengths, head, sequence) for head in range(layer.heads)]
        found = np.concatenate([next(whole).attention for _ in range(length)], axis=1)
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_sample_of_many_queries_stands_for_all(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run.similarity(200)
    monkeypatch.setattr(comparison, "_MOST_NUMBERS", 10 * 100)  # outcomes of 10 heads: half of them
    np.testing.assert_allclose(run.similarity(200), whole, atol=0.1)
    assert not np.array_equal(run.similarity(200), whole)
    np.testing.assert_array_equal(run.similarity(200), run.similarity(200))


def test_a_grid_that_the_samples_cannot_bear_is_refused_before_anything_is_allocated(run: Run) -> None:
    huge = Lengths((4096 * 4096,) * 3, (4096 * 4096,) * 3)
    layers = [dataclasses.replace(recorded, lengths=huge) for recorded in run.recorded_layers(200)]
    tracemalloc.start()
    with pytest.raises(CorruptRecordError, match="has not the 3,221,225,472 numbers that its layer is said to have"):
        comparison.similarity(layers, "attention", lambda *_: None)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_too_many_heads_are_not_compared_with_one_another() -> None:
    """A file of 2 MB can hold 65,536 of one dimension, whose pairs would take 17 GB; these no memory could hold."""
    layer = RecordedLayer(
        "", "", SamplesLocation(0, 0), Layer("x", 2**40, 1, 1, 1.0, causal=False), Lengths((2,), (2,))
    )
    refused = "1,099,511,627,776 heads cannot be compared with one another"
    for measure in comparison.MEASURES:
        with pytest.raises(TooLargeError, match=refused):
            comparison.similarity([layer], measure, lambda done, total: None)
    with pytest.raises(TooLargeError, match=refused):
        comparison.nearest([layer])
