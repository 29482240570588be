"""LayerSamples: where one layer's samples are, small enough to send to a worker process."""

import dataclasses
from typing import cast

import numpy as np
import numpy.typing as npt

from tb_attnviz.events import SamplesLocation, read_samples, samples_checksum

Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Vectors:
    """Queries and keys of one layer at one step, in double precision; heads that are not finite are 0 throughout."""

    queries: Float64  # [heads, n_query, d]
    keys: Float64  # [heads, n_key, d]
    finite: Bool  # [heads]


@dataclasses.dataclass(frozen=True)
class LayerSamples:
    """Where the samples of one layer are at every step: step → (file, place in it).

    `subset`: only these points count, ascending indices into queries, then keys; None: all do.
    """

    directory: str
    scale: float
    locations: dict[int, tuple[str, SamplesLocation]]
    subset: tuple[int, ...] | None = None

    def only(self, *steps: int) -> "LayerSamples":
        """The same without the other steps."""
        return dataclasses.replace(self, locations={step: self.locations[step] for step in steps})

    def fingerprint(self, step: int) -> str:
        """What tells the samples of `step` from all others, wherever the run's directory lies."""
        file, location = self.locations[step]
        return f"{file}:{location.offset}:{location.length}:{samples_checksum(self.directory, file, location)}"

    def vectors(self, step: int) -> Vectors:
        samples = read_samples(self.directory, *self.locations[step])
        queries, keys = samples.queries, samples.expanded_keys()
        if self.subset is not None:
            chosen, n_query = np.array(self.subset), queries.shape[1]
            queries, keys = queries[:, chosen[chosen < n_query]], keys[:, chosen[chosen >= n_query] - n_query]
        finite = np.asarray(np.isfinite(queries).all(axis=(1, 2)) & np.isfinite(keys).all(axis=(1, 2)))  # (heads,)
        return Vectors(_zero_unless(finite, queries), _zero_unless(finite, keys), finite)


def _zero_unless(finite: Bool, array: npt.NDArray[np.float32]) -> Float64:
    return cast(Float64, np.where(finite[:, None, None], array, 0.0).astype(np.float64))
