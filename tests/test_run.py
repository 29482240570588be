"""open_run: what was written comes back, lazily; what is not there is said in a sentence."""

import dataclasses
import math
import pickle
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import tb_attnviz
from tb_attnviz.events import ProbeRecord, Repeat, RunWriter, Sequence
from tb_attnviz.geometry import POINT_FIGURES
from tb_attnviz.projection import Projection, ProjectionError
from tests.conftest import LAYERS, PROBE, make_samples, write_checkpoint


def softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def test_steps_layers_and_samples(run_directory: Path) -> None:
    run = tb_attnviz.open_run(run_directory)
    assert run.steps == [0, 100, 200, 300]
    assert run.layers == LAYERS
    samples = run.samples(0, 1)
    written = make_samples(LAYERS[1], seed=1)
    np.testing.assert_allclose(samples.queries, written.queries, atol=2e-3)
    np.testing.assert_allclose(samples.keys, written.keys[[0, 0, 0, 1, 1, 1]], atol=2e-3)


def test_attention_is_the_softmax_of_the_samples(run_directory: Path) -> None:
    run = tb_attnviz.open_run(run_directory)
    written = make_samples(LAYERS[1], seed=1)
    # head 4 of 6 uses key head 1 of 2; sequence 2 is the last 3 of 18 tokens
    expected = softmax(written.queries[4, 15:18] @ written.keys[1, 15:18].T * 0.3)
    np.testing.assert_allclose(run.attention(0, 1, 4, 2), expected, atol=1e-3)


def test_what_is_not_finite_stays_in_its_head_and_is_not_warned_of(writer: RunWriter, tmp_path: Path) -> None:
    """A run that diverges is what one looks at: each look would be a line in TensorBoard's log."""
    samples = make_samples(LAYERS[0], seed=0)
    samples.queries[1], samples.keys[2, 0, 0] = np.nan, np.inf
    writer.write_checkpoint(0, [(LAYERS[0], samples)])
    run = tb_attnviz.open_run(tmp_path / "run")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for head, finite in enumerate((True, False, False, True)):
            assert np.isfinite(run.attention(0, 0, head, 0)).all() == finite
        for figure in POINT_FIGURES[:-1]:
            shown = run.point_figure(0, 0, figure)
            np.testing.assert_array_equal(np.isnan(shown[0]), np.isnan(shown[3]))
            assert np.isnan(shown[1, :18]).all(), figure


def test_causal_attention_looks_back_only(run_directory: Path) -> None:
    run = tb_attnviz.open_run(run_directory)
    written = make_samples(LAYERS[0], seed=0)
    attention = run.attention(0, 0, 2, 0)
    assert not np.triu(attention, 1).any()
    logits = written.queries[2, 4] @ written.keys[2, :5].T * 8**-0.5
    np.testing.assert_allclose(attention[4], softmax(logits), atol=1e-3)


def test_mean_attention_averages_by_position_pair(run_directory: Path) -> None:
    run = tb_attnviz.open_run(run_directory)
    each = [run.attention(100, 1, 0, sequence) for sequence in range(3)]
    mean = run.attention(100, 1, 0, "mean")
    assert mean.shape == (10, 10)
    assert mean[1, 0] == pytest.approx(np.mean([attention[1, 0] for attention in each]))
    # Of 5, 10 and 3 tokens, the last 2, 5 and 1 are counted from the end.
    assert mean[9, 9] == pytest.approx(np.mean([attention[-1, -1] for attention in each]))
    assert mean[9, 8] == pytest.approx((each[0][4, 3] + each[1][9, 8]) / 2)
    assert mean[8, 2] == pytest.approx((each[0][3, 2] + each[1][8, 2]) / 2)
    assert mean[6, 4] == pytest.approx(each[1][6, 4])
    for query in range(10):
        np.testing.assert_allclose(run.attention(100, 1, 0, "mean", query=query), mean[query : query + 1], rtol=1e-6)
        np.testing.assert_allclose(run.attention(100, 1, 0, "mean", key=query), mean[:, query : query + 1], rtol=1e-6)


