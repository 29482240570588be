"""What a picture is told of attention, and the picture that follows it: against the model's own formula."""

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import tb_attnviz
from tb_attnviz.events import Layer, ProbeRecord, RunWriter, Samples, Sequence
from tb_attnviz.projection.affinities import Affinities
from tb_attnviz.projection.attended import Attended, attended
from tb_attnviz.projection.descent import Attention, Descent
from tb_attnviz.projection.pictures import View, make
from tb_attnviz.projection.ports import MemoryStore
from tb_attnviz.projection.projection import Projection
from tb_attnviz.projection.source import LayerSamples
from tests.conftest import PROBE, make_samples

Float64 = npt.NDArray[np.float64]
N = PROBE.tokens


def dense(rows: Attended, points: int) -> Float64:
    """[queries, points]: the share of each point in the attention of each query."""
    shares = np.zeros((len(rows.weights), points))
    for query, (first, last) in enumerate(zip(rows.ends, rows.ends[1:], strict=False)):
        shares[query, rows.keys[first:last]] = rows.shares[first:last]
    return shares


def written(writer: RunWriter, directory: Path, layer: Layer, samples: Samples) -> LayerSamples:
    writer.write_checkpoint(0, [(layer, samples)])
    return tb_attnviz.open_run(directory / "run").layer_samples(0)


def whole_attention(directory: Path, head: int) -> Float64:
    """[queries, queries + keys] of all sequences, as `run.attention` has it."""
    run, found, start = tb_attnviz.open_run(directory / "run"), np.zeros((N, 2 * N)), 0
    for sequence, length in enumerate(PROBE.lengths):
        place = slice(start, start + length)
        found[place, N + start : N + start + length] = run.attention(0, 0, head, sequence)
        start += length
    return found


@pytest.mark.parametrize("causal", [False, True])
def test_it_is_the_attention_of_every_query(writer: RunWriter, tmp_path: Path, causal: bool) -> None:
    layer = Layer("attention", 4, 2, 8, 0.4, causal, softcap=3.0)
    samples = make_samples(layer, seed=0)
    longest = max(PROBE.lengths)
    bias = np.random.default_rng(1).normal(size=(1, 4, longest, longest)).astype(np.float32)
    sinks = np.array([0.0, 1.0, -1.0, 2.0], np.float32)
    source = written(writer, tmp_path, layer, Samples(samples.queries, samples.keys, bias, sinks=sinks))
    rows, expected = attended(source, 0, 3), whole_attention(tmp_path, 3)
    first = np.cumsum([0, *PROBE.lengths[:-1]])
    chooses = np.ones(N, bool)
    if causal:
        chooses[first] = False  # they see one key
    mass = expected.sum(axis=1)
    assert (mass < 0.99).any(), "the sink takes its share"
    np.testing.assert_allclose(rows.weights, np.where(chooses, mass, 0), atol=1e-5)
    np.testing.assert_allclose(dense(rows, 2 * N), expected / mass[:, None], atol=1e-5)
    assert (rows.stands_for == 1).all()


def test_some_points_attend_among_themselves(writer: RunWriter, tmp_path: Path) -> None:
    layer = Layer("attention", 4, 4, 8, 0.4, causal=False)
    source = written(writer, tmp_path, layer, make_samples(layer, seed=0))
    subset = (0, 1, 7, 8, N + 0, N + 2, N + 8, N + 9)
    chosen = dataclasses.replace(source, subset=subset)
    rows = attended(chosen, 0, 1)
    expected = whole_attention(tmp_path, 1)[np.ix_(subset[:4], subset)]
    np.testing.assert_allclose(rows.weights, expected.sum(axis=1), atol=1e-5)
    np.testing.assert_allclose(dense(rows, 8), expected / expected.sum(axis=1, keepdims=True), atol=1e-5)


