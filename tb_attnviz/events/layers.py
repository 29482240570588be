"""Layer: one attention of the model, as the recorder announces it, and its JSON."""

import dataclasses
from typing import Any, Literal

from tb_attnviz.events import document_shapes
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


def says_of_layer(entry: dict[str, Any]) -> bool:
    """Whether an entry of a checkpoint says more of its layer than was announced."""
    return not _FIELDS.isdisjoint(entry)


def _entry(layer: Layer) -> dict[str, Any]:
    """All fields of `layer`, as JSON has them."""
    numbers = None if layer.head_numbers is None else list(layer.head_numbers)
    return {**dataclasses.asdict(layer), "head_numbers": numbers}


def beyond(layer: Layer, announced: Layer | None) -> dict[str, Any]:
    """The fields of `layer` that are others than those announced; all if nothing was, but special tokens of none."""
    entry = _entry(layer)
    if announced is None or layer.name != announced.name:
        return {name: value for name, value in entry.items() if value or name not in ("query_special", "key_special")}
    known = _entry(announced)
    return {name: value for name, value in entry.items() if value != known[name]}


def stored_layer(entry: dict[str, Any], announced: Layer | None) -> Layer:
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
