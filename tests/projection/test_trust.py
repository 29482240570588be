"""The document about one head's picture: its figures, what they are computed from, and when."""

import dataclasses
import json
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import spearmanr
from sklearn.manifold import trustworthiness

import tb_attnviz
from tb_attnviz import geometry
from tb_attnviz.events import Layer, Lengths, RunWriter, Samples
from tb_attnviz.projection.pictures import Picture, View, make
from tb_attnviz.projection.projection import Method, Projection
from tb_attnviz.projection.trust import Seen, make_trust, trust_key
from tests.conftest import LAYERS, PROBE, make_samples

N = PROBE.tokens
PAGE = Path(__file__).parents[2] / "docs" / "trust.md"


class Memory(dict[str, bytes]):
    """A store."""

    def put(self, key: str, value: bytes) -> None:
        self[key] = value


def quiet(done: int, total: int) -> None:
    pass


def view_of(
    directory: Path, *, layer: int = 0, head: int | None = 1, method: Method = "biplot", dims: int = 2
) -> tuple[View, Seen]:
    run = tb_attnviz.open_run(directory)
    view = View(run.layer_samples(layer), tuple(run.steps), Projection(method=method, dims=dims), head)
    return view, Seen(run.lengths(run.steps[-1], layer), run.layers[layer])


def document(view: View, seen: Seen, step: int, previous: int | None = None, store: Memory | None = None) -> Any:
    return json.loads(make_trust(view, step, previous, Memory() if store is None else store, quiet, seen=seen))


def visible_pairs(seen: Seen) -> list[tuple[int, int]]:
    starts = np.cumsum([0, *seen.lengths.queries])
    return [
        (int(start) + i, int(start) + j)
        for start, length in zip(starts, seen.lengths.queries, strict=False)
        for i in range(length)
        for j in range(i + 1 if seen.layer.causal else length)
    ]


@pytest.mark.parametrize("layer", [0, 1])  # causal, and not with grouped keys
@pytest.mark.parametrize("method", ["biplot", "pca"])
@pytest.mark.parametrize("dims", [2, 3])
def test_figures_are_those_of_scipy_and_scikit_learn(
    run_directory: Path, layer: int, method: Method, dims: int
) -> None:
    view, seen = view_of(run_directory, layer=layer, method=method, dims=dims)
    found = document(view, seen, 200)
    vectors = view.source.whole(200)
    queries, keys = vectors.queries[1], vectors.keys[1]
    points = make(view, 200, Memory(), quiet).points[0].astype(float)
    logits = queries @ (keys - keys.mean(axis=0)).T * seen.layer.scale
    near = points[:N] @ points[N:].T if method == "biplot" else -cdist(points[:N], points[N:])
    pairs = visible_pairs(seen)
    expected = spearmanr([near[pair] for pair in pairs], [logits[pair] for pair in pairs]).statistic
    assert found["faithfulness"] == pytest.approx(expected, abs=1e-4)
    coordinates = canonical(view, 200)
    assert found["k"] == 12
    assert found["trustworthiness"] == pytest.approx(trustworthiness(coordinates, points, n_neighbors=12), abs=1e-4)
    assert found["continuity"] == pytest.approx(trustworthiness(points, coordinates, n_neighbors=12), abs=1e-4)
    assert len(found["false_neighbours"]) == len(found["tears"]) == 2 * N
    assert 1 - np.mean(found["false_neighbours"]) == pytest.approx(found["trustworthiness"], abs=1e-3)
    assert 1 - np.mean(found["tears"]) == pytest.approx(found["continuity"], abs=1e-3)
    assert found["motion"] is None
    assert found["note"] is None


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("method", ["biplot", "pca"])
def test_the_key_attended_to_most_is_looked_for_among_the_nearest(
    run_directory: Path, layer: int, method: Method
) -> None:
    view, seen = view_of(run_directory, layer=layer, method=method)
    found = document(view, seen, 200)
    points = make(view, 200, Memory(), quiet).points[0].astype(float)
    near = points[:N] @ points[N:].T if method == "biplot" else -cdist(points[:N], points[N:])
    run, start, hits, missed = tb_attnviz.open_run(run_directory), 0, [], [float("nan")] * N
    attended_by: dict[int, list[float]] = {}
    for sequence, length in enumerate(seen.lengths.queries):
        for query, weights in enumerate(run.attention(200, layer, 1, sequence)):
            keys = range(query + 1 if seen.layer.causal else length)
            if len(keys) > 3:
                order = sorted(keys, key=lambda key: -near[start + query, start + key])
                rank = order.index(int(weights.argmax())) + 1
                hits.append(rank <= 3)
                missed[start + query] = max(0, rank - 3) / (len(keys) - 3)
                attended_by.setdefault(start + int(weights.argmax()), []).append(missed[start + query])
        start += length
    assert found["top_key"] == pytest.approx(np.mean(hits), abs=1e-4)
    assert f"for {round(100 * np.mean(hits))} of 100 queries" in found["sentence"]
    of_keys = [np.mean(attended_by.get(key, [np.nan])) for key in range(N)]
    told = [float(value) for value in found["missed_keys"]]
    np.testing.assert_allclose(told, [*missed, *of_keys], atol=6e-4)
    longest = [length for length in seen.lengths.queries if length > 3]
    if not seen.layer.causal:
        expected = np.average([3 / length for length in longest], weights=longest)
        assert found["top_key_chance"] == pytest.approx(expected, abs=1e-4)


