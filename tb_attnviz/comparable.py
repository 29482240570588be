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


def counterpart(run: Comparable, other: Comparable, layer: int) -> int:
    """Which of the recorded layers of `other` is `layer` of `run`: the one of its name, wherever it stands among them.

    Raises NotComparableError unless its heads can be shown in one frame: both runs must have been recorded with the
    same probe, so that point answers to point, and with the same heads of that layer.
    """
    if run.probe.fingerprint != other.probe.fingerprint:
        here, there = (f"{len(p.sequences):,} of {p.tokens:,} tokens" for p in (run.probe, other.probe))
        sizes = "as many, but others" if here == there else f"{here}, and {there}"
        raise NotComparableError(f"the two runs were recorded with different probe sequences ({sizes})")
    ours = run.layers[layer]
    found = next((index for index, one in enumerate(other.layers) if one.name == ours.name), None)
    if found is None:
        raise NotComparableError(f"layer {layer}, {ours.name}, was not recorded in the other run")
    theirs = other.layers[found]
    if (here := _heads(ours)) != (there := _heads(theirs)):
        raise NotComparableError(f"layer {layer}, {ours.name}, has {here} in this run and {there} in the other one")
    if ours.tokens != theirs.tokens:
        raise NotComparableError(
            f"layer {layer}, {ours.name}, attends among other tokens in this run than in the other one"
        )
    return found


def _heads(layer: Layer) -> str:
    """What must be equal for two layers to have a frame in common."""
    numbers = [layer.in_model(0, head)[1] for head in range(layer.heads)]
    some = "" if numbers == list(range(layer.heads)) else f" ({', '.join(map(str, numbers))})"
    return f"{layer.heads} heads{some} of {layer.head_dim} dimensions"
