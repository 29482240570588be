"""Norms of values over the routes: attention weighted by them, and the figure of keys; layers without them say so."""

import dataclasses
import io
import itertools
from pathlib import Path

import numpy as np
import pytest

from tb_attnviz.events import RunWriter, Samples
from tests.conftest import LAYERS, PROBE, make_samples
from tests.plugin.conftest import Ask, asking, load

FIRST, SECOND = LAYERS  # the second one has three query heads for each of keys
WITH = FIRST, dataclasses.replace(SECOND, values=True)


@pytest.fixture(scope="module")
def norms() -> np.ndarray:
    return np.random.default_rng(7).lognormal(size=(SECOND.kv_heads, PROBE.tokens)).astype(np.float32)


@pytest.fixture
def ask(tmp_path: Path, cache: Path, norms: np.ndarray) -> Ask:
    writer = RunWriter(str(tmp_path / "logs" / "run"))
    writer.write_probe(PROBE, step=0)
    samples = [make_samples(layer, seed=index) for index, layer in enumerate(WITH)]
    second = Samples(samples[1].queries, samples[1].keys, value_norms=norms)
    writer.write_checkpoint(0, [(WITH[0], samples[0]), (WITH[1], second)])
    writer.close()
    return asking(load(tmp_path / "logs"))


def array(ask: Ask, route: str, **query: object) -> np.ndarray:
    answer = ask(route, run="run", step=0, **query)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: np.ndarray = np.load(io.BytesIO(answer.get_data()))
    return found


def test_attention_is_weighted_by_the_values_that_it_fetches(ask: Ask, norms: np.ndarray) -> None:
    [entry] = ask("runs").get_json()["runs"]
    assert [layer["values"] for layer in entry["layers"]] == [False, True]
    each, starts = [], np.cumsum([0, *PROBE.lengths])
    for sequence, (start, end) in enumerate(itertools.pairwise(starts)):
        plain = array(ask, "attention", layer=1, head=4, sequence=sequence, weight="none")
        by_hand = plain * norms[1, start:end]  # heads 3 to 5 share the second head of values
        by_hand /= by_hand.sum(axis=1, keepdims=True)
        each.append(array(ask, "attention", layer=1, head=4, sequence=sequence, weight="values"))
        np.testing.assert_allclose(each[-1], by_hand, atol=1e-6)
    mean = array(ask, "attention", layer=1, head=4, sequence="mean", weight="values")
    np.testing.assert_allclose(mean[:2, :2], np.mean([one[:2, :2] for one in each], axis=0), atol=1e-6)
    np.testing.assert_allclose(mean[-1:, -1:], np.mean([one[-1:, -1:] for one in each], axis=0), atol=1e-6)
    figure = array(ask, "point_figures", layer=1, figure="value_norm")
    assert np.isnan(figure[:, : PROBE.tokens]).all()
    np.testing.assert_array_equal(figure[:, PROBE.tokens :], np.repeat(norms, 3, axis=0))


def test_what_was_not_recorded_is_said(ask: Ask) -> None:
    for route, query in (
        ("attention", {"head": 0, "sequence": 0, "weight": "values"}),
        ("point_figures", {"figure": "value_norm"}),
    ):
        answer = ask(route, run="run", step=0, layer=0, **query)
        assert answer.status_code == 404
        assert answer.get_json()["error"].startswith("no value norms of layer 0 at step 0: record them with")
    answer = ask("attention", run="run", step=0, layer=1, head=0, sequence=0, weight="norms")
    assert answer.status_code == 400
    assert answer.get_json()["error"] == "the parameter 'weight' must be one of none, values, not 'norms'"
