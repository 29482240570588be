"""What each document of a run may hold: types, ranges, names, and counts that what else is there can bear."""

import re
from collections.abc import Iterable
from typing import Any

from tb_attnviz.events.order import IMAGE_NAME, MAPS_NAME, SAMPLES_NAME
from tb_attnviz.events.shapes import (
    MisfitError,
    Shape,
    boolean,
    both,
    either,
    items,
    mapping,
    moderate,
    name_like,
    nullable,
    number,
    one_of,
    positive,
    record,
    text,
    whole,
)

LONGEST_NAME = 200  # of a figure
MOST_HEADS = 2**16  # of all layers
MOST_SIDE = 2**12  # patches along a side of a grid
MOST_PIXELS = 1024  # along a side of an image: none is stored that is longer than 512

_COUNT = whole(0, 2**31 - 1)
_STEP = whole(-(2**63), 2**63 - 1)
_PLACE = whole(0, 2**62)  # in a file
_NAME = text(1000)

_GRID_FIELDS: dict[str, Shape] = {"rows": whole(1, MOST_SIDE), "columns": whole(1, MOST_SIDE)}
GRID = record(_GRID_FIELDS)
_REPEAT = record({"start": _COUNT, "period": whole(1, 2**31 - 1)})
_IMAGE = record(
    {
        "file": name_like(IMAGE_NAME, "the name of an image of the run, image-….png"),
        "width": whole(1, MOST_PIXELS),
        "height": whole(1, MOST_PIXELS),
    }
)


def _texts(value: Any) -> None:
    """A list of strings: tokens, of which there are many."""
    if type(value) is not list:
        raise MisfitError("a list of texts", value)
    for index, item in enumerate(value):
        if type(item) is not str:
            raise MisfitError("a text", item, f"[{index}]")


def _values(value: Any) -> None:
    """The values of a label: all strings, or all numbers and null."""
    if type(value) is not list:
        raise MisfitError("a list", value)
    if not (all(type(item) is str for item in value) or all(item is None or _is_number(item) for item in value)):
        raise MisfitError("a list of texts, or of numbers and null", value)


def _is_number(value: Any) -> bool:
    return type(value) is float or (type(value) is int and abs(value) < 2**63)


_LABELS = mapping(_values)


def _labels_fit(labels: dict[str, list[Any]], count: int, of: str) -> None:
    for name, values in labels.items():
        if len(values) != count:
            raise MisfitError(f"a list of {count:,}, one for each {of}", values, f"[{name[:40]!r}]").inside("labels")


def _grid_labels(value: Any) -> None:
    record({**_GRID_FIELDS, "labels": _LABELS})(value)
    _labels_fit(value["labels"], value["rows"] * value["columns"], "patch")


def _fits_its_tokens(sequence: dict[str, Any]) -> None:
    count = len(sequence["tokens"])
    grid, repeat = sequence.get("grid"), sequence["repeat"]
    if grid is not None and grid["rows"] * grid["columns"] > count:
        size = f"{grid['rows']:,} × {grid['columns']:,}"
        raise MisfitError(f"of no more patches than the sequence has tokens ({count:,})", size, "grid")
    if repeat is not None and repeat["start"] + repeat["period"] > count:
        raise MisfitError(f"within the sequence's {count:,} tokens", repeat["start"] + repeat["period"], "repeat")
    _labels_fit(sequence.get("labels", {}), count, "token")


def _sequence(key_tokens: Shape) -> Shape:
    return both(
        record(
            {"tokens": _texts, "kind": text(100), "repeat": nullable(_REPEAT)},
            {
                "labels": _LABELS,
                "grid": nullable(GRID),
                "image": nullable(_IMAGE),
                "key_tokens": nullable(key_tokens),
                "grid_labels": items(_grid_labels, 256),
            },
        ),
        _fits_its_tokens,
    )


def _nothing(value: Any) -> None:
    raise MisfitError("null: the other side of a sequence has no other side", value)


PROBE = record({"sequences": items(_sequence(_sequence(_nothing)), least=1)})

