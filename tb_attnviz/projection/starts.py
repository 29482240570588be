"""Starts: which step a picture that is not linear starts from. A tree, so that it depends on its ancestors only.

The frame's newest fitted step is the root and starts from its own linear picture. Each older fitted step starts from
the fitted step after it; every other step, recorded before the frame was fitted or after, from the nearest fitted one.
So does a step of another run that is shown in this frame, unless it holds the very same samples as that one: then it
has its picture. A head's picture at a step is kept under a key that its start's key is part of.
"""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable
from typing import cast

import numpy as np

from tb_attnviz.array_types import Float32, Float64
from tb_attnviz.geometry import procrustes
from tb_attnviz.projection.attended import attended
from tb_attnviz.projection.embedding import Embedding, embed
from tb_attnviz.projection.frame import Frame
from tb_attnviz.projection.ports import Store
from tb_attnviz.projection.projection import Projection
from tb_attnviz.projection.source import LayerSamples, Vectors

_STARTS_AS: dict[str, str] = {"canonical": "biplot", "paper": "pca"}  # the linear picture of the root


@dataclasses.dataclass(frozen=True)
class Recorded:
    """One step of a run."""

    source: LayerSamples
    step: int

    def address(self) -> tuple[object, ...]:
        """Equal where queries, keys, the scale of their logits and what they attend to are."""
        return self.source.fingerprint(self.step), self.source.scale, self.source.attends(self.step)


@dataclasses.dataclass(frozen=True)
class HeadSteps:
    """One head at all steps. `frame_key` is the address of `frame`: of all that its fitted steps recorded.

    `home`: where the fitted steps are recorded, if `source` is another run.
    """

    source: LayerSamples
    projection: Projection
    frame: Frame
    frame_key: str
    head: int
    home: LayerSamples | None = None

    def root(self, store: Store, on_progress: Callable[[float], None]) -> Embedding:
        """That of the frame's newest step, which all others come from."""
        of_frame = dataclasses.replace(self, source=self.home or self.source, home=None)
        return of_frame.embedding(self.frame.steps[-1], store, on_progress)

    def lineage(self, step: int) -> tuple[Recorded, ...]:
        """The root, its descendants on the way to `step`, and `step`."""
        nearest, shown = self.frame.nearest(step), Recorded(self.source, step)
        home = self.home or self.source
        fitted = tuple(Recorded(home, other) for other in reversed(self.frame.steps) if other >= nearest)
        return fitted if fitted[-1].address() == shown.address() else (*fitted, shown)

    def embedding(self, step: int, store: Store, on_progress: Callable[[float], None]) -> Embedding:
        """That of `step`: from `store`, or made, after those of its ancestors that are missing; each is put there.

        `on_progress` is told the share that is done.
        """
        lineage = self.lineage(step)
        keys = self._keys(lineage)
        current, made = None, 0
        for place in reversed(range(len(keys))):  # from the step back to the root, until one is there
            data = store.get(keys[place])
            if data is not None:
                current, made = Embedding.from_bytes(data), place + 1
                break
        for place in range(made, len(keys)):
            progress = functools.partial(_part, on_progress, place - made, len(keys) - made)
            before = lineage[place - 1] if place else None
            current = self._embed(lineage[place], before, current, progress)
            store.put(keys[place], current.to_bytes())
        assert current is not None  # a lineage holds its step
        return current

    def _keys(self, lineage: tuple[Recorded, ...]) -> list[str]:
        keys: list[str] = []
        for recorded in lineage:
            address = self.projection.address(), self.frame_key, self.head, *recorded.address()
            parts = ["embedding", address, keys[-1] if keys else None]
            keys.append(hashlib.sha256(json.dumps(parts).encode()).hexdigest())
        return keys

    def _embed(
        self, recorded: Recorded, before: Recorded | None, start: Embedding | None, on_progress: Callable[[float], None]
    ) -> Embedding:
        source, step = recorded.source, recorded.step
        whole = source.whole(step)
        coordinates = self.frame.coordinates(source, whole.of(self.head), head=self.head)[0]
        changed = None
        if before is not None:
            there = before.source.whole(before.step).of(self.head)
            changed = change(self.frame.coordinates(before.source, there, head=self.head)[0], coordinates)
        rows = attended(source, step, self.head) if self.projection.method == "attention" else None
        return embed(
            coordinates,
            self._linear(recorded, whole),
            start,
            self.projection,
            on_progress,
            changed=changed,
            attended=rows,
        )

    def _linear(self, recorded: Recorded, whole: Vectors) -> Float64:
        """The linear picture of `recorded` [n, dims]; `whole` are its vectors."""
        source, step = recorded.source, recorded.step
        home = None if source is self.home else self.home
        method, dims = _STARTS_AS[self.projection.normalise], self.projection.dims
        points = self.frame.points(source, step, method, dims, whole=whole, head=self.head, home=home)
        return np.asarray(points[0], np.float64)


def change(before: Float32, after: Float32) -> Float64:
    """How far each point has moved in all dimensions [n], over the mean length of those `before` [n, d].

    The coordinates `after` are first brought nearest to them by a rotation: the two may have joined the frame at
    different steps.
    """
    wide, there = after.astype(np.float64), before.astype(np.float64)
    size = np.linalg.norm(there, axis=1).mean()
    moved = np.linalg.norm(wide @ procrustes(wide.T @ there) - there, axis=1)
    return cast(Float64, moved / (size if size > 0 else 1.0))


def _part(on_progress: Callable[[float], None], index: int, count: int, share: float) -> None:
    on_progress((index + share) / count)
