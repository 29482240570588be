"""Samples: integers with a scale a vector lose what is under a 65532nd of its largest component, and nothing else."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tb_attnviz.events import Layer, RunWriter, Samples, StoredSamples, Vectors, read_samples
from tb_attnviz.events.locations import SamplesLocation
from tb_attnviz.events.samples import encode_samples

Float32 = npt.NDArray[np.float32]
magnitudes = st.floats(min_value=2.0**-100, max_value=2.0**120, width=32)


def round_trip(directory: Path, samples: Samples) -> Samples:
    record = b"".join(encode_samples(samples, step=3, layer_name="layer"))
    folder = directory / "plugins" / "attnviz"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "samples-3-0.events").write_bytes(b"ahead" + record)
    return read_samples(str(directory), "samples-3-0.events", SamplesLocation(5, len(record)))


@given(arrays(np.float32, (2, 3, 4), elements=st.floats(-1, 1, width=32)), magnitudes, magnitudes)
def test_every_vector_keeps_sixteen_bits(
    tmp_path_factory: pytest.TempPathFactory, values: Float32, first: float, second: float
) -> None:
    queries = values * np.array([first, second], np.float32)[:, None, None]
    read = round_trip(tmp_path_factory.mktemp("run"), Samples(queries, queries)).queries
    largest = np.abs(queries).max(axis=2, keepdims=True)  # of each vector
    smallest_normal = np.finfo(np.float32).smallest_normal  # vectors under it may become 0
    assert np.all(np.abs(read - queries) <= largest / 65532 * 1.01 + smallest_normal)


def test_a_vector_that_diverges_costs_the_others_nothing(tmp_path: Path) -> None:
    queries = np.array([[[1e30, -1e30], [0.5, 0.25]]], np.float32)
    read = round_trip(tmp_path, Samples(queries, queries)).queries
    np.testing.assert_allclose(read, queries, rtol=1e-4)


def test_non_finite_values_survive(tmp_path: Path) -> None:
    queries = np.array([[[1.0, np.nan], [np.inf, -np.inf]]], np.float32)
    read = round_trip(tmp_path, Samples(queries, queries)).queries
    np.testing.assert_array_equal(read, queries)


def test_bias_is_exact_and_optional(tmp_path: Path) -> None:
    array = np.zeros((1, 2, 2), np.float32)
    bias = np.array([[[[0.1, -np.inf], [3e-9, 1e30]]]], np.float32)
    read = round_trip(tmp_path, Samples(array, array, bias)).bias
    assert read is not None
    np.testing.assert_array_equal(read, bias)
    assert round_trip(tmp_path, Samples(array, array)).bias is None


def test_grouped_keys_are_stored_once_and_repeated_for_their_heads(tmp_path: Path) -> None:
    queries, keys = np.ones((6, 5, 2), np.float32), np.arange(20, dtype=np.float32).reshape(2, 5, 2)
    layer = Layer("layer", 6, 2, 2, 1.0, causal=False)
    checkpoint = RunWriter(str(tmp_path)).write_checkpoint(0, [(layer, Samples(queries, keys))])
    read = read_samples(str(tmp_path), checkpoint.file, checkpoint.locations[0])
    assert read.keys.shape == (2, 5, 2)
    np.testing.assert_allclose(read.expanded_keys(), keys[[0, 0, 0, 1, 1, 1]], rtol=1e-4)


def test_two_bytes_a_value_and_four_a_vector_on_disk(tmp_path: Path) -> None:
    queries = np.ones((4, 10_000, 64), np.float32)
    layer = Layer("layer", 4, 4, 64, 1.0, causal=False)
    checkpoint = RunWriter(str(tmp_path)).write_checkpoint(0, [(layer, Samples(queries, queries))])
    size = (tmp_path / "plugins" / "attnviz" / checkpoint.file).stat().st_size
    expected = 2 * (2 * queries.size + 4 * queries.size // 64)
    assert expected <= size < expected + 1000


def test_sinks_are_exact_and_optional(tmp_path: Path) -> None:
    array = np.ones((2, 3, 4), np.float32)
    sinks = np.array([0.1, -1e30], np.float32)
    read = round_trip(tmp_path, Samples(array, array, sinks=sinks)).sinks
    assert read is not None
    np.testing.assert_array_equal(read, sinks)
    assert round_trip(tmp_path, Samples(array, array)).sinks is None


def test_stored_vectors_are_the_same_record_and_what_is_read_of_it(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(40_000, 2, 4)).astype(np.float32)  # of more than one block
    values[39_999, 1] = (np.nan, np.inf, -np.inf, 2.0)
    queries, keys = values.transpose(1, 0, 2), values[:7].transpose(1, 0, 2).copy()
    samples = Samples(queries, keys, sinks=np.ones(2, np.float32))
    stored = StoredSamples(Vectors.of(queries), Vectors.of(keys), sinks=samples.sinks)
    records = [encode_samples(one, step=3, layer_name="layer") for one in (samples, stored)]
    assert records[0] == records[1]
    read, of_stored = round_trip(tmp_path, samples), stored.as_read()
    for one, other in ((read.queries, of_stored.queries), (read.keys, of_stored.keys), (read.sinks, of_stored.sinks)):
        np.testing.assert_array_equal(one, other)
