"""Pictures by every method: made once, kept, the same for everybody, still unless the head changes."""

import dataclasses
import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import make_blobs
from sklearn.manifold import TSNE, trustworthiness
from threadpoolctl import threadpool_limits

import tb_attnviz
from tb_attnviz.events import Layer, ProbeRecord, RunWriter, Samples, Sequence
from tb_attnviz.projection import Picture, Projection, View, make
from tb_attnviz.projection.frames import from_bytes, to_bytes
from tb_attnviz.projection.ports import MemoryStore
from tb_attnviz.projection.projection import Method

Float64 = npt.NDArray[np.float64]
Heads = tuple[Float64, Float64]  # queries, keys [heads, n, d]
Record = Callable[..., View]

HEADS, TOKENS, D = 2, 120, 8
RNG = np.random.default_rng(0)
BLOBS, _ = make_blobs(HEADS * 2 * TOKENS, D, centers=6, cluster_std=1.0, random_state=0)
START: Heads = tuple(BLOBS.reshape(2, HEADS, TOKENS, D))
DRIFT: Heads = tuple(RNG.normal(scale=0.1, size=(2, HEADS, TOKENS, D)))
EVERY_METHOD = ["biplot", "pca", "tsne", "umap", "attention"]


def later(share: float) -> Heads:
    return START[0] + share * DRIFT[0], START[1] + share * DRIFT[1]


def ignore(done: int, total: int) -> None:
    """A report that nobody reads."""


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """Records a run of these steps and gives the view of its layer in the frame of `steps`, by default of all."""

    def record(heads: dict[int, Heads], *, steps: tuple[int, ...] | None = None, **projection: Any) -> View:
        writer = RunWriter(str(tmp_path / "run"))
        tokens = next(iter(heads.values()))[0].shape[1]
        writer.write_probe(ProbeRecord((Sequence(("x",) * tokens),)), step=0)
        for step, (queries, keys) in heads.items():
            layer = Layer("attention", len(queries), len(keys), D, D**-0.5, causal=False)
            writer.write_checkpoint(step, [(layer, Samples(queries.astype(np.float32), keys.astype(np.float32)))])
        writer.close()
        source = tb_attnviz.open_run(tmp_path / "run").layer_samples(0)
        return View(source, steps or tuple(heads), Projection(**projection))

    return record


@functools.cache  # one for all methods and dimensions
def kept_by_scikit_learn(head: bytes) -> float:
    points = np.frombuffer(head, np.float32).reshape(2 * TOKENS, -1)
    with threadpool_limits(1):  # its threads wait for each other by spinning
        found = TSNE(2, perplexity=20, init="pca", random_state=0, max_iter=500).fit_transform(points)
    return float(trustworthiness(points, found))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_neighbourhoods_are_kept_as_well_as_scikit_learns_tsne_keeps_them(
    record: Record, method: str, dims: int
) -> None:
    view = record({0: later(2), 1: later(1), 2: START}, method=method, dims=dims, metric="euclidean", perplexity=20)
    store = MemoryStore()
    for step in (2, 0):  # the root, and the end of the chain of starts
        whole = view.source.whole(step)
        coordinates = view.frame(store, ignore).coordinates(view.source, whole)
        points, head = make(view, step, store, ignore).points[0], coordinates[0]
        assert trustworthiness(head, points) > kept_by_scikit_learn(head.tobytes()) - 0.02


@pytest.mark.parametrize("method", EVERY_METHOD)
def test_a_head_alone_is_what_it_is_in_its_layer(record: Record, method: str) -> None:
    view = record({0: START, 1: later(1)}, method=method)
    layer, store = make(view, 0, MemoryStore(), ignore), MemoryStore()
    for head in range(HEADS):
        alone = make(View(view.source, view.steps, view.projection, head), 0, store, ignore)
        np.testing.assert_array_equal(alone.points[0], layer.points[head])
    np.testing.assert_array_equal(make(view, 0, store, ignore).points, layer.points)


@pytest.mark.parametrize("method", EVERY_METHOD)
def test_the_order_in_which_steps_are_asked_for_changes_nothing(record: Record, method: str) -> None:
    view = record({step: later(step) for step in range(4)}, method=method)
    forth, back = MemoryStore(), MemoryStore()
    first = {step: make(view, step, forth, ignore).to_bytes() for step in range(4)}
    assert first == {step: make(view, step, back, ignore).to_bytes() for step in reversed(range(4))}


