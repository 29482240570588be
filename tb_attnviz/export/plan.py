"""Plan: what of a run goes into a page."""

import dataclasses
import re
from collections.abc import Sequence

import numpy as np

from tb_attnviz.ahead.plan import Numbers, PlanError, layers_of
from tb_attnviz.events import Layer
from tb_attnviz.projection.pictures import View
from tb_attnviz.projection.projection import Projection
from tb_attnviz.run import Run

PARTS = ("images", "figures", "values", "comparisons")
"""What can be left out: the probe's images, the figures of points, what norms of values say, heads against heads."""

_NAMED = re.compile(r"L(\d+)H(\d+)")


@dataclasses.dataclass(frozen=True)
class Head:
    """A head by its places in the run, and in the page: layers, and heads of a layer, counted from 0."""

    layer: int
    head: int
    page_layer: int
    page_head: int
    name: str  # as on screen: by the model's own numbers


@dataclasses.dataclass(frozen=True)
class Plan:
    """What of `run` a page holds."""

    name: str  # of the run
    run: Run
    steps: tuple[int, ...]  # ascending
    heads: tuple[Head, ...]  # by layer, then head
    detail: tuple[Head, ...]  # of these, the ones whose attention, and trust, are in it
    projections: tuple[Projection, ...]  # of one method and its parameters for each of `dims`
    dims: tuple[int, ...]
    sequences: tuple[int, ...]  # whose attention is in it
    trust: bool
    parts: frozenset[str]  # of PARTS

    @property
    def layers(self) -> dict[int, list[Head]]:
        """The heads of each layer, by its place in the run."""
        found: dict[int, list[Head]] = {}
        for head in self.heads:
            found.setdefault(head.layer, []).append(head)
        return found

    @property
    def columns(self) -> list[int]:
        """The places of the heads among those of all layers of the run."""
        first = np.cumsum([0, *(layer.heads for layer in self.run.layers)])
        return [int(first[head.layer]) + head.head for head in self.heads]

    def previous(self, step: int) -> int | None:
        """The step before in the page."""
        index = self.steps.index(step)
        return self.steps[index - 1] if index else None

    def view(self, projection: Projection, layer: int, head: int | None) -> View:
        """What TensorBoard would show: in the frame of all recorded steps."""
        return View(self.run.layer_samples(layer), tuple(self.run.steps_of(layer)), projection, head)


def plan(
    name: str,
    run: Run,
    *,
    steps: str,
    layers: str,
    heads: str,
    detail: str,
    projections: Sequence[Projection],
    dims: Sequence[int],
    sequences: int | None,
    trust: bool,
    without: str = "",
) -> Plan:
    """What the words of a command line say. Raises PlanError where the run has not what they name."""
    chosen = _heads(run, layers, heads)
    readable = set(run.steps).intersection(*(run.steps_of(head.layer) for head in chosen))
    if not readable:
        raise PlanError("the samples of no step can be read")
    count = len(run.probe.sequences)
    return Plan(
        name,
        run,
        _steps(sorted(readable), steps),
        chosen,
        _detail(chosen, detail),
        tuple(dataclasses.replace(one, dims=each) for one in dict.fromkeys(projections) for each in dims),
        tuple(dims),
        tuple(range(count if sequences is None else min(count, sequences))),
        trust,
        _parts(without),
    )


def spread(steps: Sequence[int], count: int) -> tuple[int, ...]:
    """`count` of `steps`, the first and the last among them, spread evenly in log(step).

    Training changes fast at first and ever more slowly: again and again the step goes whose neighbours lie nearest.
    """
    left = list(steps)
    if count == 1:
        return tuple(left[-1:])
    places = np.log1p(np.maximum(np.array(left, np.float64) - left[0], 0))
    while len(left) > max(count, 2):
        index = int(np.argmin(places[2:] - places[:-2])) + 1
        places = np.delete(places, index)
        left.pop(index)
    return tuple(left)


def _steps(recorded: Sequence[int], text: str) -> tuple[int, ...]:
    if re.fullmatch(r"\d+", text):
        if int(text) < 1:
            raise PlanError("--steps 0 would leave nothing to show: give at least 1")
        return spread(recorded, int(text))
    return tuple(Numbers(text.rstrip(",")).of(recorded, "step"))


def _heads(run: Run, layers: str, heads: str) -> tuple[Head, ...]:
    return tuple(
        Head(layer, head, page_layer, page_head, _name(run.layers, layer, head))
        for page_layer, layer in enumerate(layers_of(run, Numbers(layers)))
        for page_head, head in enumerate(_heads_of(run.layers[layer], Numbers(heads)))
    )


def _heads_of(layer: Layer, heads: Numbers) -> list[int]:
    """Places of those of `heads`, which are the model's own numbers, among the recorded ones."""
    return heads.places([layer.in_model(0, place)[1] for place in range(layer.heads)], "head")


def _detail(chosen: Sequence[Head], text: str) -> tuple[Head, ...]:
    if text == "all":
        return tuple(chosen)
    if text == "none":
        return ()
    by_name = {head.name: head for head in chosen}
    for name in text.split(","):
        if not _NAMED.fullmatch(name):
            raise PlanError(f"--detail must be all, none or a list like L0H1,L2H3, not {text!r}")
        if name not in by_name:
            raise PlanError(f"--detail: no head {name} is in the page; there are {chosen[0].name} to {chosen[-1].name}")
    return tuple(head for name, head in by_name.items() if name in text.split(","))


def _parts(without: str) -> frozenset[str]:
    left_out = frozenset(without.split(",")) - {""}
    if unknown := sorted(left_out.difference(PARTS)):
        raise PlanError(f"--without {unknown[0]!r}: what can be left out is {', '.join(PARTS)}")
    return frozenset(PARTS) - left_out


def _name(layers: Sequence[Layer], position: int, head: int) -> str:
    number, head_number = layers[position].in_model(position, head)
    return f"L{number}H{head_number}"
