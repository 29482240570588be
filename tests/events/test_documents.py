"""Documents hold what they should, or are refused in one sentence, before anything is made of them."""

import copy
import json
from typing import Any

import pytest
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_DOUBLE, DT_FLOAT, DT_STRING

from tb_attnviz.events import (
    Alert,
    AlertedHead,
    AlertRecord,
    Checkpoint,
    FormatError,
    Grid,
    GridLabels,
    Image,
    Order,
    ProbeRecord,
    Repeat,
    SamplesLocation,
    Sequence,
)
from tb_attnviz.events.documents import dump
from tb_attnviz.events.layers import layers_to_content
from tb_attnviz.events.said import read_document
from tb_attnviz.events.schema import Kept, Start
from tb_attnviz.events.tensors import as_array
from tests.conftest import LAYERS

IMAGE = "image-0123456789abcdef.png"


def read(kind: str, text: str) -> Any:
    """What a document says, all of it."""
    content = read_document(kind, text, 0, 3).content
    return Checkpoint.from_document(content) if kind == "checkpoint" else content


OTHER = Sequence(("a", "b"))
PROBE = ProbeRecord(
    (
        Sequence(("x", "y", "z"), repeat=Repeat(0, 1), labels={"l": ("1", "2", "3"), "n": (1.0, float("nan"), 3.0)}),
        Sequence(
            ("[CLS]", *Grid(1, 2).tokens),
            "image",
            grid=Grid(1, 2),
            image=Image(IMAGE, 16, 8),
            key_tokens=OTHER,
            grid_labels=(GridLabels(Grid(1, 1), {"l": ("1",)}),),
        ),
    )
)
ALERT = Alert(3, "r", "f", True, 1.0, "s", (AlertedHead(0, 1, float("inf")),))
CONTENT: dict[str, dict[str, Any]] = {
    "probe": PROBE.to_content(),
    "layers": layers_to_content(LAYERS, PROBE.fingerprint),
    "checkpoint": Checkpoint(3, "samples-3-00.events", LAYERS, (SamplesLocation(0, 900),) * 2).to_content(()),
    "kept": Kept(frozenset(["samples-3-00.events"]), {1: 4}).to_content(),
    "alert": AlertRecord(3, (ALERT,), active=1).to_content(),
    "start": Start({"host": "h", "pid": 1}, "01234567").to_content(),
    "end": {"newest": {"checkpoint": [4, 3]}},
}
READ = [*CONTENT]
LATER = {"probe", "before", "purge", "checksum"}  # fields that version 1 has not, or that may be missing
SOUND = {kind: json.dumps({"version": 1, "step": 3, **content}) for kind, content in CONTENT.items()}
"""As version 1 has them, which nothing protects: what they hold is looked at."""


@pytest.mark.parametrize("name", READ)
def test_what_we_write_is_read(name: str) -> None:
    read(name, dump(name, CONTENT[name], order=Order(1, 5), step=3))
    read(name, SOUND[name])


@pytest.mark.parametrize("name", READ)
def test_no_letter_of_a_document_can_be_changed(name: str) -> None:
    text = dump(name, CONTENT[name], order=Order(1, 5), step=3)
    for at in range(len(text)):
        with pytest.raises(FormatError, match="is damaged"):
            read(name, text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :])
    with pytest.raises(FormatError, match="another document stands where the"):
        read("kept" if name != "kept" else "probe", text)


@pytest.mark.parametrize("name", READ)
def test_fields_of_later_versions_are_let_through(name: str) -> None:
    def grown(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: item if key in ("labels", "before", "newest", "writer") else grown(item)
                for key, item in value.items()
            } | {"later": [1]}
        return [grown(item) for item in value] if isinstance(value, list) else value

    assert read(name, json.dumps(grown(json.loads(SOUND[name])))) == read(name, SOUND[name])


