"""Starts: which step a t-SNE or UMAP picture starts from. A tree, so that a picture depends on its ancestors only.

The frame's newest fitted step is the root and starts from its own linear picture. Each older fitted step starts from
the fitted step after it; every other step, recorded before the frame was fitted or after, from the nearest fitted one.
A head's picture at a step is kept under a key that its start's key is part of.
"""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable

import numpy as np

from tb_attnviz.projection.embedding import Embedding, embed
from tb_attnviz.projection.frame import Frame
from tb_attnviz.projection.ports import Store
from tb_attnviz.projection.projection import Projection
from tb_attnviz.projection.source import LayerSamples

_STARTS_AS: dict[str, str] = {"canonical": "biplot", "paper": "pca"}  # the linear picture of the root


@dataclasses.dataclass(frozen=True)
class HeadSteps:
    """One head at all steps. `frame_key` is the address of `frame`: of all that its fitted steps recorded."""

    source: LayerSamples
    projection: Projection
    frame: Frame
    frame_key: str
    head: int

    def lineage(self, step: int) -> tuple[int, ...]:
        """The root, its descendants on the way to `step`, and `step`."""
        nearest = self.frame.nearest(step)
        fitted = tuple(other for other in reversed(self.frame.steps) if other >= nearest)
        return fitted if step == nearest else (*fitted, step)

    def embedding(self, step: int, store: Store, on_progress: Callable[[float], None]) -> Embedding:
        """That of `step`: from `store`, or made, after those of its ancestors that are missing; each is put there.

        `on_progress` is told the share that is done.
        """
        lineage, keys = self.lineage(step), self._keys(step)
        current, made = None, 0
        for place in reversed(range(len(keys))):  # from the step back to the root, until one is there
            data = store.get(keys[place])
            if data is not None:
                current, made = Embedding.from_bytes(data), place + 1
                break
        for place in range(made, len(keys)):
            progress = functools.partial(_part, on_progress, place - made, len(keys) - made)
            current = self._embed(lineage[place], current, progress)
            store.put(keys[place], current.to_bytes())
        assert current is not None  # a lineage holds its step
        return current

    def _keys(self, step: int) -> list[str]:
        keys: list[str] = []
        for ancestor in self.lineage(step):
            address = self.projection.address(), self.frame_key, self.head, self.source.fingerprint(ancestor)
            parts = ["embedding", address, keys[-1] if keys else None]
            keys.append(hashlib.sha256(json.dumps(parts).encode()).hexdigest())
        return keys

    def _embed(self, step: int, start: Embedding | None, on_progress: Callable[[float], None]) -> Embedding:
        whole = self.source.whole(step).of(self.head)
        coordinates = self.frame.coordinates(self.source, step, whole, head=self.head)
        basis = self.frame.bases[_STARTS_AS[self.projection.normalise]].of(self.head)
        picture = basis.project(coordinates, self.projection.dims)[0]
        return embed(np.ascontiguousarray(coordinates[0]), picture, start, self.projection, on_progress)


def _part(on_progress: Callable[[float], None], index: int, count: int, share: float) -> None:
    on_progress((index + share) / count)
