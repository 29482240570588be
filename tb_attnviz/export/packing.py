"""Packing: arrays and documents as the pieces of a page: gzip, then base64.

An array is two bytes a number: a header's length (uint32), the header (JSON: shape, scale, and what else is to be
said), then the numbers. Points are int16 of their scale, -32768 for what is not a number; weights are uint16 of
1/65,534, 65535 for what is not a number: what that rounds away is at most 1/65,534 of the scale, less than a hundredth
of a pixel. Figures, which may be of any size beside each other, are float16 of a power of two: 11 bits of each.
"""

import base64
import gzip
import json
import struct
from typing import Any

import numpy as np
from tensorboard.backend import json_util

from tb_attnviz.array_types import Float32

_HEADER = struct.Struct("<I")
_STEPS = 32767  # on either side of 0
_WEIGHT_STEPS = 65534
_HALF_BITS = 15  # the largest figure lies below 2 to this power, where float16 ends at twice that
_LEVEL = 6  # of gzip: 9 takes twice as long for a hundredth less


def pack_points(points: Float32, **said: Any) -> bytes:
    """Any shape, any range; what is not finite becomes NaN."""
    finite = np.isfinite(points)
    scale = float(np.abs(points, where=finite, out=np.zeros_like(points)).max(initial=0)) or 1.0
    # In double precision: of the smallest scales the factor is beyond a float32.
    whole = np.rint(np.where(finite, points, 0).astype(np.float64) / scale * _STEPS)
    numbers = np.where(finite, whole, -_STEPS - 1).astype("<i2")
    return _array({"shape": points.shape, "scale": scale, **said}, numbers.tobytes())


def pack_weights(weights: Float32, **said: Any) -> bytes:
    """Any shape; each in [0, 1], or NaN."""
    known = ~np.isnan(weights)
    whole = np.rint(np.clip(np.where(known, weights, 0), 0, 1) * _WEIGHT_STEPS)
    numbers = np.where(known, whole, _WEIGHT_STEPS + 1).astype("<u2")
    return _array({"shape": weights.shape, **said}, numbers.tobytes())


def pack_figures(figures: Float32) -> bytes:
    """Any shape, any range; what is not finite stays what it is."""
    largest = float(np.abs(figures, where=np.isfinite(figures), out=np.zeros_like(figures)).max(initial=0))
    scale = 2.0 ** (int(np.frexp(largest)[1]) - _HALF_BITS)
    return _array(
        {"shape": figures.shape, "scale": scale}, (figures.astype(np.float64) / scale).astype("<f2").tobytes()
    )


def pack_document(document: Any) -> bytes:
    """JSON; non-finite numbers are strings, as in the HTTP API."""
    return json.dumps(json_util.Cleanse(document), allow_nan=False, separators=(",", ":")).encode()


def piece(data: bytes) -> bytes:
    """As it stands in the page. Equal data give equal pieces."""
    return base64.b64encode(gzip.compress(data, _LEVEL, mtime=0))


def _array(header: dict[str, Any], numbers: bytes) -> bytes:
    text = json.dumps(header).encode()
    text += b" " * (-(_HEADER.size + len(text)) % 4)
    return _HEADER.pack(len(text)) + text + numbers