def test_point_figures_are_of_the_points_attention(run_directory: Path) -> None:
    run = tb_attnviz.open_run(run_directory)
    figures = {name: run.point_figure(200, 1, name) for name in ("norm", "entropy", "first", "received", "attracted")}
    assert {values.shape for values in figures.values()} == {(6, 36)}
    samples, attention = run.samples(200, 1), run.attention(200, 1, 4, 2)  # tokens 15 to 17 of 18
    lengths = np.linalg.norm(np.concatenate([samples.queries[4], samples.keys[4]]), axis=1)
    np.testing.assert_allclose(figures["norm"][4], lengths, rtol=1e-5)
    np.testing.assert_allclose(figures["first"][4, 15:18], attention[:, 0], atol=1e-6)
    np.testing.assert_allclose(figures["received"][4, 33:36], attention.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(figures["attracted"][4, 33:36], attention.sum(axis=0), atol=1e-6)
    entropy = -(attention * np.log(attention)).sum(axis=1) / np.log(3)
    np.testing.assert_allclose(figures["entropy"][4, 15:18], entropy, atol=1e-6)
    assert np.isnan(figures["entropy"][:, 18:]).all()
    with pytest.raises(
        tb_attnviz.NotRecordedError, match="no point figure 'length': there are norm, max_logit, entropy"
    ):
        run.point_figure(200, 1, "length")


def test_health_has_steps_of_its_own(writer: RunWriter, tmp_path: Path) -> None:
    write_checkpoint(writer, 0)
    writer.write_health(25, {"entropy": np.full(10, 0.5, np.float32)})
    writer.write_checkpoint(50, [(layer, make_samples(layer, seed=9)) for layer in LAYERS])
    run = tb_attnviz.open_run(tmp_path / "run")
    assert run.steps == [0, 50]
    assert run.health_steps == [0, 25]
    health = run.health()
    assert sorted(health) == ["entropy", "max_logit"]
    assert health["entropy"].shape == health["max_logit"].shape == (2, 10)
    assert (health["entropy"][1] == 0.5).all()
    assert np.isnan(health["max_logit"][1]).all(), "not recorded at that step"
    with pytest.raises(tb_attnviz.NotRecordedError, match="no figures at step 50: the run has 2 steps from 0 to 25"):
        run.health([0, 50])


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ((4, 4), (6, 6, 6), "another model (2 → 3 layers, 4 → 6 heads a layer)"),
        ((4, 4), (4, 6), "another model"),
        ((4,), (4, 4), "another model (1 → 2 layers)"),
        ((4, 8), (6, 6), "another model (4 or 8 → 6 heads a layer)"),
    ],
)
def test_another_model_is_told_by_all_that_differs(
    before: tuple[int, ...], now: tuple[int, ...], said: str, tmp_path: Path
) -> None:
    writer = RunWriter(str(tmp_path))
    for step, heads in ((0, before), (100, now)):
        layers = [dataclasses.replace(LAYERS[0], name=f"{at}", heads=of, kv_heads=of) for at, of in enumerate(heads)]
        writer.begin(step, PROBE, layers)
        writer.write_checkpoint(step, [(layer, make_samples(layer, seed=0)) for layer in layers])
        writer.write_health(step, {"entropy": np.ones(sum(heads), np.float32)})
    writer.close()
    [begun] = [one for one in tb_attnviz.open_run(tmp_path).events() if one.what == "changed model"]
    assert begun.sentence == f"begun again between steps 0 and 100 with {said}"


def test_a_run_begun_with_another_probe_shows_its_newest_segment(writer: RunWriter, tmp_path: Path) -> None:
    write_checkpoint(writer, 0)
    write_checkpoint(writer, 100)
    other = ProbeRecord((Sequence(tuple("abcdefghijklmnopqr")),))
    writer.begin(100, other, LAYERS)
    write_checkpoint(writer, 100)
    run = tb_attnviz.open_run(tmp_path / "run")
    assert run.steps == run.health_steps == [100]
    assert run.probe == other
    assert [segment.steps for segment in run.segments] == [[0, 100], [100]]
    assert run.segments[0].probe == PROBE
    [part] = run.earlier
    assert (part.steps, part.probe, part.earlier) == ([0, 100], PROBE, [])
    drawn = [make_samples(LAYERS[1], seed=seed).queries for seed in (1, 101)]
    np.testing.assert_allclose(part.samples(100, 1).queries, 0.75 * drawn[0] + 0.25 * drawn[1], atol=0.05)
    write_checkpoint(writer, 200)
    run.reload()
    assert run.earlier[0].steps == [0, 100]


def test_reload_takes_in_a_new_checkpoint(writer: RunWriter, tmp_path: Path) -> None:
    write_checkpoint(writer, 0)
    run = tb_attnviz.open_run(tmp_path / "run")
    write_checkpoint(writer, 100)
    assert run.steps == [0]
    run.reload()
    assert run.steps == [0, 100]


def test_project_shows_all_steps_in_one_frame(run_directory: Path) -> None:
    run = tb_attnviz.open_run(run_directory)
    points = run.project("biplot", 1, 3, dims=3)
    assert points.shape == (4, 2 * PROBE.tokens, 3)
    reach = np.sort(np.abs(points).max(axis=2), axis=1)  # [steps, n]
    place = math.ceil(0.96 * reach.shape[1]) - 1
    assert reach[:, place].max() == pytest.approx(1), "the frame holds 96 % of the points of every step"


