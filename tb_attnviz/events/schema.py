"""What is said of starts, checkpoints and the samples that are left, as frozen dataclasses, and their JSON."""

import dataclasses
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from tb_attnviz.events import document_shapes
from tb_attnviz.events.documents import FormatError
from tb_attnviz.events.layers import Layer, beyond, says_of_layer, stored_layer
from tb_attnviz.events.locations import Locations, SamplesLocation
from tb_attnviz.events.order import Order
from tb_attnviz.events.shapes import MisfitError


@dataclasses.dataclass(frozen=True)
class Kept:
    """The samples `files` that are left. `before`: of an earlier start that may still write, the count that the list
    goes to; of all others it says everything."""

    files: frozenset[str]
    before: dict[int, int]
    order: Order | None = None

    def to_content(self) -> dict[str, Any]:
        return {"files": sorted(self.files), "before": {str(start): count for start, count in self.before.items()}}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "Kept":
        before = {int(start): count for start, count in document.get("before", {}).items()}
        return cls(frozenset(document["files"]), before, Order.of(document))

    def keeps(self, checkpoint: "Checkpoint") -> bool:
        """Whether the samples of a checkpoint that was written before are left."""
        order = checkpoint.order
        later = order is not None and order.count > self.before.get(order.start, order.count)
        return later or checkpoint.file in self.files


@dataclasses.dataclass(frozen=True, slots=True)
class CheckpointDocument:
    """What the document of a checkpoint says: of its layers where their samples are, and what was not announced."""

    step: int
    file: str
    probe: str | None
    order: Order | None
    locations: Locations
    further: Mapping[int, dict[str, Any]]  # number of a layer → its entry, if that says more of it
    figures: tuple[int, int] | None = None  # count and step of the record of figures before it, of the same start

    @classmethod
    def of(cls, document: dict[str, Any]) -> "CheckpointDocument":
        entries, probe = document["layers"], document.get("probe")
        places = (SamplesLocation(e["offset"], e["length"], e.get("checksum")) for e in entries)
        return cls(
            step=document["step"],
            file=document["file"],
            probe=None if probe is None else sys.intern(probe),  # the same one again and again
            order=Order.of(document),
            locations=Locations.of(places),
            further={number: entry for number, entry in enumerate(entries) if says_of_layer(entry)},
            figures=tuple(document["figures"]) if "figures" in document else None,
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was recorded at one step: `file` is a name in the run's `plugins/attnviz` directory.

    `probe`: the fingerprint of the probe whose tokens the samples are of, and `order`: where it stands in the writing
    of the run; both None in version 1.
    """

    step: int
    file: str
    layers: tuple[Layer, ...]
    locations: Sequence[SamplesLocation]
    probe: str | None = None
    order: Order | None = None

    @property
    def digest(self) -> str | None:
        """Equal for equal samples of the same step, whenever they were recorded; None in version 1."""
        checksums = [location.checksum for location in self.locations]
        if None in checksums:
            return None
        return hashlib.sha256(json.dumps([self.step, self.probe, checksums]).encode()).hexdigest()[:16]

    def to_content(self, announced: tuple[Layer, ...]) -> dict[str, Any]:
        """What the checkpoint's document holds: of its layers, what was not `announced` of them."""
        known = announced if len(announced) == len(self.layers) else (None,) * len(self.layers)
        layers = [
            {**beyond(layer, of), **dataclasses.asdict(location)}
            for layer, of, location in zip(self.layers, known, self.locations, strict=True)
        ]
        return {"file": self.file, "probe": self.probe, "layers": layers}

    @classmethod
    def from_document(cls, document: CheckpointDocument, announced: tuple[Layer, ...] = ()) -> "Checkpoint":
        """Raises FormatError where the document says less of a layer than it takes, and `announced` does not either."""
        locations, further = document.locations, document.further
        known = announced if len(announced) == len(locations) and document.order else (None,) * len(locations)
        layers = announced
        if further or known is not announced:
            try:
                layers = tuple(stored_layer(further.get(number, {}), of) for number, of in enumerate(known))
                document_shapes.check_heads(layer.heads for layer in layers)
            except MisfitError as error:
                raise FormatError(f"the checkpoint document is damaged: {error}") from None
        return cls(document.step, document.file, layers, locations, document.probe, document.order)


@dataclasses.dataclass(frozen=True)
class Start:
    """A start of the recorder: who writes, and from which step on what was recorded before is to be forgotten.

    `key` is its own among all starts of all runs, and part of the names of its files.
    """

    writer: Mapping[str, Any]
    key: str
    purge: int | None = None

    def to_content(self) -> dict[str, Any]:
        return {"writer": dict(self.writer), "key": self.key, "purge": self.purge}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "Start":
        return cls(document["writer"], document["key"], document.get("purge"))