def test_neighbours_of_a_map_by_cosine_are_by_cosine(run_directory: Path) -> None:
    view, seen = view_of(run_directory, method="tsne")
    shown = np.random.default_rng(0).normal(size=(1, 2 * N, 2)).astype(np.float32)
    store = Memory()
    store.put(view.key(100), Picture(shown, {1: "made with half its neighbours"}).to_bytes())
    found = document(view, seen, 100, store=store)
    coordinates = canonical(view, 100)
    expected = trustworthiness(coordinates, shown[0].astype(float), n_neighbors=12, metric="cosine")
    assert found["trustworthiness"] == pytest.approx(expected, abs=1e-4)
    assert found["sentence"].startswith("Neighbours")
    assert found["note"] == "made with half its neighbours"


def test_the_papers_pictures_are_compared_with_the_papers_vectors(run_directory: Path) -> None:
    view, seen = view_of(run_directory, method="pca")
    view = dataclasses.replace(view, projection=Projection(method="pca", normalise="paper"))
    newest, before = (papers_vectors(view, step) for step in (300, 200))
    pictures = [make(view, step, Memory(), quiet).points[0].astype(float) for step in (300, 200)]
    found = document(view, seen, 300, previous=200)
    assert found["trustworthiness"] == pytest.approx(trustworthiness(newest, pictures[0], n_neighbors=12), abs=1e-3)
    real, on_screen = np.linalg.norm(newest - before, axis=1), np.linalg.norm(pictures[0] - pictures[1], axis=1)
    assert found["motion"]["spearman"] == pytest.approx(spearmanr(real, on_screen).statistic, abs=1e-3)


def test_what_the_papers_normalisation_did_is_told(run_directory: Path) -> None:
    view, seen = view_of(run_directory, method="pca")
    assert document(view, seen, 200)["normalisation"] is None
    view = dataclasses.replace(view, projection=Projection(method="pca", normalise="paper"))
    newest = view.source.whole(300).of(1)
    both = newest.queries[0].astype(np.float64), newest.keys[0].astype(np.float64)
    c = geometry.paper_scale(*both)
    shift = geometry.paper_translation(*both, c)
    told = document(view, seen, 200)["normalisation"]
    assert told == {"c": c, "translation": pytest.approx(np.linalg.norm(shift), rel=1e-3)}


def papers_vectors(view: View, step: int) -> npt.NDArray[np.float64]:
    """Scaled and translated as the newest step wants it."""
    newest, vectors = view.source.whole(view.steps[-1]), view.source.whole(step)
    both = newest.queries[1].astype(np.float64), newest.keys[1].astype(np.float64)
    c = geometry.paper_scale(*both)
    shift = geometry.paper_translation(*both, c)
    return np.concatenate([vectors.queries[1] / c, vectors.keys[1] * c + shift])


