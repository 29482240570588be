"""One run in the frame of another: the same picture where both compute the same, whatever the basis."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import make_blobs

import tb_attnviz
from tb_attnviz import Run
from tb_attnviz.comparable import NotComparableError
from tb_attnviz.events import Layer, ProbeRecord, RunWriter, Samples, Sequence
from tb_attnviz.projection import Projection, make
from tb_attnviz.projection.ports import MemoryStore
from tb_attnviz.run import NotRecordedError

Float64 = npt.NDArray[np.float64]
Heads = tuple[Float64, Float64]  # queries, keys [heads, n, d]
Record = Callable[..., Run]

HEADS, TOKENS, D = 2, 100, 6
RNG = np.random.default_rng(0)
BLOBS, _ = make_blobs(HEADS * 2 * TOKENS, D, centers=6, cluster_std=1.0, random_state=0)
START: Heads = tuple(BLOBS.reshape(2, HEADS, TOKENS, D))
DRIFT: Heads = tuple(RNG.normal(scale=0.5, size=(2, HEADS, TOKENS, D)))
TEXT = tuple(f"token {number}" for number in range(TOKENS))
EVERY_METHOD = ["biplot", "pca", "tsne", "umap", "attention"]


def later(share: float) -> Heads:
    return START[0] + share * DRIFT[0], START[1] + share * DRIFT[1]


def in_another_basis(heads: Heads) -> Heads:
    """Q M and K M⁻ᵀ, an M of its own for each head: the same logits."""
    change = np.linalg.qr(RNG.normal(size=(HEADS, D, D)))[0] * RNG.uniform(0.5, 2, size=(HEADS, 1, D))
    return heads[0] @ change, heads[1] @ np.linalg.inv(change).swapaxes(1, 2)


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """Records the run `name` of these steps; again with the same name, it goes on."""

    def record(name: str, heads: dict[int, Heads], *, tokens: tuple[str, ...] = TEXT, scale: float = D**-0.5) -> Run:
        writer = RunWriter(str(tmp_path / name))
        writer.write_probe(ProbeRecord((Sequence(tokens),)), step=0)
        for step, (queries, keys) in heads.items():
            layer = Layer("attention", len(queries), len(keys), queries.shape[-1], scale, causal=False)
            writer.write_checkpoint(step, [(layer, Samples(queries.astype(np.float32), keys.astype(np.float32)))])
        writer.close()
        return tb_attnviz.open_run(tmp_path / name)

    return record


def ignore(done: int, total: int) -> None:
    """A report that nobody reads."""


def guests(run: Run, other: Run, **projection: Any) -> Float64:
    """[steps, heads, n, dims]: every head of `run` in the frame of `other`."""
    store = MemoryStore()
    view = run.view(Projection(**projection), 0, None, steps=tuple(other.steps), in_frame_of=other)
    return np.stack([make(view, step, store, ignore).points for step in run.steps])


def own(run: Run, **projection: Any) -> Float64:
    store = MemoryStore()
    view = run.view(Projection(**projection), 0, None, steps=tuple(run.steps))
    return np.stack([make(view, step, store, ignore).points for step in run.steps])


@pytest.mark.parametrize("method", EVERY_METHOD)
@pytest.mark.parametrize("normalise", ["canonical", "paper"])
def test_a_run_in_its_own_frame_is_its_own_picture(record: Record, method: str, normalise: str) -> None:
    run = record("run", {step: later(step) for step in range(3)})
    shown = guests(run, run, method=method, normalise=normalise)
    np.testing.assert_allclose(shown, own(run, method=method, normalise=normalise), atol=1e-5)


def test_so_is_a_step_that_the_frame_was_not_fitted_to(record: Record) -> None:
    run = record("run", {step: later(step / 10) for step in range(20)})
    np.testing.assert_allclose(guests(run, run, method="biplot"), own(run, method="biplot"), atol=1e-5)


@pytest.mark.parametrize("method", EVERY_METHOD)
def test_what_computes_the_same_in_another_basis_falls_on_the_same_points(record: Record, method: str) -> None:
    steps = {step: later(step) for step in range(3)}
    run = record("run", steps)
    other = record("other", {step: in_another_basis(heads) for step, heads in steps.items()})
    limit = {"biplot": 1e-3, "pca": 1e-3, "tsne": 0.02, "umap": 0.05, "attention": 0.02}[method]
    assert np.abs(guests(other, run, method=method) - own(run, method=method)).mean() <= limit


def test_scale_and_norms_may_be_shared_out_otherwise(record: Record) -> None:
    """What is four times as large and scaled by a quarter is the same."""
    run = record("run", {0: START, 1: later(1)})
    other = record("other", {0: (4 * START[0], START[1]), 1: (4 * later(1)[0], later(1)[1])}, scale=D**-0.5 / 4)
    np.testing.assert_allclose(guests(other, run), own(run), atol=1e-3)


@pytest.mark.parametrize("method", ["biplot", "tsne"])
def test_a_guest_keeps_its_place_whatever_else_is_recorded(record: Record, method: str) -> None:
    host = record("host", {step: later(step) for step in range(3)})
    guest = record("guest", {5: in_another_basis(later(3))})
    before = guests(guest, host, method=method)
    frame = tuple(host.steps)
    guest = record("guest", {6: in_another_basis(later(4)), 0: START})
    host = record("host", {4: later(4)})
    view = guest.view(Projection(method=method), 0, None, steps=frame, in_frame_of=host)
    np.testing.assert_array_equal(make(view, 5, MemoryStore(), ignore).points, before[0])


def test_two_runs_differ_by_what_their_heads_compute(record: Record) -> None:
    """A head that is the same in both runs is at the same points; one that is not is elsewhere."""
    run = record("run", {0: START})
    queries, keys = (array.copy() for array in START)
    queries[1] = RNG.permutation(queries[1])
    other = record("other", {0: in_another_basis((queries, keys))})
    apart = np.abs(guests(other, run) - own(run)).mean(axis=(0, 2, 3))  # (heads,)
    assert apart[0] < 1e-3
    assert apart[1] > 0.05


def test_pictures_in_two_frames_have_two_addresses(record: Record) -> None:
    run, other = record("run", {0: START}), record("other", {0: later(1)})
    for method in EVERY_METHOD:
        view = other.view(Projection(method=method), 0, None, steps=(0,), in_frame_of=run)
        keys = {view.key(0), own_view(other, method).key(0), own_view(run, method).key(0)}
        assert len(keys) == 3
        assert view.frame_key() == own_view(run, method).frame_key(), "the frame is fitted once for both"
        subset = view.of_points((1, 2, 3))
        assert subset.key(0) not in keys
        assert make(subset, 0, MemoryStore(), ignore).points.shape == (HEADS, 3, 2)


def own_view(run: Run, method: Any) -> Any:
    return run.view(Projection(method=method), 0, None, steps=(0,))


def test_a_guest_that_is_not_finite_has_no_points(record: Record) -> None:
    run = record("run", {0: START})
    broken = START[0].copy()
    broken[1, 3] = np.inf
    picture = guests(record("other", {0: (broken, START[1])}), run)[0]
    assert np.isnan(picture[1]).all()
    np.testing.assert_allclose(picture[0], own(run)[0, 0], atol=1e-5)


def test_project_shows_a_run_in_the_frame_of_another(record: Record) -> None:
    run = record("run", {0: START, 1: later(1)})
    other = record("other", {0: in_another_basis(START), 7: later(2)})
    shown = other.project("biplot", 0, 1, in_frame_of=run)
    np.testing.assert_array_equal(shown, guests(other, run)[:, 1])


def test_runs_without_a_frame_in_common_say_why(record: Record) -> None:
    run = record("run", {0: START})
    for name, heads, tokens, sentence in (
        ("text", START, tuple(reversed(TEXT)), r"different probe sequences \(as many, but others\)"),
        ("short", tuple(x[:, :9] for x in START), TEXT[:9], r"\(1 of 9 tokens, and 1 of 100 tokens\)"),
        ("heads", tuple(x[:1] for x in START), TEXT, "layer 0, attention, has 1 heads .* and 2 heads .* other"),
        ("small", tuple(x[:, :, :5] for x in START), TEXT, "layer 0, attention, has 2 heads of 5 dimensions"),
    ):
        other = record(name, {0: heads}, tokens=tokens)
        with pytest.raises(NotComparableError, match=sentence):
            other.project("biplot", 0, 0, in_frame_of=run)
    empty = record("empty", {})
    with pytest.raises(NotComparableError, match="layer 0, attention, was not recorded in the other run"):
        run.project("biplot", 0, 0, in_frame_of=empty)


def test_a_run_without_checkpoints_says_so(record: Record) -> None:
    empty = record("empty", {})
    for ask in (lambda: empty.project("biplot", 0, 0), lambda: empty.layer_samples(0), lambda: empty.frame(0)):
        with pytest.raises(NotRecordedError, match="there is nothing to show yet: the run has no checkpoint yet"):
            ask()
