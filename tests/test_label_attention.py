"""Attention from kind to kind of token, against sums over the matrices that the run gives, and on a head by hand."""

from pathlib import Path

import numpy as np
import pytest

import tb_attnviz
from tb_attnviz import NotRecordedError
from tb_attnviz.events import Grid, Layer, ProbeRecord, RunWriter, Samples, Sequence

WORDS = Sequence(
    ("the", "cat", "sat", "on"),
    labels={"tag": ("D", "N", "V", "P"), "length": (3.0, 3.0, 3.0, 2.0), "case": tuple("abab")},
)
PATCHES = Sequence(("1", "2", "3"), labels={"tag": ("sky", "sky", "")})
PROBE = ProbeRecord(
    (
        Sequence(WORDS.tokens, labels=WORDS.labels, key_tokens=PATCHES),
        Sequence(("a", "dog"), labels={"tag": ("D", "N"), "length": (1.0, 3.0)}, key_tokens=PATCHES),
    )
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tb_attnviz.Run:
    """Head 0 of the decoder's layer attends to the token before; cross-attention and a grid of its own behind it."""
    directory = tmp_path_factory.mktemp("labels")
    one = {"heads": 2, "kv_heads": 1, "head_dim": 8, "scale": 1.0}
    layers = (
        Layer("own", **one, causal=True),
        Layer("across", **one, causal=False, keys_of="key_tokens"),
        Layer("pooled", **one, causal=False, keys_of="key_tokens", key_grid=Grid(1, 2)),
    )
    rng = np.random.default_rng(0)
    places = [0, 1, 2, 3, 0, 1]
    keys = np.eye(8, dtype=np.float32)[places][None]
    queries = rng.normal(size=(2, 6, 8)).astype(np.float32)
    queries[0] = 100 * np.eye(8)[[max(place - 1, 0) for place in places]]
    samples = [Samples(queries, keys)]
    samples += [Samples(queries, rng.normal(size=(1, n, 8)).astype(np.float32)) for n in (6, 4)]
    writer = RunWriter(str(directory))
    writer.write_probe(PROBE, step=0)
    writer.write_checkpoint(0, zip(layers, samples, strict=True))
    writer.close()
    return tb_attnviz.open_run(directory)


def test_a_previous_token_head_goes_from_each_kind_to_the_one_before(run: tb_attnviz.Run) -> None:
    found = run.label_attention(0, layer=0, head=0, label="tag")
    assert found.query_labels == found.key_labels == ("D", "N", "V", "P")
    assert found.queries.tolist() == [2, 2, 1, 1]
    np.testing.assert_allclose(found.attention, [[1, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]], atol=1e-3)
    np.testing.assert_allclose(found.even[1], [0.5, 0.5, 0, 0])
    np.testing.assert_allclose(found.even[3], [0.25] * 4)


def test_across_two_sides_it_is_what_the_matrices_sum_to(run: tb_attnviz.Run) -> None:
    found = run.label_attention(0, layer=1, head=1, label="tag")
    assert found.query_labels == ("D", "N", "V", "P")
    assert found.key_labels == ("sky", "")
    first, second = (run.attention(0, layer=1, head=1, sequence=sequence) for sequence in (0, 1))
    determiners = (first[0] + second[0]) / 2
    np.testing.assert_allclose(found.attention[0], [determiners[:2].sum(), determiners[2]], atol=1e-6)
    np.testing.assert_allclose(found.attention[2], [first[2, :2].sum(), first[2, 2]], atol=1e-6)
    np.testing.assert_allclose(found.even, [[2 / 3, 1 / 3]] * 4, atol=1e-6)


def test_a_query_that_is_not_finite_makes_its_own_kind_unknown_alone(tmp_path: Path) -> None:
    layer = Layer("across", 1, 1, 2, 1.0, causal=False, keys_of="key_tokens")
    queries = np.zeros((1, 6, 2), np.float32)
    queries[0, 1] = np.nan  # "cat", N; all others attend to all three keys alike
    writer = RunWriter(str(tmp_path))
    writer.write_probe(PROBE, step=0)
    writer.write_checkpoint(0, [(layer, Samples(queries, np.ones((1, 6, 2), np.float32)))])
    writer.close()
    found = tb_attnviz.open_run(tmp_path).label_attention(0, layer=0, head=0, label="tag")
    alike = [2 / 3, 1 / 3]
    np.testing.assert_allclose(found.attention, [alike, [np.nan] * 2, alike, alike], atol=1e-6)
    assert found.queries.tolist() == [2, 2, 1, 1]


@pytest.mark.parametrize(
    ("layer", "label", "message"),
    [
        (0, "role", "the probe has no label 'role': it has 'tag', 'length', 'case'"),
        (1, "case", "the probe has no label 'case': it has 'tag'"),
        (0, "length", r"the label 'length' is a number \(3.0\): a table needs one that is a name"),
        (2, "tag", "layer 2 attends on a grid of its own, whose patches have no label 'tag'"),
    ],
)
def test_what_has_no_table_is_refused_by_name(run: tb_attnviz.Run, layer: int, label: str, message: str) -> None:
    with pytest.raises(NotRecordedError, match=message):
        run.label_attention(0, layer, 0, label)