SECOND = ["sequences", 1]
CHANGES: list[tuple[str, list[str | int], Any]] = [
    ("probe", ["sequences"], {}),
    ("probe", [*SECOND, "grid"], {"rows": 30_000, "columns": 30_000}),
    ("probe", [*SECOND, "grid", "rows"], 4),
    ("probe", [*SECOND, "grid", "rows"], -1),
    ("probe", [*SECOND, "grid", "rows"], True),
    ("probe", [*SECOND, "grid", "rows"], 1.0),
    ("probe", [*SECOND, "grid", "rows"], "1"),
    ("probe", [*SECOND, "grid", "columns"], 10**400),
    ("probe", [*SECOND, "image", "file"], "/etc/passwd"),
    ("probe", [*SECOND, "image", "file"], "../../secret.png"),
    ("probe", [*SECOND, "image", "file"], f"x/{IMAGE}"),
    ("probe", [*SECOND, "image", "file"], None),
    ("probe", [*SECOND, "image", "width"], 2**31),
    ("probe", [*SECOND, "image", "width"], float("nan")),
    ("probe", [*SECOND, "tokens", 0], 5),
    ("probe", [*SECOND, "tokens"], "abc"),
    ("probe", [*SECOND, "key_tokens", "key_tokens"], ProbeRecord((OTHER,)).to_content()["sequences"][0]),
    ("probe", [*SECOND, "key_tokens", "tokens"], None),
    ("probe", [*SECOND, "grid_labels", 0, "rows"], 3000),
    ("probe", [*SECOND, "grid_labels", 0, "labels"], {"l": ["1", "2"]}),
    ("probe", ["sequences", 0, "repeat"], {"start": 0}),
    ("probe", ["sequences", 0, "repeat", "period"], 0),
    ("probe", ["sequences", 0, "repeat", "period"], 2**30),
    ("probe", ["sequences", 0, "labels", "l"], ["1"]),
    ("probe", ["sequences", 0, "labels", "l"], ["1", 2, "3"]),
    ("probe", ["sequences", 0, "labels", "n"], [1, 2, True]),
    ("probe", ["sequences", 0, "labels"], [1]),
    ("probe", ["sequences", 0, "kind"], None),
    ("layers", ["layers", 0, "heads"], 10**12),
    ("layers", ["layers", 0, "heads"], 0),
    ("layers", ["layers", 1, "kv_heads"], 4),
    ("layers", ["layers", 0, "scale"], float("inf")),
    ("layers", ["layers", 0, "scale"], 1e308),
    ("layers", ["layers", 0, "softcap"], 1e-300),
    ("layers", ["layers", 0, "causal"], 1),
    ("layers", ["layers", 0, "softcap"], 0),
    ("layers", ["layers", 0, "head_numbers"], [1]),
    ("layers", ["layers", 0, "head_numbers"], [1, 2, 3, -1]),
    ("layers", ["layers", 0, "query_grid"], {"rows": 10**6, "columns": 1}),
    ("layers", ["layers", 0, "queries_of"], "values"),
    ("layers", ["layers", 0, "name"], "n" * 10**6),
    ("layers", ["layers"], [{**json.loads(SOUND["layers"])["layers"][0], "heads": 65_536, "kv_heads": 1}] * 2),
    ("checkpoint", ["file"], "/home/other/runs/a/plugins/attnviz/samples-3-00.events"),
    ("checkpoint", ["file"], "../../../a/plugins/attnviz/samples-3-00.events"),
    ("checkpoint", ["file"], "samples-3-00.events\0"),
    ("checkpoint", ["file"], ["samples-3-00.events"]),
    ("checkpoint", ["step"], 2**70),
    ("checkpoint", ["step"], 0.5),
    ("checkpoint", ["layers", 0, "offset"], -1),
    ("checkpoint", ["layers", 0, "length"], 2**80),
    ("checkpoint", ["layers", 0, "length"], None),
    ("kept", ["files"], ["../x"]),
    ("kept", ["files"], "samples-3-00.events"),
    ("alert", ["alerts", 0, "heads", 0, "value"], "1e5"),
    ("alert", ["alerts", 0, "heads", 0, "layer"], -1),
    ("alert", ["alerts", 0, "heads", 0, "head"], 10**9),
    ("alert", ["alerts", 0, "sentence"], ["a"]),
    ("alert", ["active"], "1"),
    ("probe", ["sequences"], []),
    ("layers", ["layers"], []),
    ("layers", ["probe"], []),
    ("checkpoint", ["layers"], []),
    ("end", ["newest", "checkpoint"], [4]),
]


@pytest.mark.parametrize(("name", "place", "value"), CHANGES)
def test_what_cannot_be_is_refused_by_its_place(name: str, place: list[str | int], value: Any) -> None:
    document = copy.deepcopy(json.loads(SOUND[name]))
    inside = document
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = value
    with pytest.raises(FormatError, match="is damaged: ") as refused:
        read(name, json.dumps(document))
    sentence = str(refused.value)
    assert str(place[0]) in sentence
    assert len(sentence) < 400


@pytest.mark.parametrize("previous", [[], [4], [4, 0, 1], {}, [4, None]])
def test_the_document_before_is_a_count_and_a_step(previous: Any) -> None:
    text = dump("alert", {**CONTENT["alert"], "previous": previous}, order=Order(1, 5), step=3)
    with pytest.raises(FormatError, match="is damaged: previous"):
        read("alert", text)


@pytest.mark.parametrize("name", READ)
def test_a_field_that_is_missing_is_named(name: str) -> None:
    for field in CONTENT[name].keys() - LATER:
        document = json.loads(SOUND[name])
        del document[field]
        with pytest.raises(FormatError, match=f"is damaged: {field} is missing"):
            read(name, json.dumps(document))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        '"version"',
        "[" * 100_000,
        '{"version":1,"sequences":' + "[" * 100_000,
        '{"version":1,"sequences":' + '{"a":' * 100_000,
        '{"version":' + "9" * 5000 + "}",
        '{"version":true,"sequences":[]}',
        '{"version":1.0,"sequences":[]}',
        '{"sequences":[]}',
    ],
)
def test_what_is_no_document_is_refused(text: str) -> None:
    with pytest.raises(FormatError) as refused:
        read("probe", text)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    "tensor",
    [
        {"dtype": DT_FLOAT, "shape": [30_000, 30_000], "float_val": [1.0]},
        {"dtype": DT_FLOAT, "shape": [10**12], "float_val": [1.0]},
        {"dtype": DT_STRING, "shape": [10**12], "string_val": [b"x"]},
        {"dtype": DT_FLOAT, "shape": [10**12, 0, 5], "float_val": [1.0]},
        {"dtype": DT_FLOAT, "shape": [3], "tensor_content": bytes(8)},
        {"dtype": DT_FLOAT, "shape": [2], "tensor_content": bytes(7)},
        {"dtype": DT_FLOAT, "shape": [-1, -2], "tensor_content": bytes(8)},
        {"dtype": DT_FLOAT, "shape": [1] * 1000, "float_val": [1.0]},
        {"dtype": DT_DOUBLE, "shape": [1], "double_val": [1.0]},
        {"dtype": 999, "shape": []},
    ],
)
def test_tensors_are_no_larger_than_their_bytes(tensor: dict[str, Any]) -> None:
    proto = TensorProto(**{name: value for name, value in tensor.items() if name != "shape"})
    for size in tensor["shape"]:
        proto.tensor_shape.dim.add(size=size)
    with pytest.raises(FormatError):
        as_array(proto)
