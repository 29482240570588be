"""Whether samples are sound: arrays that fit one another, and the layer and the probe that they are said to be of.

Attention is computed from them without looking again, and grouped keys are repeated for their heads: what does not fit
is refused before that.
"""

from typing import Any

import numpy.typing as npt

from tb_attnviz.events.layers import Layer, Lengths
from tb_attnviz.events.records import CorruptRecordError

Arrays = dict[str, npt.NDArray[Any]]  # as they are stored, by their names in DIMENSIONS

MOST_NUMBERS = 2**30  # of the keys of all heads, 4 GiB: as many as 64 heads of 128 have at 130,000 tokens

DIMENSIONS = {
    "queries": 3,
    "queries_scale": 2,
    "keys": 3,
    "keys_scale": 2,
    "bias": 4,
    "sinks": 1,
    "windows": 2,
    "value_norms": 2,
}
_KINDS = {"queries": "i2", "keys": "i2", "windows": "i4"}  # the others: f4


def check_arrays(arrays: Arrays) -> None:
    """Raises CorruptRecordError unless these fit one another."""
    for name in ("queries", "queries_scale", "keys", "keys_scale"):
        if name not in arrays:
            raise CorruptRecordError(f"its {name} are missing")
    for name, array in arrays.items():
        if array.ndim != DIMENSIONS[name] or array.dtype.str[1:] != _KINDS.get(name, "f4"):
            raise CorruptRecordError(f"its {name} are {array.dtype} {list(array.shape)}, which they cannot be")
        if 0 in array.shape:
            raise CorruptRecordError(f"its {name} are empty: {list(array.shape)}")
    queries, keys = arrays["queries"].shape, arrays["keys"].shape
    _equal("queries_scale", arrays["queries_scale"].shape, queries[:-1])
    _equal("keys_scale", arrays["keys_scale"].shape, keys[:-1])
    if queries[2] != keys[2] or queries[0] % keys[0]:
        raise CorruptRecordError(f"its queries {list(queries)} and keys {list(keys)} do not fit each other")
    if queries[0] * keys[1] * keys[2] > MOST_NUMBERS:
        raise CorruptRecordError(
            f"the keys of its {queries[0]:,} heads would take {queries[0] * keys[1] * keys[2] * 4 / 2**30:,.0f} GB"
        )
    if "sinks" in arrays:
        _equal("sinks", arrays["sinks"].shape, queries[:1])
    if "value_norms" in arrays:
        norms = arrays["value_norms"].shape
        if queries[0] % norms[0] or norms[1] != keys[1]:
            raise CorruptRecordError(f"its value_norms {list(norms)} do not fit its keys {list(keys)}")
    if "bias" in arrays and arrays["bias"].shape[1] not in (1, queries[0]):
        raise CorruptRecordError(f"its bias {list(arrays['bias'].shape)} is not of its {queries[0]:,} heads")


def check_fits(arrays: Arrays, layer: Layer, lengths: Lengths) -> None:
    """Raises CorruptRecordError unless these are of `layer`, with so many queries and keys of each sequence."""
    _equal("queries", arrays["queries"].shape, (layer.heads, sum(lengths.queries), layer.head_dim))
    _equal("keys", arrays["keys"].shape, (layer.kv_heads, sum(lengths.keys), layer.head_dim))
    windows, bias = arrays.get("windows"), arrays.get("bias")
    if windows is not None and (windows.min() < 0 or windows.max() >= min(*lengths.queries, *lengths.keys)):
        raise CorruptRecordError("its windows name tokens that no sequence has")
    if bias is None:
        return
    if windows is None:
        count, longest = len(lengths.queries), (max(lengths.queries), max(lengths.keys))
    else:
        count, longest = len(windows), (windows.shape[1], windows.shape[1])
    of, _, n_query, n_key = bias.shape
    if of not in (1, count) or n_query < longest[0] or n_key < longest[1]:
        of_what = "the probe's sequences" if windows is None else "its windows"
        raise CorruptRecordError(f"its bias {list(bias.shape)} is not of {of_what}")


def _equal(name: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if shape != expected:
        raise CorruptRecordError(f"its {name} are {list(shape)}, not {list(expected)}")
