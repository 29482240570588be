"""What is tried: sound documents, records and requests, changed where it hurts."""

import copy
import json
from typing import Any

from google.protobuf.message import DecodeError
from hypothesis import strategies as st
from tensorboard.compat.proto.event_pb2 import Event

from tb_attnviz.events.records import frame, read_records

NASTY: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63,
    -(2**63) - 1,
    10**30,
    0.5,
    -0.0,
    1e308,
    float("nan"),
    float("inf"),
    "",
    ".",
    "..",
    "/etc/passwd",
    "../../x",
    "a\0b",
    "\x1b[2J",
    "\ud800",
    "NaN",
    "mean",
    "9" * 30,
    "x" * 5000,
    [],
    {},
    [[]],
    [None],
    {"rows": 30_000, "columns": 30_000},
]


@st.composite
def changed(draw: st.DrawFn, document: Any) -> Any:
    """`document` (JSON) with one to three of its values replaced, removed or repeated."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        inside = document
        while isinstance(inside, dict | list) and inside:
            key = draw(st.sampled_from(sorted(inside) if isinstance(inside, dict) else range(len(inside))))
            deeper = inside[key]
            if isinstance(deeper, dict | list) and deeper and draw(st.integers(0, 3)):
                inside = deeper
                continue
            match draw(st.sampled_from(["replace", "replace", "remove", "nest"])):
                case "replace":
                    inside[key] = copy.deepcopy(draw(st.sampled_from(NASTY)))
                case "remove":
                    del inside[key]
                case "nest":
                    inside[key] = [deeper, deeper]
            break
    return document


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """`data` with bytes changed, cut off, repeated or added."""
    at = draw(st.integers(0, max(0, len(data) - 1)))
    match draw(st.sampled_from(["flip", "cut", "zeros", "junk", "repeat", "drop"])):
        case "flip":
            return data[:at] + bytes([data[at] ^ (1 << draw(st.integers(0, 7)))]) + data[at + 1 :] if data else b"x"
        case "cut":
            return data[:at]
        case "zeros":
            return data[:at] + bytes(draw(st.integers(1, 5000)))
        case "junk":
            return data[:at] + draw(st.binary(min_size=1, max_size=40)) + data[at:]
        case "repeat":
            return data[:at] + data[at:] * 2
        case _:
            return data[:at] + data[at + draw(st.integers(1, 30)) :]


@st.composite
def reframed(draw: st.DrawFn, path: str) -> bytes:
    """The records of an event file with one of them changed, and its checksums right."""
    records = [data for _, data in read_records(path)]
    index = draw(st.integers(0, len(records) - 1))
    if draw(st.booleans()):
        records[index] = draw(damaged(records[index]))
    else:
        records[index] = draw(_changed_event(records[index]))
    if not draw(st.integers(0, 5)):
        records.insert(draw(st.integers(0, len(records))), records[index])
    return b"".join(map(frame, records))


@st.composite
def _changed_event(draw: st.DrawFn, data: bytes) -> bytes:
    try:
        event = Event.FromString(data)
    except DecodeError:  # it was changed before
        return draw(damaged(data))
    values = event.summary.value
    if not values:
        event.step = draw(st.sampled_from([-(2**63), -1, 7, 2**62]))
        return event.SerializeToString()
    value = values[draw(st.integers(0, len(values) - 1))]
    match draw(st.sampled_from(["document", "shape", "type", "content", "tag", "twice", "step", "time"])):
        case "document" if value.tensor.string_val:
            try:
                found = json.loads(value.tensor.string_val[0])
            except (ValueError, RecursionError):  # it was changed before
                return draw(damaged(data))
            text = json.dumps(draw(changed(found))) if draw(st.booleans()) else draw(_text(json.dumps(found)))
            value.tensor.string_val[0] = text.encode(errors="replace")
        case "shape":
            size = draw(st.sampled_from([-1, 0, 1, 3, 10**6, 2**62]))
            dims = value.tensor.tensor_shape.dim
            if dims and draw(st.booleans()):
                dims[draw(st.integers(0, len(dims) - 1))].size = size
            else:
                dims.add(size=size)
        case "type":
            value.tensor.dtype = draw(st.integers(0, 30))
        case "content":
            value.tensor.tensor_content = draw(damaged(value.tensor.tensor_content))
        case "tag":
            others = [other.tag for other in values]
            value.tag = draw(st.sampled_from([*others, "", "attnviz/", "attnviz/health/" * 99]))
        case "twice":
            values.add().CopyFrom(value)
        case "step":
            event.step = draw(st.sampled_from([-(2**63), -1, 7, 2**62]))
        case _:
            event.wall_time = draw(st.sampled_from([float("nan"), float("inf"), -1.0, 0.0, 1e300]))
    return event.SerializeToString()


@st.composite
def _text(draw: st.DrawFn, text: str) -> str:
    at = draw(st.integers(0, len(text)))
    piece = draw(st.sampled_from(["", "[" * 5000, '"', "}", "\\ud800", "9" * 5000, "1e999"]))
    return text[:at] + piece + text[at + 1 :]


PARAMETERS: dict[str, list[str]] = {
    "run": ["run", "run", "run", "image", "nothing", ".", "../run", "/etc"],
    "in_frame_of": ["run", "image"],
    "against": ["run", "image"],
    "step": ["0", "100", "100", "300", "50", "-1"],
    "since": ["0", "100", "-5"],
    "previous": ["0", "100"],
    "frame": ["100", "300", "-50"],
    "layer": ["0", "1", "1", "2", "-1"],
    "head": ["0", "3", "5", "-1"],
    "sequence": ["0", "1", "mean", "7"],
    "query": ["0", "4"],
    "key": ["0", "4"],
    "projection": ["biplot", "pca", "tsne", "umap", "lda"],
    "dims": ["2", "3", "4"],
    "normalise": ["paper", "canonical"],
    "perplexity": ["30", "nan", "1e400"],
    "neighbours": ["15", "1"],
    "min_dist": ["0.1", "-inf"],
    "metric": ["cosine"],
    "seed": ["0", "-1"],
    "fit": ["newest", "all"],
    "figure": ["norm", "entropy", "value_norm"],
    "measure": ["attention", "cka"],
    "weight": ["values", "none"],
    "side": ["tokens", "key_tokens"],
    "priority": ["0", "1"],
    "known": ["x"],
    "kind": ["text", "x"],
}


@st.composite
def queries(draw: st.DrawFn) -> dict[str, str]:
    """Parameters as a client sends them, most of them sound, some missing or strange."""
    query = {name: draw(st.sampled_from(values)) for name, values in PARAMETERS.items() if draw(st.integers(0, 5))}
    for _ in range(draw(st.integers(0, 2))):
        name = draw(st.sampled_from([*PARAMETERS, "other"]))
        strange = [str(value) for value in NASTY if not isinstance(value, list | dict) and value != "\ud800"]
        query[name] = draw(st.one_of(st.sampled_from(strange), st.text(st.characters(codec="utf-8"), max_size=20)))
    return query


BODIES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b'{"points":[0,1,2]}', b"[" * 50_000, b'{"points":' + b"[" * 5000, b'{"points":[NaN,1e999]}']),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.just("points"), inner, max_size=1)),
    ).map(lambda value: json.dumps(value).encode()),
)
