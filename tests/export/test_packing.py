"""Pieces of a page, unpacked by hand."""

import base64
import gzip
import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tb_attnviz.export.packing import pack_document, pack_figures, pack_points, pack_weights, piece
from tests.export.pages import unpacked_figures, unpacked_points, unpacked_weights


@given(st.lists(st.floats(-1e6, 1e6, width=32) | st.just(float("nan")), min_size=1, max_size=40))
def test_points_are_rounded_to_a_65534th_of_their_scale_at_most(values: list[float]) -> None:
    points = np.array(values, np.float32)
    header, found = unpacked_points(pack_points(points))
    assert header["shape"] == [len(values)]
    np.testing.assert_array_equal(np.isnan(found), np.isnan(points))
    error = np.nanmax(np.abs(found - points), initial=0)
    assert error <= header["scale"] / 65534 * 1.001


def test_weights_are_rounded_to_a_131068th() -> None:
    weights = np.random.default_rng(0).random((3, 5), np.float32)
    header, found = unpacked_weights(pack_weights(weights, shapes=[[3, 5]]))
    assert header == {"shape": [3, 5], "shapes": [[3, 5]]}
    np.testing.assert_allclose(found.reshape(3, 5), weights, atol=0.5001 / 65534)
    _, extremes = unpacked_weights(pack_weights(np.array([0, 1, np.nan], np.float32)))
    np.testing.assert_array_equal(extremes, [0, 1, np.nan])


@given(st.lists(st.floats(width=32), min_size=1, max_size=40))
def test_figures_keep_eleven_bits_whatever_stands_beside_them(values: list[float]) -> None:
    figures = np.array(values, np.float32)
    header, found = unpacked_figures(pack_figures(figures))
    assert header["shape"] == [len(values)]
    np.testing.assert_array_equal(found[~np.isfinite(figures)], figures[~np.isfinite(figures)])
    finite = figures[np.isfinite(figures)].astype(float)
    smallest = np.abs(finite).max(initial=0) * 2.0**-38  # half of the least float16, where the largest is 2 ** 14
    np.testing.assert_allclose(found[np.isfinite(figures)], finite, rtol=2.0**-11, atol=smallest)


def test_a_document_spells_what_json_cannot() -> None:
    document = {"a": [float("nan"), float("-inf"), 0.5], "b": (1, None)}
    assert json.loads(pack_document(document)) == {"a": ["NaN", "-Infinity", 0.5], "b": [1, None]}


def test_a_piece_is_the_same_each_time() -> None:
    assert piece(b"abc" * 99) == piece(b"abc" * 99)
    assert gzip.decompress(base64.b64decode(piece(b"abc"))) == b"abc"
