"""Layers that differ in their tokens, over HTTP: an image that attends to a text, on two grids, in windows."""

from pathlib import Path

import numpy as np
import pytest

import tb_attnviz
from tb_attnviz.events import Grid, Image, Layer, ProbeRecord, RunWriter, Samples, Sequence
from tests.conftest import make_png, serving, wait_until
from tests.plugin.conftest import Client

PNGS = dict(make_png(8, 4, shade=shade) for shade in (100, 200))
PROBE = ProbeRecord(
    tuple(
        Sequence(
            ("[CLS]", *Grid(2, 4).tokens),
            kind="image",
            grid=Grid(2, 4),
            image=Image(name, 8, 4),
            key_tokens=Sequence(tuple(text)),
        )
        for name, text in zip(PNGS, ("abc", "defgh"), strict=True)
    )
)
OPTIONS = {"heads": 2, "kv_heads": 2, "head_dim": 4, "scale": 0.5, "causal": False}
LAYERS = (
    Layer("among", **OPTIONS),
    Layer("to_text", **OPTIONS, keys_of="key_tokens"),
    Layer("text", **OPTIONS, queries_of="key_tokens", keys_of="key_tokens"),
    Layer("windows", **OPTIONS, query_grid=Grid(2, 2), key_grid=Grid(2, 2)),
)
COUNTS = [(18, 18), (18, 8), (8, 8), (8, 8)]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("vision") / "run"
    writer = RunWriter(str(directory))
    writer.begin(0, PROBE, LAYERS, images=PNGS)
    rng = np.random.default_rng(0)
    for step in (0, 100):
        samples = [
            Samples(
                rng.normal(size=(2, n_query, 4)).astype(np.float32),
                rng.normal(size=(2, n_key, 4)).astype(np.float32),
                windows=np.array([[0, 3], [2, 1]], np.int32) if layer.query_grid else None,
            )
            for layer, (n_query, n_key) in zip(LAYERS, COUNTS, strict=True)
        ]
        writer.write_checkpoint(step, zip(LAYERS, samples, strict=True))
    writer.close()
    return directory


@pytest.fixture(scope="module")
def client(directory: Path):
    with serving("--load_fast=false", f"--logdir={directory.parent}") as address:
        client = Client(address)
        wait_until(lambda: client.json("runs")["runs"], seconds=60)
        yield client


def test_every_layer_says_what_its_queries_and_keys_are(client: Client) -> None:
    layers = client.json("runs")["runs"][0]["layers"]
    assert [(layer["queries"], layer["keys"]) for layer in layers] == COUNTS
    assert [layer["attends"] for layer in layers] == ["self", "cross", "self", "self"]
    assert [(layer["queries_of"], layer["keys_of"]) for layer in layers[:3]] == [
        ("tokens", "tokens"),
        ("tokens", "key_tokens"),
        ("key_tokens", "key_tokens"),
    ]
    assert [layer["query_grid"] for layer in layers] == [None, None, None, {"rows": 2, "columns": 2, "special": 0}]


def test_the_probe_has_both_sides_and_the_places(client: Client) -> None:
    first, second = client.json("probe", run="run")["sequences"]
    assert first["grid"] == {"rows": 2, "columns": 4}
    assert first["places"] == [None, *([row, column] for row in range(2) for column in range(4))]
    assert first["image"] == {"width": 8, "height": 4}
    assert second["key_tokens"]["tokens"] == list("defgh")
    assert second["key_tokens"]["places"] is None


def test_pictures(client: Client) -> None:
    status, body, headers = client.get("image", run="run", sequence=1)
    assert (status, body, headers["Content-Type"]) == (200, list(PNGS.values())[1], "image/png")
    status, _, _ = client.get("image", {"If-None-Match": headers["ETag"]}, run="run", sequence=1)
    assert status == 304


@pytest.mark.parametrize("layer", range(4))
@pytest.mark.parametrize("projection", ["biplot", "pca", "tsne"])
def test_points_and_trust(client: Client, layer: int, projection: str) -> None:
    asked = {"run": "run", "step": 100, "layer": layer, "head": 1, "projection": projection, "dims": 2}
    points = client.array("points", **asked)
    assert points.shape == (1, sum(COUNTS[layer]), 2)
    assert np.isfinite(points).all()
    trust = client.json("trust", **asked, previous=0)
    assert -1 <= trust["faithfulness"] <= 1
    assert len(trust["tears"]) == sum(COUNTS[layer])
    some = client.get("points", post=b'{"points": [0, %d]}' % (sum(COUNTS[layer]) - 1), **asked)
    assert some[0] == 200
    status, _, _ = client.get("points", post=b'{"points": [%d]}' % sum(COUNTS[layer]), **asked)
    assert status == 400


def softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def test_attention_of_every_kind(client: Client, directory: Path) -> None:
    run = tb_attnviz.open_run(directory)
    rows = [(slice(9, 18), slice(9, 18)), (slice(9, 18), slice(3, 8)), (slice(3, 8), slice(3, 8)), (slice(4, 8),) * 2]
    for layer, (queries, keys) in enumerate(rows):
        samples = run.samples(100, layer)
        logits = 0.5 * samples.queries[1, queries] @ samples.keys[1, keys].T
        if layer == 3:
            logits = np.where(np.isin([[0, 1, 2, 3]], [0, 3]) == np.isin([[0], [1], [2], [3]], [0, 3]), logits, -np.inf)
        found = client.array("attention", run="run", step=100, layer=layer, head=1, sequence=1)
        np.testing.assert_allclose(found, softmax(logits), atol=1e-5)
        mean = client.array("attention", run="run", step=100, layer=layer, head=1, sequence="mean")
        assert mean.shape == found.shape  # the second sequence is the longest


def test_a_row_a_column_and_what_all_come_to(client: Client, directory: Path) -> None:
    run = tb_attnviz.open_run(directory)
    asked = {"run": "run", "step": 100, "layer": 1, "head": 1, "sequence": 1}
    whole = run.attention(100, 1, 1, 1)  # (9, 5): patches attend to words
    np.testing.assert_allclose(client.array("attention", **asked, query=7), whole[7:8], atol=1e-6)
    np.testing.assert_allclose(client.array("attention", **asked, key=4), whole[:, 4:5], atol=1e-6)
    status, body, _ = client.get("attention", **asked, query=1, key=1)
    assert (status, "exclude each other" in str(body)) == (400, True)
    status, body, _ = client.get("attention", **asked, key=5)
    assert (status, "no key 5: sequence 1 has numbers 0 to 4 there" in str(body)) == (404, True)

    summary = client.json("image_summary", **{**asked, "layer": 0})
    expected = run.image_summary(100, 0, 1, 1)
    np.testing.assert_allclose(np.array(summary["offsets"]), expected.offsets.ravel(), rtol=1e-4)
    assert summary["distance"] == pytest.approx(expected.distance, rel=1e-4)
    status, body, _ = client.get("image_summary", **asked)
    assert (status, "are not of the same tokens" in str(body)) == (404, True)


def test_a_text_on_the_other_side_has_no_picture(client: Client) -> None:
    status, body, _ = client.get("image", run="run", sequence=1, side="key_tokens")
    assert (status, "the other side of sequence 1 has no image" in str(body)) == (404, True)
