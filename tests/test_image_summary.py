"""What attention within an image comes to, and parts of a matrix, against the whole."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import tb_attnviz
from tb_attnviz import NotRecordedError
from tb_attnviz.events import Grid, Layer, ProbeRecord, RunWriter, Samples, Sequence
from tb_attnviz.image_summary import summarise

GRID = Grid(2, 3)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tb_attnviz.Run:
    """Two images with [CLS], and a text, each behind the other; a second layer has a grid of its own for its keys."""
    directory = tmp_path_factory.mktemp("summary")
    image = Sequence(("[CLS]", *GRID.tokens), "image", grid=GRID)
    probe = ProbeRecord((image, image, Sequence(("a", "b", "c"))))
    options = {"heads": 2, "kv_heads": 1, "head_dim": 4, "scale": 0.5, "values": True}
    layers = (Layer("self", causal=False, **options), Layer("pooled", causal=False, **options, key_grid=Grid(1, 3)))
    rng = np.random.default_rng(0)

    def of(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return rng.normal(size=shape).astype(np.float32)

    writer = RunWriter(str(directory))
    writer.write_probe(probe, step=0)
    queries = probe.tokens
    samples = [Samples(of(2, queries, 4), of(1, n, 4), value_norms=np.abs(of(1, n))) for n in (queries, 9)]
    writer.write_checkpoint(0, zip(layers, samples, strict=True))
    writer.close()
    return tb_attnviz.open_run(directory)


@pytest.mark.parametrize("weight", [None, "values"])
@pytest.mark.parametrize("sequence", [0, 2, "mean"])
def test_a_row_and_a_column_are_those_of_the_matrix(run: tb_attnviz.Run, sequence: int, weight: str) -> None:
    whole = run.attention(0, 0, 1, sequence, weight=weight)  # type: ignore[arg-type]
    for token in range(len(whole)):
        row = run.attention(0, 0, 1, sequence, weight=weight, query=token)  # type: ignore[arg-type]
        column = run.attention(0, 0, 1, sequence, weight=weight, key=token)  # type: ignore[arg-type]
        np.testing.assert_allclose(row, whole[token : token + 1], atol=1e-7)
        np.testing.assert_allclose(column, whole[:, token : token + 1], atol=1e-7)


def test_it_is_the_mean_over_pairs_of_patches() -> None:
    rng = np.random.default_rng(1)
    attention = rng.dirichlet(np.ones(7), 7).astype(np.float32)
    found = summarise(attention, GRID)
    far, sums = [], {}  # type: ignore[var-annotated]
    for i, (row, column) in enumerate(GRID.places):
        weights = attention[1 + i, 1:]
        far.append(sum(w * math.hypot(r - row, c - column) for w, (r, c) in zip(weights, GRID.places, strict=True)))
        far[-1] /= weights.sum()
        for w, (r, c) in zip(weights, GRID.places, strict=True):
            sums.setdefault((r - row, c - column), []).append(w)
    assert found.distance == pytest.approx(np.mean(far), rel=1e-6)
    assert found.offsets.shape == (3, 5)
    for (down, right), weights in sums.items():
        assert found.offsets[down + 1, right + 2] == pytest.approx(np.mean(weights), rel=1e-6)


def test_nothing_to_average_is_said_as_nan() -> None:
    found = json.loads(summarise(np.eye(7, dtype=np.float32)[[0] * 7], GRID).to_json())  # all rests on [CLS]
    assert found["distance"] == "NaN"
    assert set(found["offsets"]) == {0.0}


def test_what_is_not_there_is_told(run: tb_attnviz.Run, tmp_path: Path) -> None:
    for arguments, told in (
        ((0, 1, 0, 0), "queries and keys of layer 1 are not of the same tokens"),
        ((0, 0, 0, 2), "sequence 2 is no image"),
        ((0, 0, 0, 99), "no sequence 99"),
        ((0, 0, 0, "mean"), "the images have different grids: there is no mean"),
    ):
        with pytest.raises(NotRecordedError, match=told):
            run.image_summary(*arguments)  # type: ignore[arg-type]
    with pytest.raises(NotRecordedError, match=r"no query 3: sequence 2 has numbers 0 to 2 there"):
        run.attention(0, 0, 0, 2, query=3)
    assert run.image_summary(0, 0, 0, 1).offsets.shape == (3, 5)