def test_some_points_are_judged_among_themselves(run_directory: Path) -> None:
    whole, seen = view_of(run_directory)
    subset = tuple(i for i in range(2 * N) if i % 3)
    view = dataclasses.replace(whole, source=dataclasses.replace(whole.source, subset=subset))
    shown = np.random.default_rng(0).normal(size=(1, len(subset), 2)).astype(np.float32)
    store = Memory()
    store.put(view.key(100), Picture(shown, {}).to_bytes())
    found = document(view, seen, 100, store=store)
    coordinates, points = canonical(whole, 100)[list(subset)], shown[0].astype(float)
    assert found["trustworthiness"] == pytest.approx(trustworthiness(coordinates, points, n_neighbors=11), abs=1e-4)
    assert found["k"] == (len(subset) - 1) // 2 == 11
    assert len(found["tears"]) == len(subset)
    vectors = whole.source.whole(100)
    logits = vectors.queries[1] @ (vectors.keys[1] - vectors.keys[1].mean(axis=0)).T  # k̄ is the mean of all keys
    at = dict(zip(subset, points, strict=True))
    pairs = [(i, j) for i, j in visible_pairs(seen) if i in at and N + j in at]
    expected = spearmanr([at[i] @ at[N + j] for i, j in pairs], [logits[pair] for pair in pairs]).statistic
    assert found["faithfulness"] == pytest.approx(expected, abs=1e-4)


def test_motion_is_measured_after_alignment(run_directory: Path) -> None:
    view, seen = view_of(run_directory)
    found = document(view, seen, 300, previous=200)
    pictures = [make(view, step, Memory(), quiet).points[0] for step in (200, 300)]
    assert found["motion"]["previous"] == 200
    before, after = (canonical(view, step) for step in (200, 300))
    turned = after @ geometry.procrustes(after.T @ before)
    real, seen_motion = np.linalg.norm(turned - before, axis=1), np.linalg.norm(pictures[1] - pictures[0], axis=1)
    assert found["motion"]["spearman"] == pytest.approx(spearmanr(real, seen_motion).statistic, abs=1e-4)
    assert "since step 200" in found["sentence"]


def canonical(view: View, step: int) -> npt.NDArray[np.float64]:
    vectors = view.source.whole(step)
    axes = geometry.canonical_axes(vectors.queries[1], vectors.keys[1], scale=view.source.scale)
    return np.concatenate(axes.coordinates(vectors.queries[1], vectors.keys[1]))


def test_a_head_that_only_changed_its_basis_has_not_moved(writer: RunWriter, tmp_path: Path) -> None:
    layer, samples = LAYERS[0], make_samples(LAYERS[0], seed=0)
    change = np.linalg.qr(np.random.default_rng(0).normal(size=(8, 8)))[0].astype(np.float32)
    writer.write_checkpoint(0, [(layer, samples)])
    writer.write_checkpoint(1, [(layer, Samples(samples.queries @ change, samples.keys @ change))])
    found = document(*view_of(tmp_path / "run"), 1, previous=0)
    assert found["motion"] == {"previous": 0, "spearman": "NaN"}
    assert "the head has not changed since step 0" in found["sentence"]


def test_pairs_that_a_bias_hides_never_count(writer: RunWriter, tmp_path: Path) -> None:
    layer = Layer("attention", 4, 4, 8, 0.3, causal=False)
    samples = make_samples(layer, seed=3)
    longest = max(PROBE.lengths)
    hiding = np.where(np.tri(longest, dtype=bool), 0, -np.inf).astype(np.float32)  # what causal hides
    bias = np.zeros((1, 4, longest, longest), np.float32)
    bias[:, 1] = hiding
    writer.write_checkpoint(0, [(layer, Samples(samples.queries, samples.keys, bias))])
    view, seen = view_of(tmp_path / "run")
    causal = Seen(seen.lengths, Layer("attention", 4, 4, 8, 0.3, causal=True))
    other_head, _ = view_of(tmp_path / "run", head=2)
    assert document(view, seen, 0) == document(view, causal, 0)
    assert document(other_head, seen, 0)["faithfulness"] != document(other_head, causal, 0)["faithfulness"]


