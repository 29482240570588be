"""Which runs can be shown in one frame: those whose points, and heads, answer to each other."""

from typing import Protocol

from tb_attnviz.events import Layer, ProbeRecord


class NotComparableError(ValueError):
    """Two runs have no frame in common; the message says why."""


class Comparable(Protocol):
    """What is read of a run."""

    @property
    def probe(self) -> ProbeRecord: ...
    @property
    def layers(self) -> tuple[Layer, ...]: ...


def check_comparable(run: Comparable, other: Comparable, layer: int) -> None:
    """Raises NotComparableError unless the heads of `layer` of `run` can be shown in the frame of those of `other`.

    Both runs must have been recorded with the same probe, so that point answers to point, and at `layer` both must have
    the same heads of the same layer of the model.
    """
    if run.probe.fingerprint != other.probe.fingerprint:
        here, there = (f"{len(p.sequences):,} of {p.tokens:,} tokens" for p in (run.probe, other.probe))
        sizes = "as many, but others" if here == there else f"{here}, and {there}"
        raise NotComparableError(f"the two runs were recorded with different probe sequences ({sizes})")
    here, there = (_shape(one.layers, layer) for one in (run, other))
    if here != there:
        raise NotComparableError(f"layer {layer} has {here} in this run and {there} in the other one")
    ours, theirs = (_in_model(one.layers[layer], layer) for one in (run, other))
    if ours != theirs:
        raise NotComparableError(
            f"layer {layer} of what was recorded is {ours} in this run and {theirs} in the other one"
        )
    if run.layers[layer].tokens != other.layers[layer].tokens:
        raise NotComparableError(f"layer {layer} attends among other tokens in this run than in the other one")


def _in_model(layer: Layer, index: int) -> str:
    """Which of the model's layers and heads were recorded there."""
    heads = [layer.in_model(index, head)[1] for head in range(layer.heads)]
    some = "" if heads == list(range(layer.heads)) else f", heads {', '.join(map(str, heads))}"
    return f"layer {layer.in_model(index, 0)[0]} of the model{some}"


def _shape(layers: tuple[Layer, ...], layer: int) -> str:
    """What must be equal for two layers to have a frame in common."""
    if not 0 <= layer < len(layers):
        return "no heads"
    return f"{layers[layer].heads} heads of {layers[layer].head_dim} dimensions"
