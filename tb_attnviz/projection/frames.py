"""Frames in a store: fitted by whoever needs one first, found there by every other worker."""

import io
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tb_attnviz.projection.basis import Basis
from tb_attnviz.projection.frame import Axes, Frame, Paper, fit_frame
from tb_attnviz.projection.ports import Report, Store
from tb_attnviz.projection.projection import Normalisation
from tb_attnviz.projection.source import LayerSamples, Vectors

_RECENT = 4  # decoded frames that a process keeps: a worker shows a layer at many steps, 12 MB each

_recent: OrderedDict[str, Frame] = OrderedDict()


def stored_frame(
    key: str,
    source: LayerSamples,
    steps: Sequence[int],
    normalise: Normalisation,
    store: Store,
    report: Report,
    read: Mapping[int, Vectors],
) -> Frame:
    """The frame of `source` over `steps`: from this process or `store`, or fitted now and put there under `key`.

    read: the vectors of steps that were read before.
    """
    frame = _recent.pop(key, None)
    if frame is None:
        data = store.get(key)
        if data is None:
            frame = fit_frame(source, steps, normalise=normalise, on_progress=report, read=read)
            store.put(key, to_bytes(frame))
        else:
            frame = from_bytes(data)
    _recent[key] = frame
    while len(_recent) > _RECENT:
        _recent.popitem(last=False)
    return frame


def forget() -> None:
    """Keep none of them: the next one is found in its store, or fitted."""
    _recent.clear()


def to_bytes(frame: Frame) -> bytes:
    """The arrays of `frame` as an `.npz` file."""
    arrays: dict[str, npt.NDArray[Any]] = {"steps": np.array(frame.steps, np.int64)}
    for index, axes in enumerate(frame.axes):
        arrays |= {f"axes/{index}/{name}": array for name, array in vars(axes).items()}
    for projection, basis in frame.bases.items():
        arrays |= {f"bases/{projection}/{name}": array for name, array in vars(basis).items()}
    if frame.paper is not None:
        arrays |= {f"paper/{name}": array for name, array in vars(frame.paper).items()}
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy/numpy#23000: its stub takes a keyword for allow_pickle
    return file.getvalue()


def from_bytes(data: bytes) -> Frame:
    """What `to_bytes` wrote; runs no code that the data might carry."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        groups: dict[str, dict[str, npt.NDArray[Any]]] = {}
        for name in file.files:
            group, _, field = name.rpartition("/")
            groups.setdefault(group, {})[field] = file[name]
    bases = {
        group.removeprefix("bases/"): Basis(**fields) for group, fields in groups.items() if group.startswith("bases/")
    }
    axes = [group for group in groups if group.startswith("axes/")]
    return Frame(
        steps=tuple(int(step) for step in groups[""]["steps"]),
        axes=tuple(Axes(**groups[f"axes/{index}"]) for index in range(len(axes))),
        bases=bases,
        paper=Paper(**groups["paper"]) if "paper" in groups else None,
    )
