"""What an even head gives a key: against the mean over all queries, one by one."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tb_attnviz.events import Layer, Lengths
from tb_attnviz.findings import chance

LONG = 2**24  # patches that a layer's grid of 4,096 × 4,096 has


def layer(*, causal: bool) -> Layer:
    return Layer("a", 1, 1, 1, 1.0, causal=causal)


def one_by_one(n_query: int, n_key: int, offset: int | None, *, causal: bool) -> float:
    """`offset` None: of the first key."""
    found = []
    for query in range(n_query):
        key, seen = 0 if offset is None else query + offset, min(query + 1, n_key) if causal else n_key
        if 0 <= key < n_key and not (causal and key > query):
            found.append(1 / seen)
    return float(np.mean(found)) if found else float("nan")


@given(st.integers(1, 200), st.integers(1, 200), st.integers(-210, 210), st.booleans())
def test_it_is_the_mean_over_the_queries(n_query: int, n_key: int, offset: int, causal: bool) -> None:
    lengths, described = Lengths((n_query,), (n_key,)), layer(causal=causal)
    wanted = one_by_one(n_query, n_key, offset, causal=causal)
    assert chance.at_offset(described, lengths, offset) == pytest.approx(wanted, rel=1e-12, nan_ok=True)
    wanted = one_by_one(n_query, n_key, None, causal=causal)
    assert chance.on_first(described, lengths) == pytest.approx(wanted, rel=1e-12)


def test_very_long_sequences_take_no_memory() -> None:
    lengths = Lengths((LONG,) * 3, (LONG,) * 3)
    tracemalloc.start()
    found = [chance.at_offset(layer(causal=causal), lengths, -1) for causal in (True, False)]
    found.append(chance.on_first(layer(causal=True), lengths))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    harmonic = np.sum(1 / np.arange(1.0, LONG + 1))
    assert found == pytest.approx([(harmonic - 1) / (LONG - 1), 1 / LONG, harmonic / LONG], rel=1e-9)
    assert peak < 1e6
