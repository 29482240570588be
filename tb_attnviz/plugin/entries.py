"""Entries: what the JSON of `runs` and `probe` says of a layer, a segment and a sequence."""

from typing import Any

from tb_attnviz.events import Layer, Segment, Sequence


def layer_entry(position: int, layer: Layer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "number": position if layer.number is None else layer.number,
        "heads": layer.heads,
        "head_numbers": list(range(layer.heads) if layer.head_numbers is None else layer.head_numbers),
        "kv_heads": layer.kv_heads,
        "head_dim": layer.head_dim,
        "causal": layer.causal,
    }


def segment_entry(segment: Segment) -> dict[str, Any]:
    return {
        "steps": segment.steps,
        "layers": len(segment.layers),
        "heads": sum(layer.heads for layer in segment.layers),
        "sequences": len(segment.probe.sequences) if segment.probe else 0,
    }


def sequence_entry(sequence: Sequence) -> dict[str, Any]:
    return {
        "kind": sequence.kind,
        "tokens": list(sequence.tokens),
        "repeat": vars(sequence.repeat) if sequence.repeat else None,
        "labels": dict(sequence.labels),
    }
