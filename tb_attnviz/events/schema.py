"""What is said of layers, checkpoints and alerts, as frozen dataclasses, and their JSON."""

import dataclasses
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from tensorboard.backend import json_util

from tb_attnviz.events import document_shapes
from tb_attnviz.events.documents import FormatError
from tb_attnviz.events.locations import Locations, SamplesLocation
from tb_attnviz.events.order import Order
from tb_attnviz.events.probe_record import Grid, ProbeRecord, Side
from tb_attnviz.events.shapes import MisfitError


@dataclasses.dataclass(frozen=True)
class Lengths:
    """How many queries and keys of a layer each sequence has."""

    queries: tuple[int, ...]
    keys: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Layer:
    """One attention of the model, and what is needed beside its samples to compute its logits.

    `scale` multiplies q·k; `softcap` c then bounds it to c·tanh(· / c); `causal` hides the keys after the query. Any
    other mask or bias, and the sinks, are arrays in the samples.
    Where only some of the model's layers or heads are recorded, `number` and `head_numbers` say which they are in the
    model; None: all of them are recorded, in order.
    Queries and keys are those of one side of the probe's sequences each: all its tokens, or, where a grid is given,
    the patches of that grid in their place, behind so many `special` ones without a place ([CLS]). `values`: the norms
    of their values are in the samples.
    """

    name: str
    heads: int
    kv_heads: int
    head_dim: int
    scale: float
    causal: bool
    softcap: float | None = None
    number: int | None = None
    head_numbers: tuple[int, ...] | None = None
    queries_of: Side = "tokens"
    keys_of: Side = "tokens"
    query_grid: Grid | None = None
    key_grid: Grid | None = None
    query_special: int = 0
    key_special: int = 0
    values: bool = False

    @property
    def attends(self) -> Literal["self", "cross"]:
        """Among the tokens of one side, or from one side to the other."""
        return "self" if self.queries_of == self.keys_of else "cross"

    def lengths(self, probe: ProbeRecord) -> Lengths:
        return Lengths(
            _lengths(probe, self.queries_of, self.query_grid, self.query_special),
            _lengths(probe, self.keys_of, self.key_grid, self.key_special),
        )

    @property
    def tokens(self) -> tuple[object, ...]:
        """From which tokens to which it attends: equal for layers whose points answer to each other."""
        grids = (self.query_grid, self.key_grid, self.query_special, self.key_special)
        return (self.queries_of, self.keys_of, *grids)

    @property
    def identity(self) -> tuple[object, ...]:
        """What stays while the same model trains: all but the values that training may change."""
        return (self.name, self.heads, self.kv_heads, self.head_dim, self.number, self.head_numbers, *self.tokens)

    def in_model(self, index: int, head: int) -> tuple[int, int]:
        """The model's own numbers of this layer and of a head, which are `index` and `head` among the recorded ones."""
        number = index if self.number is None else self.number
        return number, head if self.head_numbers is None else self.head_numbers[head]

    @classmethod
    def from_entry(cls, entry: dict[str, Any]) -> "Layer":
        """A layer from its JSON. Fields that have a default may be missing: they came later than the format."""
        known = {field.name: entry[field.name] for field in dataclasses.fields(cls) if field.name in entry}
        if known.get("head_numbers") is not None:
            known["head_numbers"] = tuple(known["head_numbers"])
        for name in ("query_grid", "key_grid"):
            if known.get(name) is not None:
                known[name] = Grid(known[name]["rows"], known[name]["columns"])
        return cls(**known)


_FIELDS = frozenset(field.name for field in dataclasses.fields(Layer))


def layers_to_content(layers: tuple[Layer, ...], probe: str | None) -> dict[str, Any]:
    """The layers that are recorded from some step on, on the probe of this fingerprint."""
    return {"probe": probe, "layers": [_entry(layer) for layer in layers]}


def layers_from_document(document: dict[str, Any]) -> tuple[Layer, ...]:
    return tuple(Layer.from_entry(entry) for entry in document["layers"])


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
            further={number: entry for number, entry in enumerate(entries) if not _FIELDS.isdisjoint(entry)},
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
            {**_beyond(layer, of), **dataclasses.asdict(location)}
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
                layers = tuple(_stored_layer(further.get(number, {}), of) for number, of in enumerate(known))
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


@dataclasses.dataclass(frozen=True)
class AlertedHead:
    """A head that an alert is about, numbered as in the checkpoints, and the value of its figure."""

    layer: int
    head: int
    value: float


@dataclasses.dataclass(frozen=True)
class Alert:
    """Heads broke a rule of attention's health at `step` (`raised`), or keep it again.

    `sentence` says so to a person; `heads`: the worst one first.
    """

    step: int
    rule: str
    figure: str
    raised: bool
    limit: float
    sentence: str
    heads: tuple[AlertedHead, ...]


@dataclasses.dataclass(frozen=True)
class AlertRecord:
    """What the rules said at one step: the changes, and how many alerts stand since (one a rule and head)."""

    step: int
    alerts: tuple[Alert, ...]
    active: int

    def to_content(self) -> dict[str, Any]:
        alerts = []
        for alert in self.alerts:
            heads = [{**dataclasses.asdict(head), "value": json_util.Cleanse(head.value)} for head in alert.heads]
            fields = {name: getattr(alert, name) for name in ("rule", "figure", "raised", "limit", "sentence")}
            alerts.append({**fields, "heads": heads})
        return {"active": self.active, "alerts": alerts}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "AlertRecord":
        step = document["step"]
        alerts = []
        for entry in document["alerts"]:
            heads = tuple(AlertedHead(h["layer"], h["head"], float(h["value"])) for h in entry["heads"])
            fields = {name: entry[name] for name in ("rule", "figure", "raised", "limit", "sentence")}
            alerts.append(Alert(step=step, **fields, heads=heads))
        return cls(step, tuple(alerts), document["active"])


def _entry(layer: Layer) -> dict[str, Any]:
    """All fields of `layer`, as JSON has them."""
    numbers = None if layer.head_numbers is None else list(layer.head_numbers)
    return {**dataclasses.asdict(layer), "head_numbers": numbers}


def _beyond(layer: Layer, announced: Layer | None) -> dict[str, Any]:
    """The fields of `layer` that are others than those announced; all if nothing was, but special tokens of none."""
    entry = _entry(layer)
    if announced is None or layer.name != announced.name:
        return {name: value for name, value in entry.items() if value or name not in ("query_special", "key_special")}
    known = _entry(announced)
    return {name: value for name, value in entry.items() if value != known[name]}


def _stored_layer(entry: dict[str, Any], announced: Layer | None) -> Layer:
    """The layer of a checkpoint's entry: the same object as was announced, unless the entry says more of it.

    Raises MisfitError.
    """
    if announced is None or entry:
        entry = entry if announced is None else {**_entry(announced), **entry}
        document_shapes.LAYER(entry)
        announced = Layer.from_entry(entry)
    return announced


def _lengths(probe: ProbeRecord, side: Side, grid: Grid | None, special: int) -> tuple[int, ...]:
    if grid is not None:
        return (special + grid.size,) * len(probe.sequences)
    return tuple(len(sequence.tokens) for sequence in probe.side(side))
