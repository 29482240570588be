"""Small maps as they are served: every head of a step in one array, at its place, on one scale."""

import io
from pathlib import Path

import numpy as np
import pytest

import tb_attnviz
from tb_attnviz.events import AttentionMap, FormatError, RunWriter
from tb_attnviz.plugin.maps_of_heads import REACH, in_one_array
from tb_attnviz.recompute import TooLargeError
from tb_attnviz.run import NotRecordedError
from tests.conftest import LAYERS, PROBE, write_checkpoint
from tests.plugin.conftest import asking, load


def values(codes: np.ndarray) -> np.ndarray:
    """By docs/http_api.md."""
    return np.where(codes == 0, np.nan, ((codes.astype(float) - 1) / 254) ** 2)


def looking_back(heads: int, length: int, by: int) -> AttentionMap:
    """Of heads that rest on the token `by` before theirs, and on the first one where there is none."""
    square = np.zeros((heads, length, length), np.float32)
    for query in range(length):
        square[:, query, max(query - by, 0)] = 1
    offsets = np.stack([np.diagonal(square, -o, 1, 2).mean(axis=1) for o in range(length - 1, -1, -1)], axis=1)
    return AttentionMap((length, length), square, square, offsets.astype(np.float32), offsets_from=(1 - length,))


def test_maps_of_layers_lie_side_by_side() -> None:
    layers = [{"text": looking_back(2, 5, by=1)}, {"text": looking_back(1, 3, by=0)}, {}]
    first = values(in_one_array(layers, (2, 1, 4), "text", "first"))
    assert first.shape == (7, 5, 5)
    np.testing.assert_array_equal(first[0], layers[0]["text"].first[0])
    np.testing.assert_array_equal(first[2, :3, :3], np.eye(3))
    assert np.isnan(first[2, 3:]).all()
    assert np.isnan(first[3:]).all()
    offsets = values(in_one_array(layers, (2, 1, 4), "text", "offsets"))
    assert offsets.shape == (7, 1, 9)
    assert offsets[0, 0, 4 - 1] == 1  # one token back
    assert offsets[2, 0, 4] == 1
    assert np.isnan(offsets[0, 0, 5:]).all()  # nothing lies ahead


def test_offsets_are_cut_where_no_cell_shows_them() -> None:
    [offsets] = values(in_one_array([{"text": looking_back(1, 200, by=REACH)}], (1,), "text", "offsets"))
    assert offsets.shape == (1, 2 * REACH + 1)
    assert offsets[0, 0] == 1
    assert offsets[0, REACH] == pytest.approx(1 / 200, abs=5e-4)  # the first token, on itself


def test_between_two_grids_there_is_no_offset() -> None:
    """Queries of 2 × 3 patches, whose keys are pooled to 1 × 2."""
    whole, none = np.ones((1, 6, 2), np.float32), np.zeros((1, 0), np.float32)
    pooled = {"1 × 2": AttentionMap((6, 2), whole, whole, none, (0, -1), np.ones((1, 1, 2), np.float32))}
    square = np.ones((1, 2, 2), np.float32)
    among = {"1 × 2": AttentionMap((2, 2), square, square, np.ones((1, 1, 3), np.float32), (0, -1), square[:, :1])}
    offsets = in_one_array([pooled, among], (1, 1), "1 × 2", "offsets")
    assert offsets.shape == (2, 1, 3)
    assert not offsets[0].any()
    assert offsets[1].all()
    assert in_one_array([pooled, among], (1, 1), "1 × 2", "received").all()


def test_patches_keep_their_grid() -> None:
    rng = np.random.default_rng(0)
    square, offsets, received = (rng.random(shape).astype(np.float32) for shape in ((2, 6, 6), (2, 3, 5), (2, 2, 3)))
    offsets[1, 0, 0] = np.nan
    layers = [{"2 × 3": AttentionMap((6, 6), square, square, offsets, (-1, -2), received)}]
    for part, array in (("offsets", offsets), ("received", received)):
        codes = in_one_array(layers, (2,), "2 × 3", part)
        np.testing.assert_allclose(values(codes), array, atol=0.004)
    nothing = in_one_array(
        [{"2 × 3": AttentionMap((6, 6), square, square, offsets[:, :0, 0], (1,))}], (2,), "2 × 3", "offsets"
    )
    np.testing.assert_array_equal(nothing, np.zeros((2, 1, 1)))  # as between two sequences
    with pytest.raises(NotRecordedError, match="no map 'first' of sequences 'text' here: there are maps of 2 × 3"):
        in_one_array(layers, (2,), "text", "first")
    with pytest.raises(NotRecordedError, match="there is no map 'received' of sequences 'text' here: it is of images"):
        in_one_array([{"text": looking_back(2, 5, by=1)}], (2,), "text", "received")


