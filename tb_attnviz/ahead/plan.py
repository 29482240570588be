"""Plan: which pictures of which runs are wanted, as chains, with the very keys that the plugin asks for.

The frame is that of all recorded steps; a linear projection is one picture for all heads of a layer, t-SNE and UMAP are
one for each head.
"""

import argparse
import dataclasses
import os
from collections.abc import Iterator, Sequence

from tb_attnviz.ahead.chain import Chain
from tb_attnviz.events.files import expanded, is_remote
from tb_attnviz.projection.pictures import View
from tb_attnviz.projection.projection import Projection
from tb_attnviz.run import Run


class PlanError(ValueError):
    """What is wanted is not there; the message says what is."""


def positive(text: str) -> int:
    """A whole number of at least 1, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def add_workers(parser: argparse._ActionsContainer) -> None:
    default = os.cpu_count() or 1
    parser.add_argument(
        "--workers", type=positive, default=default, metavar="N", help="processes (default: one a processor)"
    )


def on_disk(directory: str) -> str:
    """`directory` with what `expanded` expands. Raises PlanError where it is none, or in a store."""
    directory = expanded(directory)
    if is_remote(directory):
        raise PlanError(f"{directory!r} is in a store, where this command does not look: copy the run to a disk first")
    if not os.path.isdir(directory):
        raise PlanError(f"{directory!r} is no directory")
    return directory


@dataclasses.dataclass(frozen=True)
class Numbers:
    """Some of the recorded steps, layers or heads: all, the newest, from A to B, or those listed."""

    text: str

    @property
    def newest(self) -> bool:
        return self.text == "newest"

    def of(self, existing: Sequence[int], what: str) -> list[int]:
        """Those of `existing`, ascending. Raises PlanError if one that is listed is not there, or if none is left."""
        if self.text == "all":
            return list(existing)
        if self.newest:
            return list(existing[-1:])
        try:
            chosen = self._between(existing) if ":" in self.text else self._listed(existing, what)
        except ValueError as error:
            if isinstance(error, PlanError):
                raise
            raise PlanError(f"{what}s must be all, newest, A:B or a list like 0,100, not {self.text!r}") from error
        if not chosen:
            raise PlanError(f"no {what} lies in {self.text}: {_range(existing, what)}")
        return chosen

    def places(self, existing: Sequence[int], what: str) -> list[int]:
        """Where those stand among `existing`. Raises as `of` does."""
        chosen = set(self.of(existing, what))
        return [place for place, number in enumerate(existing) if number in chosen]

    def _between(self, existing: Sequence[int]) -> list[int]:
        first, last = self.text.split(":")
        low = int(first) if first else existing[0]
        high = int(last) if last else existing[-1]
        return [number for number in existing if low <= number <= high]

    def _listed(self, existing: Sequence[int], what: str) -> list[int]:
        listed = {int(number) for number in self.text.split(",")}
        for number in sorted(listed - set(existing)):
            raise PlanError(f"no {what} {number}: {_range(existing, what)}")
        return sorted(listed)


def layers_of(run: Run, layers: Numbers) -> list[int]:
    """Places of those of `layers`, which are the model's own numbers, among the recorded ones. Raises PlanError."""
    return layers.places([layer.in_model(place, 0)[0] for place, layer in enumerate(run.layers)], "layer")


def chains(name: str, run: Run, projections: Sequence[Projection], steps: Numbers, layers: Numbers) -> Iterator[Chain]:
    """The chains of `run`: its newest step first, since every step starts from the one after it.

    Steps that cannot be read are left out: `damaged` of the run tells of each. Raises PlanError for steps or layers
    that are not there.
    """
    chosen = layers_of(run, layers)
    asked = set(asked_steps(run, steps))
    for projection in projections:
        for layer in chosen:
            readable = run.steps_of(layer)
            wanted = tuple(step for step in reversed(readable) if step in asked)
            if steps.newest:
                wanted = tuple(readable[-1:])
            if not wanted:
                continue
            source = run.layer_samples(layer)
            heads = [None] if projection.linear else range(run.layers[layer].heads)
            for head in heads:
                yield Chain(name, layer, View(source, tuple(readable), projection, head), wanted)


def asked_steps(run: Run, steps: Numbers) -> list[int]:
    """Those of `steps`, also where they cannot be read; but the newest that can. Raises PlanError."""
    return steps.of(run.steps if steps.newest else sorted({*run.steps, *run.missing_steps}), "step")


def _range(existing: Sequence[int], what: str) -> str:
    if not existing:
        return f"there is no {what} that can be read"
    return f"there are {len(existing)} {what}s, from {existing[0]} to {existing[-1]}"
