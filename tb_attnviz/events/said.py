"""What the summaries of a run say, each by itself: parsed, checked, and with when it was written."""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from tensorboard.compat.proto.tensor_pb2 import TensorProto

from tb_attnviz.events import document_shapes
from tb_attnviz.events.alert_record import AlertRecord
from tb_attnviz.events.documents import FormatError, VersionError, load
from tb_attnviz.events.layers import layers_from_document
from tb_attnviz.events.order import Order
from tb_attnviz.events.probe_record import ProbeRecord
from tb_attnviz.events.schema import CheckpointDocument, Kept, Start
from tb_attnviz.events.shapes import Shape, shown
from tb_attnviz.events.shares import check_share
from tb_attnviz.events.tensors import as_array, document_text

Written = tuple[int, float, int]
"""When something was written: start, count, and a rank; of version 1 start 0, and the order of reading or wall time."""

Tensor: TypeAlias = TensorProto | npt.NDArray[Any]

TAG = "attnviz/"
_RANKS = {"probe": 0, "layers": 1, "checkpoint": 3, "kept": 4}  # of version 1, within one wall time; figures: 2
_READERS: dict[str, tuple[Shape, Callable[[dict[str, Any]], Any]]] = {
    "start": (document_shapes.START, Start.from_document),
    "end": (document_shapes.END, lambda document: {kind: tuple(at) for kind, at in document["newest"].items()}),
    "probe": (document_shapes.PROBE, ProbeRecord.from_document),
    "layers": (document_shapes.LAYERS, lambda document: (layers_from_document(document), document.get("probe"))),
    # Of layers that were announced elsewhere: the rest is looked at where they are known (Checkpoint.from_document).
    "checkpoint": (document_shapes.CHECKPOINT, CheckpointDocument.of),
    "kept": (document_shapes.KEPT, Kept.from_document),
    "alert": (document_shapes.ALERTS, AlertRecord.from_document),
}


@dataclasses.dataclass(slots=True)
class Said:
    """One thing that was written: `content` is what its `kind` has.

    `previous`: count and step of the one of its kind before it, of the same start.
    """

    written: Written
    kind: str
    step: int
    content: Any
    previous: tuple[int, int] | None = None


class DamagedError(FormatError):
    """One thing that a run holds cannot be read; `kind`, `step` and `start` are what its summary says it is."""

    def __init__(self, kind: str, step: int, sentence: str, *, start: int = 1) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.step = step
        self.start = start


def read_summary(tag: str, step: int, when: float, tensor: Tensor, *, where: str = "") -> Said | None:
    """What a summary says; None for tags that are not ours. `where` it was found, for people.

    `when` orders what version 1 wrote: the order of reading, or its wall time. Raises VersionError for a document
    of another version, DamagedError for one that cannot be read.
    """
    kind, _, rest = tag.removeprefix(TAG).partition("/")
    if not tag.startswith(TAG) or (kind not in _READERS and kind != "health"):
        return None
    found = f"step {step}{where and f', {where}'}"
    try:
        array = as_array(tensor) if isinstance(tensor, TensorProto) else tensor
        if kind == "health":
            return Said((0, when, 2), "figure", step, (rest, _figure(rest, array)))
        return read_document(kind, document_text(array), when, step)
    except VersionError as error:
        raise VersionError(f"{error} ({found})") from None
    except FormatError as error:
        start = int(rest) if rest.isdecimal() and len(rest) < 10 else 1
        named = f"{kind}/{rest[:80]}" if kind == "health" else kind
        raise DamagedError(named, step, f"{error} ({found})", start=start) from None


def read_document(kind: str, text: str, when: float, step: int) -> Said:
    """What a document says that was found at `step`. Raises VersionError, FormatError."""
    shape, reader = _READERS[kind]
    document = load(text, kind, shape)
    order = Order.of(document)
    if order is not None:
        written: Written = (order.start, order.count, 0)
    elif document.get("step", step) == step:
        written = (0, when, _RANKS.get(kind, 2))
    else:
        raise FormatError(f"the {kind} document is damaged: it says that it is of step {shown(document['step'])}")
    count, before = document.get("previous") or (None, 0)
    previous = None if count is None else (count, before)
    return Said(written, kind, document.get("step", step), reader(document), previous)


def _figure(name: str, array: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Raises FormatError unless it is a number for each head."""
    fits = array.ndim == 1 and array.dtype.kind == "f" and 1 <= len(array) <= document_shapes.MOST_HEADS
    if not fits or len(name) > document_shapes.LONGEST_NAME:
        raise FormatError(f"the figure {shown(name)} is damaged: it is no list of numbers, one for each head")
    check_share(name, array)
    return array.astype(np.float32)
