"""Contents: the pieces of a page, each with the numbers that TensorBoard's tab would be told."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tb_attnviz import __version__
from tb_attnviz.array_types import Float32
from tb_attnviz.connections import head_links, links_document, links_shown
from tb_attnviz.entries import layer_entry, run_entry, sequence_entry
from tb_attnviz.events import FormatError, Side
from tb_attnviz.export.document import ExportError
from tb_attnviz.export.packing import pack_document, pack_points
from tb_attnviz.export.plan import Head, Plan, spread
from tb_attnviz.export.scalars import read_scalars
from tb_attnviz.projection.pictures import make
from tb_attnviz.projection.ports import Store, unreported
from tb_attnviz.projection.projection import Projection
from tb_attnviz.projection.trust import Seen, make_trust
from tb_attnviz.run import NotRecordedError

_MOST_IMAGES = 512  # as many as the tab shows
_MOST_HEALTH_STEPS = 1000
_LINKED = 64  # heads whose links are read at a time
_DIGITS = 6  # of health figures: what float32 holds

Piece = tuple[str, bytes]  # its name, and what it holds, not yet packed


def index(plan: Plan, title: str, notes: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the page is about: small, and read at once. `notes`: on its heads, as their file has them."""
    run = plan.run
    recorded = {
        "steps": len(run.steps),
        "layers": [layer.in_model(position, 0)[0] for position, layer in enumerate(run.layers)],
        "heads": sum(layer.heads for layer in run.layers),
        "sequences": len(run.probe.sequences),
    }
    return {
        "version": 1,
        "by": f"tb-attnviz {__version__}",
        "title": title,
        "recorded": recorded,
        "run": _run_entry(plan),
        "projections": [_projection_entry(each) for each in plan.projections if each.dims == plan.dims[0]],
        "dims": list(plan.dims),
        "detail": [[head.page_layer, head.page_head] for head in plan.detail],
        "sequences": len(plan.sequences),
        "trust": plan.trust,
        "parts": sorted(plan.parts),
        **({"notes": notes} if notes else {}),
    }


def documents(plan: Plan) -> Iterator[Piece]:
    """The probe, health, alerts and scalars: read when the page is opened."""
    sequences = [sequence_entry(sequence) for sequence in plan.run.probe.sequences]
    if "images" not in plan.parts:
        sequences = [_without_image(entry) for entry in sequences]
    yield "probe", pack_document({"run": plan.name, "sequences": sequences})
    yield "health", pack_document(_health(plan))
    yield "alerts", pack_document({"run": plan.name, "alerts": _alerts(plan)})
    yield "change_points", pack_document(_change_points(plan))
    if plan.run.connection_steps:
        yield "connections", pack_document(_connections(plan))
    yield "scalars", pack_document(read_scalars(plan.run.directory))


def images(plan: Plan) -> Iterator[Piece]:
    """The images of the probe, PNG as they were recorded; of more than 512 the first ones."""
    if "images" in plan.parts:
        sequences = list(enumerate(plan.run.probe.sequences))
        own: list[tuple[int, Side]] = [(number, "tokens") for number, one in sequences if one.image]
        others: list[tuple[int, Side]] = [
            (number, "key_tokens") for number, one in sequences if one.key_tokens and one.key_tokens.image
        ]
        for number, side in (own + others)[:_MOST_IMAGES]:
            try:
                yield f"image-{side}-{number}", plan.run.png(number, side)
            except (NotRecordedError, FormatError) as error:
                raise ExportError(f"{error}: try --without images") from None


def points(plan: Plan, projection: Projection, layer: int, step: int, store: Store) -> Piece:
    """The chosen heads of one layer, [heads, points, dims]; pictures that `store` has not are made."""
    heads = plan.layers[layer]
    if projection.linear:
        picture = make(plan.view(projection, layer, None), step, store, unreported)
        array = picture.points[[head.head for head in heads]]
        notes = {head.page_head: picture.notes[head.head] for head in heads if head.head in picture.notes}
    else:
        pictures = [make(plan.view(projection, layer, head.head), step, store, unreported) for head in heads]
        array = np.concatenate([one.points for one in pictures])
        notes = {head.page_head: note for head, one in zip(heads, pictures, strict=True) for note in one.notes.values()}
    number = _number_of(plan, projection)
    name = f"points-{number}-{projection.dims}-{heads[0].page_layer}-{step}"
    return name, pack_points(array, notes=notes)