@pytest.mark.parametrize("method", EVERY_METHOD)
def test_a_live_step_moves_no_older_one_and_joins_near_its_neighbour(record: Record, method: str) -> None:
    after = record({step: later(step) for step in range(4)}, steps=(0, 1, 2), method=method)
    recorded = {step: after.source.locations[step] for step in (0, 1, 2)}  # step 3 is not there yet
    before = dataclasses.replace(after, source=dataclasses.replace(after.source, locations=recorded))
    old = make(before, 2, MemoryStore(), ignore)
    store = MemoryStore()
    assert make(after, 2, store, ignore).to_bytes() == old.to_bytes()
    assert after.key(2) == before.key(2)
    assert np.abs(make(after, 3, store, ignore).points - old.points).mean() < 0.05


@pytest.mark.parametrize("method", EVERY_METHOD)
def test_a_change_of_basis_moves_little(record: Record, method: str) -> None:
    change = np.linalg.qr(RNG.normal(size=(D, D)))[0] * RNG.uniform(0.7, 1.4, size=D)
    view = record({0: (START[0] @ change, START[1] @ np.linalg.inv(change).T), 1: START}, method=method)
    store = MemoryStore()
    first, last = (make(view, step, store, ignore).points for step in (0, 1))
    limit = {"biplot": 1e-3, "pca": 1e-3, "tsne": 0.02, "umap": 0.05, "attention": 0.02}[method]
    assert np.abs(first - last).mean() <= limit


