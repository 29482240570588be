"""What worker processes do for the plugin. Each takes `report(done, total)` and little data, and returns little."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tb_attnviz.attention import mean_attention, sequence_attention
from tb_attnviz.events import Layer, SamplesLocation, read_samples
from tb_attnviz.projection import Frame, LayerSamples, fit_frame
from tb_attnviz.projection.jobs import Report


def fit(source: LayerSamples, steps: Sequence[int], *, report: Report) -> Frame:
    """The frame of a layer over `steps`."""
    return fit_frame(source, steps, on_progress=report)


def points(frame: Frame, source: LayerSamples, step: int, projection: str, dims: int, *, report: Report) -> bytes:
    """The points of a layer at `step`, `.npy` float32 [heads, n_query + n_key, dims]."""
    return _npy(frame.points(source, step, projection, dims))


def attention(
    directory: str,
    file: str,
    location: SamplesLocation,
    layer: Layer,
    lengths: Sequence[int],
    head: int,
    sequence: int | None,
    *,
    report: Report,
) -> bytes:
    """The attention of one head, `.npy` float32 [n_query, n_key]; the mean over all sequences for None."""
    samples = read_samples(directory, file, location)
    if sequence is None:
        return _npy(mean_attention(samples, layer, lengths, head))
    return _npy(sequence_attention(samples, layer, lengths, head, sequence))


def _npy(array: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array, dtype="<f4"))
    return buffer.getvalue()
