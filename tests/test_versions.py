"""Runs of every version of the format are read alike, by `open_run` and through both of TensorBoard's loaders."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import tb_attnviz
from tb_attnviz.run import Run
from tests.conftest import serving, wait_until
from tests.plugin.conftest import Client

DATA = Path(__file__).parent / "data"
VERSIONS = sorted(path.name for path in DATA.glob("v*"))
STEPS = {"decoder": [0, 100, 200], "pictures": [0, 5], "two_sides": [0, 10], "segments": [0, 50]}
HEALTH_STEPS = {"decoder": [0, 50, 100, 150, 200, 250], "thinned": list(range(0, 120, 10))}


def expected(version: str, name: str) -> dict[tuple[int, int, int], np.ndarray]:
    """(step, layer, sequence) → what the model itself attended to, [heads, n_query, n_key]."""
    with np.load(DATA / version / name / "expected.npz") as arrays:
        return {tuple(map(int, key.split("/"))): array for key, array in arrays.items()}


@pytest.fixture(params=[(version, name) for version in VERSIONS for name in (*STEPS, "thinned")], ids="/".join)
def recorded(request: pytest.FixtureRequest) -> tuple[str, str, Run]:
    version, name = request.param
    return version, name, tb_attnviz.open_run(DATA / version / name)


def test_attention_is_the_models_own(recorded: tuple[str, str, Run]) -> None:
    version, name, run = recorded
    assert run.steps == STEPS.get(name, run.steps)
    assert not run.damaged
    for (step, layer, sequence), attention in expected(version, name).items():
        if step not in run.steps:
            assert name == "thinned"
            continue
        for head, of_head in enumerate(attention):
            np.testing.assert_allclose(run.attention(step, layer, head, sequence), of_head, atol=1e-3)


def test_figures_follow_from_it(recorded: tuple[str, str, Run]) -> None:
    version, name, run = recorded
    assert run.health_steps == HEALTH_STEPS.get(name, run.steps)
    health = run.health()
    for step in run.steps:
        found = []
        for layer, described in enumerate(run.layers):
            of_sequences = [
                np.diagonal(attention.astype(float), axis1=1, axis2=2).mean(axis=1)
                for (at, of, _), attention in expected(version, name).items()
                if (at, of) == (step, layer)
            ]
            across = described.attends == "cross"
            found.append(np.full(described.heads, np.nan) if across else np.mean(of_sequences, axis=0))
        np.testing.assert_allclose(health["self"][run.health_steps.index(step)], np.concatenate(found), atol=1e-3)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_else_a_run_holds(version: str) -> None:
    decoder = tb_attnviz.open_run(DATA / version / "decoder")
    assert decoder.probe.sequences[0].labels == {"part": tuple(f"p{i % 3}" for i in range(9)), "frequency": (0.5,) * 9}
    assert all(layer.values for layer in decoder.layers)
    assert decoder.samples(200, 1).value_norms is not None
    first = decoder.alerts[0]
    assert (first.step, first.rule, first.raised) == (0, "large", True)
    pictures = tb_attnviz.open_run(DATA / version / "pictures")
    assert pictures.png(0).startswith(b"\x89PNG")
    assert pictures.samples(5, 1).windows is not None
    assert [layer.query_grid and layer.query_grid.rows for layer in pictures.layers] == [None, None, 4]
    sides = tb_attnviz.open_run(DATA / version / "two_sides")
    assert [layer.attends for layer in sides.layers] == ["self", "self", "cross"]
    segments = tb_attnviz.open_run(DATA / version / "segments").segments
    assert [(segment.steps, len(segment.layers)) for segment in segments] == [([0, 100], 1), ([0, 50], 2)]
    thinned = tb_attnviz.open_run(DATA / version / "thinned")
    assert (thinned.steps[0], thinned.steps[-1]) == (0, 110)
    assert len(thinned.steps) == len(list((DATA / version / "thinned" / "plugins" / "attnviz").iterdir())) < 12


@pytest.fixture(scope="module", params=["false", "true"], ids=["python loader", "fast loader"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    with serving(f"--load_fast={request.param}", f"--logdir={DATA}") as address:
        client = Client(address)
        count = len(VERSIONS) * (len(STEPS) + 1)
        whole = lambda: [run for run in client.json("runs")["runs"] if run["part_of"] is None]  # noqa: E731
        wait_until(lambda: sum(bool(run["steps"]) for run in whole()) == count, seconds=60)
        yield client


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", [*STEPS, "thinned"])
def test_the_plugin_has_the_same(client: Client, version: str, name: str) -> None:
    [entry] = [run for run in client.json("runs")["runs"] if run["run"] == f"{version}/{name}"]
    run = tb_attnviz.open_run(DATA / version / name)
    assert (entry["error"], entry["steps"]) == (None, run.steps)
    assert entry["figures"] == run.records.newest.figures
    for step in (run.steps[0], run.steps[-1]):
        asked = {"run": entry["run"], "step": step, "layer": 0, "head": 1, "sequence": 0}
        wanted = expected(version, name)[step, 0, 0][1]
        np.testing.assert_allclose(np.load(io.BytesIO(client.get("attention", **asked)[1])), wanted, atol=1e-3)
    health = client.json("health", run=entry["run"])
    assert health["steps"] == run.health_steps
    np.testing.assert_allclose(
        np.array(health["figures"]["self"], float)[-1], run.health()["self"][-1], rtol=1e-6, equal_nan=True
    )
