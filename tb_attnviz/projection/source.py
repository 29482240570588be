"""LayerSamples: where one layer's samples are, small enough to send to a worker process."""

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import cast

import numpy as np

from tb_attnviz.array_types import Bool, Float32
from tb_attnviz.events import FormatError, Layer, Lengths, Samples, SamplesLocation, read_samples, samples_checksum
from tb_attnviz.events.records import CorruptRecordError, TornRecordError

GONE = "its samples are gone from the log directory"


@dataclasses.dataclass(frozen=True)
class Vectors:
    """Queries and keys of one layer at one step; heads that are not finite are 0 throughout."""

    queries: Float32  # [heads, n_query, d]
    keys: Float32  # [heads, n_key, d]
    finite: Bool  # [heads]
    shared: int = 1  # so many heads after one another have the same keys

    @property
    def count(self) -> int:
        """n_query + n_key"""
        return int(self.queries.shape[1] + self.keys.shape[1])

    @property
    def nbytes(self) -> int:
        return self.queries.nbytes + self.keys.nbytes

    def some(self, heads: slice) -> "Vectors":
        """Those of some heads, the first of which begins a group that shares its keys."""
        return dataclasses.replace(self, queries=self.queries[heads], keys=self.keys[heads], finite=self.finite[heads])

    def of(self, head: int | None) -> "Vectors":
        """Those of one head, as a layer of one; all for None."""
        if head is None:
            return self
        one = slice(head, head + 1)
        return Vectors(self.queries[one], self.keys[one], self.finite[one])


class UnreadableStepError(ValueError):
    """The samples of a step cannot be read. A frame does without it; the step itself has no picture."""

    def __init__(self, directory: str, step: int, where: tuple[str, int | None], why: str) -> None:
        super().__init__(directory, step, where, why)
        self.directory = directory
        self.step = step
        self.where = where
        """The file, and where in it the samples of a layer begin; None: all of it cannot be read."""
        self.why = why

    def __str__(self) -> str:
        return f"step {self.step} cannot be read: {self.why}"


@dataclasses.dataclass(frozen=True)
class LayerSamples:
    """Where the samples of one layer are at every step, step → (file, location in it), and what its attention needs.

    `subset`: indices into queries, then keys, ascending: the points that are pictured; None for all of them. What a
    head computes, and so its canonical coordinates, stays that of all its queries and keys. `of`: what the samples must
    be of, where a probe says it.
    """

    directory: str
    scale: float
    locations: Mapping[int, tuple[str, SamplesLocation]]
    layers: Mapping[int, Layer]  # as recorded at each step
    subset: tuple[int, ...] | None = None
    of: tuple[Layer, Lengths] | None = None

    def __post_init__(self) -> None:
        if self.subset is not None and list(self.subset) != sorted(set(self.subset)):
            raise ValueError("the indices of a subset must ascend, each of them once")

    def at(self, steps: Iterable[int]) -> "LayerSamples":
        """The same of those of `steps` that it has: of a long run little is sent to a worker process."""
        kept = [step for step in steps if step in self.locations]
        locations, layers = {step: self.locations[step] for step in kept}, {step: self.layers[step] for step in kept}
        return dataclasses.replace(self, locations=locations, layers=layers)

    def fingerprint(self, step: int) -> str:
        """What tells the samples of `step` from all others, wherever the run's directory lies."""
        file, location = self.locations[step]
        with self._reading(step):
            checksum = samples_checksum(self.directory, file, location)
        return f"{file}:{location.offset}:{location.length}:{checksum}"

    def attends(self, step: int) -> tuple[object, ...]:
        """Equal where attention follows from equal samples in the same way."""
        layer = self.layers[step]
        lengths = None if self.of is None else (self.of[1].queries, self.of[1].keys)
        return layer.scale, layer.softcap, layer.causal, lengths

    def whole(self, step: int) -> Vectors:
        """All queries and keys, whatever the subset."""
        samples = self.samples(step)
        queries, keys, shared = samples.queries, samples.expanded_keys(), len(samples.queries) // len(samples.keys)
        finite = _finite(queries) & np.repeat(_finite(samples.keys), shared)  # (heads,)
        if not finite.all():
            shared = 1  # some have 0 in place of them
        return Vectors(_zero_unless(finite, queries), _zero_unless(finite, keys), finite, shared)

    def samples(self, step: int) -> Samples:
        """All that was recorded of the layer, whatever the subset."""
        with self._reading(step):
            return read_samples(self.directory, *self.locations[step], *(self.of or ()))

    @contextlib.contextmanager
    def _reading(self, step: int) -> Iterator[None]:
        """Raises UnreadableStepError where the samples are gone, damaged, or not the run's."""
        file, location = self.locations[step]
        begins: int | None = None
        try:
            yield
        except FileNotFoundError:
            why = GONE
        except (CorruptRecordError, TornRecordError) as error:
            begins, why = location.offset, f"its samples are damaged ({error})"
        except FormatError as error:
            why = str(error)
        else:
            return
        raise UnreadableStepError(self.directory, step, (file, begins), why)

    def pictured(self, whole: Vectors) -> Vectors:
        """Those of `whole` that are in the subset. Raises ValueError for an index that is no point."""
        if self.subset is None:
            return whole
        chosen = np.array(self.subset, dtype=np.int64)
        n_query = whole.queries.shape[1]
        if len(chosen) and not 0 <= chosen[0] <= chosen[-1] < whole.count:
            raise ValueError(f"a subset's indices must lie between 0 and {whole.count - 1}, not up to {chosen[-1]}")
        is_query = chosen < n_query
        return Vectors(whole.queries[:, chosen[is_query]], whole.keys[:, chosen[~is_query] - n_query], whole.finite)


def _finite(vectors: Float32) -> Bool:
    """[heads]: whether all of a head's are. A largest or a least number that is not finite tells of any such."""
    ends = [vectors.max(axis=(1, 2), initial=0), vectors.min(axis=(1, 2), initial=0)]
    return np.asarray(np.isfinite(ends).all(axis=0))


def _zero_unless(finite: Bool, array: Float32) -> Float32:
    return array if finite.all() else cast(Float32, np.where(finite[:, None, None], array, np.float32(0)))