def test_of_many_keys_a_sample_stands_for_all(tmp_path: Path) -> None:
    count = 300
    run_writer = RunWriter(str(tmp_path / "run"))
    run_writer.write_probe(ProbeRecord((Sequence(("x",) * count),)), step=0)
    vectors = np.random.default_rng(0).normal(size=(2, 1, count, 8)).astype(np.float32)
    layer = Layer("attention", 1, 1, 8, 0.5, causal=True)
    source = written(run_writer, tmp_path, layer, Samples(*vectors))
    run_writer.close()
    rows = attended(source, 0, 0)
    weights = tb_attnviz.open_run(tmp_path / "run").attention(0, 0, 0, 0)
    for query in (1, 63, 64, 200, 299):
        pairs = slice(rows.ends[query], rows.ends[query + 1])
        keys, seen = rows.keys[pairs] - count, query + 1
        assert len(keys) == min(seen, 64)
        assert rows.stands_for[pairs].sum() == pytest.approx(seen, rel=1e-5)
        assert set(np.argsort(weights[query])[-min(seen, 32) :]) <= set(keys)
        assert rows.shares[pairs].sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("dims", [2, 3])
def test_the_gradient_is_that_of_the_cross_entropy(dims: int) -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(scale=3, size=(9, dims)).astype(np.float32)  # 4 queries, 5 keys
    shares = rng.dirichlet(np.ones(5), size=4)
    stands_for = rng.integers(1, 4, size=(4, 5)).astype(np.float64)
    weights = np.array([1, 0.5, 0, 1])
    ends = np.arange(0, 21, 5, dtype=np.int32)
    keys = np.tile(np.arange(4, 9, dtype=np.int32), 4)
    rows = Attended(
        ends, keys, *(array.ravel().astype(np.float32) for array in (shares, stands_for)), weights.astype(np.float32)
    )
    nothing = Affinities(np.zeros(10, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))

    def cross_entropy(at: Float64) -> float:
        near = stands_for / (4 + ((at[:4, None] - at[None, 4:]) ** 2).sum(axis=-1))
        each = near / stands_for
        found = -(shares * np.log(each / near.sum(axis=1, keepdims=True))).sum(axis=1)
        return float(found @ weights / weights.sum())

    without, share = np.zeros_like(points), 0.75
    found = Descent(nothing, points, without, Attention(rows, share)).gradient()
    found = 4 * (found - Descent(nothing, points, without).gradient()).astype(np.float64)
    step = 1e-4
    expected = np.zeros_like(found)
    for place in np.ndindex(*points.shape):
        moved = points.astype(np.float64)
        moved[place] += step
        above = cross_entropy(moved)
        moved[place] -= 2 * step
        expected[place] = (above - cross_entropy(moved)) / (2 * step)
    np.testing.assert_allclose(found, share / (1 - share) * expected, atol=1e-4)


@pytest.mark.parametrize("dims", [2, 3])
def test_queries_lie_at_the_keys_that_they_attend_to(tmp_path: Path, dims: int) -> None:
    sequences, length, d = 8, 20, 24
    vectors = np.random.default_rng(0).normal(size=(2, 1, sequences * length, d)).astype(np.float32)
    before = 12 * np.eye(length, k=-1, dtype=np.float32)[None, None]  # a bias, which vectors know nothing of
    run_writer = RunWriter(str(tmp_path / "run"))
    run_writer.write_probe(ProbeRecord((Sequence(("x",) * length),) * sequences), step=0)
    source = written(run_writer, tmp_path, Layer("attention", 1, 1, d, 0.1, causal=False), Samples(*vectors, before))
    run_writer.close()

    def top_key(projection: Projection) -> float:
        points = make(View(source, (0,), projection, 0), 0, MemoryStore(), lambda done, total: None).points[0]
        shown_queries, shown_keys = np.split(points, 2)
        at = [array.reshape(sequences, length, dims) for array in (shown_queries, shown_keys)]
        distances = np.linalg.norm(at[0][:, :, None] - at[1][:, None], axis=-1)  # (sequences, queries, keys)
        nearest = np.argsort(distances, axis=-1)[..., :3]
        found = (nearest == (np.arange(length) - 1)[:, None]).any(axis=-1)
        return float(found[:, 1:].mean())

    assert top_key(Projection(method="attention", dims=dims)) > 0.95
    assert top_key(Projection(method="tsne", dims=dims)) < 0.4
    neighbours_alone = Projection(method="attention", attention=0, dims=dims)
    assert top_key(neighbours_alone) == top_key(Projection(method="tsne", dims=dims))