def test_another_process_makes_the_same_bytes(record: Record, tmp_path: Path) -> None:
    view = record({0: START, 1: later(1)})
    methods: tuple[Method, ...] = ("tsne", "umap", "attention")
    program = f"""
import sys, tb_attnviz
from tb_attnviz.projection import Projection, View, make
from tb_attnviz.projection.ports import MemoryStore
assert not {{"scipy", "sklearn", "numba"}} & set(sys.modules), "nothing heavy until it is needed"
run = tb_attnviz.open_run({str(tmp_path / "run")!r})
for method in {methods}:
    view = View(run.layer_samples(0), (0, 1), Projection(method=method))
    sys.stdout.buffer.write(make(view, 0, MemoryStore(), lambda done, total: None).to_bytes())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    views = [dataclasses.replace(view, projection=Projection(method=method)) for method in methods]
    assert done.stdout == b"".join(make(one, 0, MemoryStore(), ignore).to_bytes() for one in views)


@pytest.mark.parametrize("method", ["tsne", "umap", "attention"])
def test_points_that_the_head_left_alone_stay_where_they_were(record: Record, method: str) -> None:
    moved = np.zeros((1, TOKENS, 1), bool)
    moved[:, ::4] = True
    far = np.random.default_rng(1).normal(scale=4, size=(2, HEADS, TOKENS, D)) * moved
    view = record({0: (START[0] + far[0], START[1] + far[1]), 1: START}, method=method)
    store = MemoryStore()
    before, after = (make(view, step, store, ignore).points for step in (0, 1))
    motion = np.linalg.norm(after - before, axis=-1)  # (heads, points)
    changed = np.concatenate([moved, moved], axis=1)[0, :, 0]
    assert np.median(motion[:, changed]) > 3 * np.median(motion[:, ~changed])


def test_a_stopped_picture_goes_on_where_it_was(record: Record) -> None:
    view = record({step: later(step) for step in range(4)}, method="tsne")
    store = MemoryStore()

    class StoppedError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done > total * 0.9:  # while the last picture of the second head is made
            raise StoppedError

    with pytest.raises(StoppedError):
        make(view, 0, store, stop)
    told: list[tuple[int, int]] = []
    resumed = make(view, 0, store, lambda done, total: told.append((done, total)))
    anew = make(view, 0, MemoryStore(), lambda done, total: None)
    assert resumed.to_bytes() == anew.to_bytes()
    fresh: list[int] = []
    make(view, 0, MemoryStore(), lambda done, total: fresh.append(done))
    assert len(told) < len(fresh) / 2
    assert fresh == sorted(fresh), "progress never goes back"


def test_a_frame_is_fitted_once_and_read_back_whole(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    for normalise in ("canonical", "paper"):
        view = record({0: START, 1: later(1)}, method="pca", normalise=normalise)
        store = MemoryStore()
        frame = view.frame(store, ignore)
        data = to_bytes(frame)
        assert to_bytes(from_bytes(data)) == data
        picture = from_bytes(data).points(view.source, 0, "pca", 2)
        np.testing.assert_array_equal(picture, make(view, 0, store, ignore).points)


def test_the_papers_vectors_are_its_formula_on_one_basis(record: Record) -> None:
    view = record({0: later(3), 1: START}, method="pca", normalise="paper", dims=3)
    store = MemoryStore()
    paper = view.frame(store, ignore).paper
    assert paper is not None
    steps = {0: later(3), 1: START}
    for step, (queries, keys) in steps.items():
        shown = make(view, step, store, ignore).points
        for head, c in enumerate(paper.c):
            moved = START[0][head].mean(axis=0) / c - START[1][head].mean(axis=0) * c  # fitted at the newest step
            assert paper.translation[head] == pytest.approx(np.linalg.norm(moved), rel=1e-3)
            vectors = np.concatenate([queries[head] / c, keys[head] * c + moved])
            # a picture that is linear in these vectors, with an orthonormal basis: least squares finds it
            design = np.column_stack([vectors, np.ones(len(vectors))])
            fit, *_ = np.linalg.lstsq(design, shown[head], rcond=None)
            np.testing.assert_allclose(design @ fit, shown[head], atol=2e-3)
            gram = fit[:-1].T @ fit[:-1]
            np.testing.assert_allclose(gram, np.eye(3) * gram[0, 0], atol=2e-3 * gram[0, 0])


def test_the_axes_of_the_newest_step_alone_are_near_those_of_all(record: Record) -> None:
    heads = {step: later(step) for step in range(4)}
    for method in ("biplot", "pca"):
        alone, full = record(heads, steps=(3,), method=method), record(heads, method=method)
        first, second = (make(view, 3, MemoryStore(), ignore).points for view in (alone, full))
        for one, all_steps in zip(first, second, strict=True):
            scale = (one * all_steps).sum() / (all_steps * all_steps).sum()  # only the frame's scale differs
            assert np.linalg.norm(one - scale * all_steps) < 0.1 * np.linalg.norm(one)


@pytest.mark.parametrize("method", EVERY_METHOD)
@pytest.mark.parametrize("normalise", ["canonical", "paper"])
@pytest.mark.parametrize(
    ("heads", "sentence"),
    [
        ((START[0], np.ones_like(START[1])), "all its keys are equal"),
        ((np.ones_like(START[0]), START[1]), "all its queries are equal"),
        ((np.ones_like(START[0]), np.ones_like(START[1])), "all its keys are equal"),
        ((START[0] * np.nan, START[1]), "not finite"),
        ((START[0] * [1, 0, 0, 0, 0, 0, 0, 0], START[1]), ""),
        ((START[0][:, :1], START[1][:, :1]), "all its keys are equal"),
        ((START[0][:, :2], START[1][:, :2]), ""),
        ((START[0][:, :9], START[1][:, :9]), ""),
    ],
)
def test_degenerate_heads_get_a_picture_or_a_sentence(
    record: Record, method: str, normalise: str, heads: Heads, sentence: str
) -> None:
    view, store = record({0: heads, 1: heads}, method=method, normalise=normalise), MemoryStore()
    for step in (0, 1):
        picture = make(view, step, store, ignore)
        assert picture.points.shape == (HEADS, 2 * heads[0].shape[1], 2)
        assert np.isfinite(picture.points).all() or "not finite" in picture.notes[0]
        assert sentence in picture.notes.get(1, "")


@pytest.mark.parametrize("method", ["tsne", "umap", "attention"])
def test_what_few_points_ask_for_is_told(record: Record, method: str) -> None:
    few = record({0: (START[0][:, :9], START[1][:, :9])}, method=method, perplexity=30, neighbours=15)
    assert "was lowered to" in make(few, 0, MemoryStore(), ignore).notes[0]
    fewer = record({0: (START[0][:, :2], START[1][:, :2])}, method=method)
    assert "too few" in make(fewer, 0, MemoryStore(), ignore).notes[0]


@pytest.mark.parametrize("method", EVERY_METHOD)
@pytest.mark.parametrize(
    "subset", [tuple(range(0, 2 * TOKENS, 5)), tuple(range(40)), tuple(range(TOKENS, TOKENS + 40)), (3,), ()]
)
def test_a_subset_is_projected_alone(record: Record, method: str, subset: tuple[int, ...]) -> None:
    view = record({0: START, 1: later(1)}, method=method)
    chosen = dataclasses.replace(view, source=dataclasses.replace(view.source, subset=subset))
    picture = make(chosen, 1, MemoryStore(), ignore)
    assert picture.points.shape == (HEADS, len(subset), 2)
    assert np.isfinite(picture.points).all()
    assert (len(subset) < 2) == ("nothing to compare" in picture.notes.get(0, ""))
    assert chosen.key(1) != view.key(1)


def test_a_picture_survives_its_bytes() -> None:
    picture = Picture(np.arange(6, dtype=np.float32).reshape(1, 3, 2), {0: "a note"})
    again = Picture.from_bytes(picture.to_bytes())
    np.testing.assert_array_equal(again.points, picture.points)
    assert again.notes == picture.notes