_LAYER_FIELDS: dict[str, Shape] = {
    "name": _NAME,
    "heads": whole(1, MOST_HEADS),
    "kv_heads": whole(1, MOST_HEADS),
    "head_dim": whole(1, 2**20),
    "scale": moderate,
    "causal": boolean,
}
_SIDE = one_of("tokens", "key_tokens")
_LATER_FIELDS: dict[str, Shape] = {
    "softcap": nullable(positive),
    "number": nullable(_COUNT),
    "head_numbers": nullable(items(_COUNT, MOST_HEADS)),
    "queries_of": _SIDE,
    "keys_of": _SIDE,
    "query_grid": nullable(GRID),
    "key_grid": nullable(GRID),
    "query_special": whole(0, MOST_SIDE),
    "key_special": whole(0, MOST_SIDE),
    "values": boolean,
}


def _heads_fit(layer: dict[str, Any]) -> None:
    heads, kv_heads, numbers = layer["heads"], layer["kv_heads"], layer.get("head_numbers")
    if heads % kv_heads:
        raise MisfitError(f"a divisor of its {heads:,} heads", kv_heads, "kv_heads")
    if numbers is not None and len(numbers) != heads:
        raise MisfitError(f"a list of {heads:,}, one for each head", numbers, "head_numbers")


def check_heads(of_layers: Iterable[int]) -> None:
    """Raises MisfitError for more heads together than a run may have."""
    heads = sum(of_layers)
    if heads > MOST_HEADS:
        raise MisfitError(f"of at most {MOST_HEADS:,} heads together", f"{heads:,} heads", "layers")


def _not_too_many_heads(document: dict[str, Any]) -> None:
    check_heads(layer["heads"] for layer in document["layers"])


LAYER = both(record(_LAYER_FIELDS, _LATER_FIELDS), _heads_fit)

LAYERS = both(record({"layers": items(LAYER, MOST_HEADS, least=1)}, {"probe": nullable(_NAME)}), _not_too_many_heads)

_KEY = re.compile("[0-9a-f]{8}")


def _anything(value: Any) -> None:
    """Whatever JSON can hold."""


def _numbered(value: Any) -> None:
    """Counts by the numbers of starts."""
    mapping(_COUNT)(value)
    for name in value:
        if not name.isdecimal() or len(name) > 12:
            raise MisfitError("by the number of a start", name)


_SAMPLES = name_like(SAMPLES_NAME, "the name of a samples file of the run, samples-….events")

_STORED = record({"offset": _PLACE, "length": _PLACE}, {"checksum": nullable(name_like(_KEY, "8 hexadecimal digits"))})
CHECKPOINT = record(
    {"step": _STEP, "file": _SAMPLES, "layers": items(_STORED, MOST_HEADS, least=1)},
    {"probe": nullable(_NAME), "figures": items(_STEP, 2, least=2)},
)
"""What it says of its layers is looked at where it is known what was announced of them (schema.Checkpoint)."""
KEPT = record({"files": items(_SAMPLES)}, {"before": _numbered})
START = record(
    {"writer": mapping(_anything), "key": name_like(_KEY, "8 hexadecimal digits")}, {"purge": nullable(_STEP)}
)
END = record({"newest": mapping(items(_STEP, 2, least=2))})
MAPS = record(
    {
        "file": name_like(MAPS_NAME, "the name of a file of maps of the run, maps-….events"),
        "kinds": items(_NAME),
        "layers": items(record({"offset": _PLACE, "length": _PLACE, "checksum": text(8)}), MOST_HEADS),
    }
)

_SPELLED = one_of("NaN", "Infinity", "-Infinity")
_ALERTED = record(
    {
        "layer": whole(0, MOST_HEADS),
        "head": whole(0, MOST_HEADS),
        "value": either(number, _SPELLED, "a number, 'NaN', 'Infinity' or '-Infinity'"),
    }
)
_ALERT = record(
    {
        "rule": _NAME,
        "figure": _NAME,
        "raised": boolean,
        "limit": number,
        "sentence": text(10_000),
        "heads": items(_ALERTED, MOST_HEADS),
    },
    {"beyond": nullable(one_of("above", "below"))},
)
ALERTS = record({"step": _STEP, "active": _COUNT, "alerts": items(_ALERT, 10_000)})