def test_maps_of_other_layers_and_of_grids_that_leave_all_empty_are_refused() -> None:
    with pytest.raises(FormatError, match="are of 1 layers, and the run has 2"):
        in_one_array([{"text": looking_back(2, 5, by=1)}], (2, 2), "text", "first")
    square = np.ones((1, 2, 2), np.float32)
    tall, wide = (np.ones((1, *sides), np.float32) for sides in ((2**16, 1), (1, 2**16)))
    layers = [{"x": AttentionMap((2, 2), square, square, square[:, :0, 0], (0,), one)} for one in (tall, wide)]
    with pytest.raises(TooLargeError, match="would take 8 GB together"):
        in_one_array(layers, (1, 1), "x", "received")


def test_maps_are_those_of_their_own_part(tmp_path: Path) -> None:
    """The maps of the same step that another start wrote are another model's."""
    maps = [{"repeated": looking_back(layer.heads, 10, by=4)} for layer in LAYERS]
    for layers in (LAYERS, LAYERS[:1]):
        writer = RunWriter(str(tmp_path / "run"))
        writer.begin(0, PROBE, layers)
        heads = sum(layer.heads for layer in layers)
        writer.write_health(0, {"sink": np.zeros(heads, np.float32)}, maps=maps[: len(layers)])
        writer.close()
    first, _ = sorted((tmp_path / "run" / "plugins" / "attnviz-figures" / "maps").iterdir())
    run = tb_attnviz.open_run(tmp_path / "run")
    assert [run.map_steps, run.earlier[0].map_steps] == [[0], [0]]
    first.unlink()
    run.reload()
    assert [run.map_steps, run.earlier[0].map_steps] == [[0], []]


def test_the_route(tmp_path: Path) -> None:
    writer = RunWriter(str(tmp_path / "run"))
    writer.begin(0, PROBE, LAYERS)
    for step in (0, 100):
        write_checkpoint(writer, step)
    maps = [{"repeated": looking_back(layer.heads, 10, by=4)} for layer in LAYERS]
    writer.write_health(150, {"sink": np.zeros(10, np.float32)}, maps=maps)  # between checkpoints
    writer.close()
    ask = asking(load(tmp_path))
    [entry] = ask("runs").json["runs"]  # type: ignore[index]
    assert entry["maps"] == {"steps": [150], "kinds": ["repeated"]}
    query = {"run": "run", "step": 150, "kind": "repeated", "part": "offsets"}
    answer = ask("maps", **query)
    codes = np.load(io.BytesIO(answer.data))
    assert codes.shape == (10, 1, 19)
    assert codes.dtype == np.uint8
    np.testing.assert_array_equal(codes[:, 0, 9 - 4], 255)
    assert ask("maps", headers={"If-None-Match": answer.headers["ETag"]}, **query).status_code == 304
    for changed, status, sentence in (
        ({"step": 100}, 404, "no small maps were recorded at step 100"),
        ({"kind": "text"}, 404, "there are maps of repeated"),
        ({"part": "all"}, 400, "must be one of first, pooled, offsets, received"),
    ):
        refused = ask("maps", **{**query, **changed})
        assert refused.status_code == status
        assert sentence in refused.json["error"]  # type: ignore[index]
    assert len(ask("maps", **{**query, "kind": "x" * 3000}).json["error"]) < 300  # type: ignore[index]
    for path in (tmp_path / "run" / "plugins" / "attnviz-figures" / "maps").iterdir():
        path.unlink()
    refused = ask("maps", **{**query, "part": "first"})
    assert refused.status_code == 404
    assert "were thinned" in refused.json["error"]  # type: ignore[index]