def test_a_head_that_is_not_finite_gets_a_document_that_says_so(writer: RunWriter, tmp_path: Path) -> None:
    samples = make_samples(LAYERS[0], seed=0)
    writer.write_checkpoint(0, [(LAYERS[0], samples)])
    broken = samples.queries.copy()
    broken[1, 3, 3] = np.nan
    writer.write_checkpoint(1, [(LAYERS[0], Samples(broken, samples.keys))])
    found = document(*view_of(tmp_path / "run"), 1, previous=0)
    assert {found[name] for name in ("faithfulness", "trustworthiness", "continuity", "neighbour_recall")} == {"NaN"}
    assert found["false_neighbours"] == found["tears"] == ["NaN"] * 2 * N
    assert found["k"] == 0
    assert found["motion"] is None
    assert found["note"].startswith("some of its queries or keys are not finite")
    assert found["sentence"] == f"Nothing can be said about this picture: {found['note']}."


def test_constant_keys_leave_nothing_to_compare(writer: RunWriter, tmp_path: Path) -> None:
    samples = make_samples(LAYERS[0], seed=0)
    writer.write_checkpoint(0, [(LAYERS[0], Samples(samples.queries, np.ones_like(samples.keys)))])
    found = document(*view_of(tmp_path / "run"), 0)
    assert found["faithfulness"] == "NaN"
    assert found["sentence"] == f"Nothing can be said about this picture: {found['note']}."


def test_a_sample_of_the_pairs_is_told(run_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Seen, "pairs", lambda seen, view, step: geometry.VisiblePairs(seen.lengths.queries, most=67))
    found = document(*view_of(run_directory), 100)
    assert found["note"] == "faithfulness is of a random 50% of all pairs"


def test_the_store_is_asked_first(run_directory: Path) -> None:
    view, seen = view_of(run_directory)
    store = Memory()
    first = make_trust(view, 300, 200, store, quiet, seen=seen)
    assert store[trust_key(view, 300, 200, seen)] == first

    def never(done: int, total: int) -> None:
        raise AssertionError

    assert make_trust(view, 300, 200, store, never, seen=seen) == first


def test_a_key_is_of_all_that_the_document_depends_on(run_directory: Path) -> None:
    view, seen = view_of(run_directory)
    causal = Seen(seen.lengths, LAYERS[1])
    keys = [
        trust_key(view, 300, 200, seen),
        trust_key(view, 300, 100, seen),
        trust_key(view, 300, None, seen),
        trust_key(view, 200, 100, seen),
        trust_key(view, 300, 200, causal),
        trust_key(view, 300, 200, Seen(Lengths((18,), (18,)), seen.layer)),
        trust_key(view_of(run_directory, head=2)[0], 300, 200, seen),
        trust_key(view_of(run_directory, dims=3)[0], 300, 200, seen),
        view.key(300),
    ]
    assert len(set(keys)) == len(keys)


def test_it_is_stopped_from_its_report(run_directory: Path) -> None:
    view, seen = view_of(run_directory)
    store = Memory()
    make(view, 300, store, quiet)
    told: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        told.append((done, total))
        if done > N:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        make_trust(view, 300, None, store, stop, seen=seen)
    assert told == sorted(told)
    assert told[-1][0] <= told[-1][1]


def test_all_that_a_worker_gets_is_small(run_directory: Path) -> None:
    view, seen = view_of(run_directory)
    assert pickle.loads(pickle.dumps((view, seen))) == (view, seen)
    assert len(pickle.dumps(seen)) < 2000


def test_a_layer_has_no_trust_of_its_own(run_directory: Path) -> None:
    view, seen = view_of(run_directory, head=None)
    with pytest.raises(ValueError, match="one head"):
        make_trust(view, 300, None, Memory(), quiet, seen=seen)


def test_the_page_defines_every_figure_of_the_document(run_directory: Path) -> None:
    defined = re.findall(r"^## `(\w+)`$", PAGE.read_text(), re.MULTILINE)
    assert defined == list(document(*view_of(run_directory), 300, previous=200))
