"""Entries: what the JSON of `runs` and `probe` says of a run, a layer, a segment and a sequence."""

import dataclasses
import hashlib
from collections.abc import Sequence as Series
from typing import Any

from tb_attnviz.events import Grid, Layer, ProbeRecord, Segment, Sequence
from tb_attnviz.run import Run
from tb_attnviz.turns import give_way


def run_entry(name: str, run: Run, *, part_of: str | None = None) -> dict[str, Any]:
    """`part_of`: the run that went on after this earlier part. Raises NotRecordedError if the run has no probe."""
    probe = run.probe
    return {
        "run": name,
        "part_of": part_of,
        "steps": run.steps,
        "order": _newest_order(run),
        "health": _health(run),
        "layers": [layer_entry(position, layer, probe) for position, layer in enumerate(run.layers)],
        "segments": [_segment_entry(segment) for segment in run.segments],
        "sequences": len(probe.sequences),
        "queries": probe.tokens,
        "keys": probe.tokens,
        "probe": probe.fingerprint,
        "figures": run.records.newest.figures,
        "maps": {"steps": run.map_steps, "kinds": list(run.map_kinds)},
        "missing": run.missing_steps,
        "damaged": run.damaged,
        "error": None,
    }


def _newest_order(run: Run) -> list[int] | None:
    orders = [at.order for at in run.records.checkpoints.values() if at.order is not None]
    return list(dataclasses.astuple(max(orders))) if orders else None


def _health(run: Run) -> str:
    """Another one whenever there are other figures or alerts, with samples or without."""
    rows = run.figure_rows
    alerts = [(alert.step, alert.rule, alert.raised) for alert in run.alerts]
    told = rows.digest(run.records.newest.figures, len(rows)), alerts
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def spans(steps: Series[int]) -> list[list[int]]:
    """Ascending `steps` in few numbers: [first, distance, count] of each stretch of equal distances."""
    found: list[list[int]] = []
    for step in steps:
        give_way()
        if found and found[-1][2] == 1:
            found[-1][1:] = step - found[-1][0], 2
        elif found and step - found[-1][0] == found[-1][1] * found[-1][2]:
            found[-1][2] += 1
        else:
            found.append([step, 0, 1])
    return found


def with_spans(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry of a run with all its steps as `spans`: as long as the run's schedule is irregular, not as the run."""
    segments = [{**segment, "steps": spans(segment["steps"])} for segment in entry["segments"]]
    maps = {**entry["maps"], "steps": spans(entry["maps"]["steps"])}
    return {**entry, "steps": spans(entry["steps"]), "segments": segments, "maps": maps}


def layer_entry(position: int, layer: Layer, probe: ProbeRecord) -> dict[str, Any]:
    lengths = layer.lengths(probe)
    return {
        "name": layer.name,
        "number": layer.in_model(position, 0)[0],
        "heads": layer.heads,
        "head_numbers": list(range(layer.heads) if layer.head_numbers is None else layer.head_numbers),
        "kv_heads": layer.kv_heads,
        "head_dim": layer.head_dim,
        "causal": layer.causal,
        "attends": layer.attends,
        "queries_of": layer.queries_of,
        "keys_of": layer.keys_of,
        "queries": sum(lengths.queries),
        "keys": sum(lengths.keys),
        "query_grid": _grid_entry(layer.query_grid, layer.query_special),
        "key_grid": _grid_entry(layer.key_grid, layer.key_special),
        "values": layer.values,
    }


def _grid_entry(grid: Grid | None, special: int) -> dict[str, Any] | None:
    return None if grid is None else {**dataclasses.asdict(grid), "special": special}


def _segment_entry(segment: Segment) -> dict[str, Any]:
    return {
        "steps": segment.steps,
        "layers": len(segment.layers),
        "heads": sum(layer.heads for layer in segment.layers),
        "sequences": len(segment.probe.sequences) if segment.probe else 0,
    }


def sequence_entry(sequence: Sequence) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "kind": sequence.kind,
        "tokens": list(sequence.tokens),
        "repeat": vars(sequence.repeat) if sequence.repeat else None,
        "labels": dict(sequence.labels),
        "grid": None,
        "places": None,
        "image": None,
        "grid_labels": [
            {**dataclasses.asdict(of_grid.grid), "labels": dict(of_grid.labels)} for of_grid in sequence.grid_labels
        ],
        "key_tokens": sequence_entry(sequence.key_tokens) if sequence.key_tokens else None,
    }
    if sequence.grid is not None:
        entry["grid"] = dataclasses.asdict(sequence.grid)
        entry["places"] = list(sequence.places)
    if sequence.image is not None:
        entry["image"] = {"width": sequence.image.width, "height": sequence.image.height}
    return entry