def trust(plan: Plan, projection: Projection, head: Head, step: int, store: Store) -> Piece:
    """How far the picture of a head in detail can be believed, compared with the step before in the page."""
    seen = Seen(plan.run.lengths(step, head.layer), plan.run.layer(step, head.layer))
    view = plan.view(projection, head.layer, head.head)
    document = make_trust(view, step, plan.previous(step), store, unreported, seen=seen)
    number = _number_of(plan, projection)
    return f"trust-{number}-{projection.dims}-{head.page_layer}-{head.page_head}-{step}", document


def _run_entry(plan: Plan) -> dict[str, Any]:
    """As `runs` has it, of what is in the page."""
    run = plan.run
    layers = []
    for position, heads in plan.layers.items():
        entry = layer_entry(position, run.layers[position], run.probe)
        numbers = [entry["head_numbers"][head.head] for head in heads]
        values = entry["values"] and "values" in plan.parts
        layers.append({**entry, "heads": len(heads), "head_numbers": numbers, "values": values})
    no_maps: dict[str, Any] = {"steps": [], "kinds": []}  # they stay where they are
    return {**run_entry(plan.name, run), "steps": list(plan.steps), "layers": layers, "maps": no_maps}


def _health(plan: Plan) -> dict[str, Any]:
    run = plan.run
    recorded = run.health_steps
    kept = sorted({*(spread(recorded, _MOST_HEALTH_STEPS) if recorded else ()), *plan.steps} & set(recorded))
    figures = {name: _rounded(values[:, plan.columns]) for name, values in run.health(kept).items()}
    return {
        "run": plan.name,
        "steps": kept,
        "heads": [len(heads) for heads in plan.layers.values()],
        "figures": figures,
    }


def _rounded(values: Float32) -> list[list[float]]:
    return [[float(f"{value:.{_DIGITS}g}") for value in row] for row in values.tolist()]


def _alerts(plan: Plan) -> list[dict[str, Any]]:
    """Those of the model as a whole, and those of heads of the page, without all other heads."""
    places = {(head.layer, head.head): head for head in plan.heads}
    alerts = []
    for alert in plan.run.alerts:
        entry = dataclasses.asdict(alert)
        entry["heads"] = [
            {**one, "layer": place.page_layer, "head": place.page_head}
            for one in entry["heads"]
            if (place := places.get((one["layer"], one["head"])))
        ]
        if entry["heads"] or alert.beyond is None:
            alerts.append(entry)
    return alerts


def _change_points(plan: Plan) -> dict[str, list[dict[str, Any]]]:
    """Figure → when it moved to another level, head by head, as the route `change_points` has it."""
    number = {(head.layer, head.head): place for place, head in enumerate(plan.heads)}
    found: dict[str, list[dict[str, Any]]] = {}
    for one in plan.run.change_points():
        if (one.layer, one.head) in number:
            entry = {"head": number[one.layer, one.head], "step": one.step, "before": one.before, "after": one.after}
            found.setdefault(one.figure, []).append(entry)
    return found


def _connections(plan: Plan) -> dict[str, Any]:
    """Who feeds the heads in detail, and whom they feed: the heads of the page, at the last steps that its own show."""
    run, places = plan.run, dict(zip(plan.columns, plan.heads, strict=True))
    count = sum(layer.heads for layer in run.layers)
    told = [(head.page_layer, head.page_head) if (head := places.get(n)) else None for n in range(count)]
    details = [number for number, head in places.items() if head in plan.detail]
    steps: list[int] = []
    heads: dict[str, Any] = {}
    for first in range(0, len(details), _LINKED):
        some = details[first : first + _LINKED]
        for number, links in zip(some, head_links(run.connections_at, count, some), strict=True):
            document = links_document(links_shown(links, plan.steps), told)
            heads["{}-{}".format(*told[number] or ())] = {name: document[name] for name in ("fed_by", "feeds")}
            steps = document["steps"]
    return {"steps": steps, "heads": heads}


def _without_image(entry: dict[str, Any]) -> dict[str, Any]:
    other = entry["key_tokens"]
    return {**entry, "image": None, "key_tokens": other and _without_image(other)}


def _projection_entry(projection: Projection) -> dict[str, Any]:
    entry = dataclasses.asdict(projection)
    del entry["dims"]
    return entry


def _number_of(plan: Plan, projection: Projection) -> int:
    """Which of the page's projections it is, whatever its dimensions."""
    alike: Sequence[Projection] = [one for one in plan.projections if one.dims == projection.dims]
    return alike.index(projection)