def test_project_takes_a_method_and_its_parameters(run_directory: Path) -> None:
    run = tb_attnviz.open_run(run_directory)
    few, many = (run.project(Projection(method="tsne", perplexity=perplexity), 0, 1) for perplexity in (3, 11))
    assert few.shape == many.shape == (4, 2 * PROBE.tokens, 2)
    assert np.abs(few - many).max() > 0.1
    np.testing.assert_array_equal(run.project("tsne", 0, 1, dims=2), run.project(Projection(method="tsne"), 0, 1))


@pytest.mark.parametrize(
    ("projection", "dims", "sentence"),
    [
        ("lda", None, "'projection' must be one of biplot, pca, tsne, umap, attention, not 'lda'"),
        ("pca", 4, "'dims' must be one of 2, 3, not 4"),
        (Projection(dims=3), 2, "'dims' is 3 in the projection and 2 beside it"),
    ],
)
def test_project_says_what_is_wrong(
    run_directory: Path, projection: Projection | str, dims: int | None, sentence: str
) -> None:
    with pytest.raises(ProjectionError, match=re.escape(sentence)):
        tb_attnviz.open_run(run_directory).project(projection, 0, 0, dims=dims)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda run: run.samples(150, 0), "no step 150: the run has 4 steps from 0 to 300"),
        (lambda run: run.samples(0, 2), "no layer 2: the run has layers 0 to 1"),
        (lambda run: run.samples(0, -1), "no layer -1"),
        (lambda run: run.attention(0, 0, 4, 0), "no head 4: layer 0 has heads 0 to 3"),
        (lambda run: run.attention(0, 0, 0, 3), "no sequence 3: the probe has sequences 0 to 2"),
        (lambda run: run.attention(0, 0, 0, "Mean"), "no sequence 'Mean': give its number, or 'mean'"),
        (lambda run: run.image_summary(0, 0, 0, "Mean"), "no sequence 'Mean': give its number, or 'mean'"),
        (lambda run: run.attention(0, 0, 0, 0, weight="norms"), "no weight 'norms': there is 'values'"),
        (lambda run: run.png(0, "keys"), "no side 'keys': there are 'tokens' and 'key_tokens'"),
        (lambda run: run.change_points(["inducton"]), "no figure 'inducton': the run has 'entropy', "),
        (lambda run: run.similarity(0, "atention"), "no measure 'atention': there are 'attention' and 'cka'"),
        (lambda run: run.project("pca", 0, 4), "no head 4: layer 0 has heads 0 to 3"),
    ],
)
def test_what_is_not_there_is_said(run_directory: Path, call: object, sentence: str) -> None:
    with pytest.raises(tb_attnviz.NotRecordedError, match=sentence):
        call(tb_attnviz.open_run(run_directory))


def test_a_directory_without_records(tmp_path: Path) -> None:
    with pytest.raises(tb_attnviz.NotRecordedError, match="no attention was recorded in"):
        tb_attnviz.open_run(tmp_path)


@pytest.mark.parametrize(("periods", "tells"), [((), False), ((4, 4), False), ((4, 6), True)])
def test_a_probe_of_one_period_cannot_tell_induction(
    periods: tuple[int, ...], tells: bool, writer: RunWriter, tmp_path: Path
) -> None:
    sequences = tuple(Sequence(tuple("abcdef"[:n]) * 2, repeat=Repeat(0, n)) for n in periods)
    writer.begin(0, ProbeRecord((Sequence(("x",) * 4), *sequences)), LAYERS)
    assert tb_attnviz.open_run(tmp_path / "run").tells_induction == tells


def test_a_run_without_probe(tmp_path: Path) -> None:
    writer = RunWriter(str(tmp_path))
    write_checkpoint(writer, 0)
    run = tb_attnviz.open_run(tmp_path)
    assert run.samples(0, 0).queries.shape == (4, PROBE.tokens, 8)
    with pytest.raises(tb_attnviz.NotRecordedError, match="this run has no probe"):
        run.attention(0, 0, 0, 0)


@pytest.mark.parametrize(
    "module", ["tb_attnviz", "tb_attnviz.plugin.loader", "tb_attnviz.run", "tb_attnviz.plugin.plugin"]
)
def test_reading_and_serving_import_nothing_heavy(module: str) -> None:
    heavy = "'torch', 'transformers', 'scipy', 'sklearn', 'umap', 'loky', 'multiprocessing.pool'"
    code = f"import sys, {module}; print([name for name in ({heavy}) if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_what_a_worker_gets_knows_of_the_steps_that_it_needs_alone(run_directory: Path) -> None:
    source = tb_attnviz.open_run(run_directory).layer_samples(0)
    sent = pickle.loads(pickle.dumps(source.at([100, 999])))
    assert (list(sent.locations), list(sent.layers)) == ([100], [100])
    np.testing.assert_array_equal(sent.whole(100).queries, source.whole(100).queries)
    assert pickle.loads(pickle.dumps(source)).locations == dict(source.locations)
