"""What is said of layers, checkpoints and alerts, as frozen dataclasses, and their JSON."""

import dataclasses
from collections.abc import Iterable
from typing import Any, Literal

from tensorboard.backend import json_util

from tb_attnviz.events import document_shapes
from tb_attnviz.events.documents import dump, load
from tb_attnviz.events.probe_record import Grid, ProbeRecord, Side


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
    the patches of that grid in their place. `values`: the norms of their values are in the samples.
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
    values: bool = False

    @property
    def attends(self) -> Literal["self", "cross"]:
        """Among the tokens of one side, or from one side to the other."""
        return "self" if self.queries_of == self.keys_of else "cross"

    def lengths(self, probe: ProbeRecord) -> Lengths:
        return Lengths(_lengths(probe, self.queries_of, self.query_grid), _lengths(probe, self.keys_of, self.key_grid))

    @property
    def tokens(self) -> tuple[object, ...]:
        """From which tokens to which it attends: equal for layers whose points answer to each other."""
        return (self.queries_of, self.keys_of, self.query_grid, self.key_grid)

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


def layers_to_json(layers: tuple[Layer, ...]) -> str:
    """The layers that are recorded from some step on."""
    return dump({"layers": [dataclasses.asdict(layer) for layer in layers]})


def layers_from_json(text: str) -> tuple[Layer, ...]:
    """Raises FormatError if the document is damaged or of another version; so do all that read one."""
    document = load(text, "list of layers", document_shapes.LAYERS)
    return tuple(Layer.from_entry(entry) for entry in document["layers"])


def kept_to_json(files: Iterable[str]) -> str:
    """The samples files that are left, of all that were written before."""
    return dump({"files": list(files)})


def kept_from_json(text: str) -> frozenset[str]:
    return frozenset(load(text, "list of samples files", document_shapes.KEPT)["files"])


@dataclasses.dataclass(frozen=True)
class SamplesLocation:
    """Where the samples of one layer lie: a record of `length` bytes at `offset` of the checkpoint's file."""

    offset: int
    length: int


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """What was recorded at one step: `file` is a name in the run's `plugins/attnviz` directory."""

    step: int
    file: str
    layers: tuple[Layer, ...]
    locations: tuple[SamplesLocation, ...]

    def to_json(self) -> str:
        layers = [
            {**dataclasses.asdict(layer), **dataclasses.asdict(location)}
            for layer, location in zip(self.layers, self.locations, strict=True)
        ]
        return dump({"step": self.step, "file": self.file, "layers": layers})

    @classmethod
    def from_json(cls, text: str) -> "Checkpoint":
        document = load(text, "checkpoint", document_shapes.CHECKPOINT)
        return cls(
            step=document["step"],
            file=document["file"],
            layers=tuple(Layer.from_entry(entry) for entry in document["layers"]),
            locations=tuple(SamplesLocation(entry["offset"], entry["length"]) for entry in document["layers"]),
        )


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

    def to_json(self) -> str:
        alerts = []
        for alert in self.alerts:
            heads = [{**dataclasses.asdict(head), "value": json_util.Cleanse(head.value)} for head in alert.heads]
            fields = {name: getattr(alert, name) for name in ("rule", "figure", "raised", "limit", "sentence")}
            alerts.append({**fields, "heads": heads})
        return dump({"step": self.step, "active": self.active, "alerts": alerts})

    @classmethod
    def from_json(cls, text: str) -> "AlertRecord":
        document = load(text, "alert record", document_shapes.ALERTS)
        step = document["step"]
        alerts = []
        for entry in document["alerts"]:
            heads = tuple(AlertedHead(h["layer"], h["head"], float(h["value"])) for h in entry["heads"])
            fields = {name: entry[name] for name in ("rule", "figure", "raised", "limit", "sentence")}
            alerts.append(Alert(step=step, **fields, heads=heads))
        return cls(step, tuple(alerts), document["active"])


def _lengths(probe: ProbeRecord, side: Side, grid: Grid | None) -> tuple[int, ...]:
    if grid is not None:
        return (grid.size,) * len(probe.sequences)
    return tuple(len(sequence.tokens) for sequence in probe.side(side))
