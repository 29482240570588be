"""Repeated passes: attentions that two passes over the probe show differently, at the same weights.

Every pass begins with the same random numbers, as far as they can be held (`neutral`, `own_generators`). What a model
draws beside them (from a generator that it makes in forward without a seed, os.urandom, the clock) differs from pass to
pass, and would be seen as a change of the heads.
"""

import dataclasses

import numpy as np
import numpy.typing as npt

from tb_attnviz.events import Samples

from .recording import Recording

WHY = (
    "two passes over the probe gave it other {} at the same weights: the model draws random numbers, in evaluation "
    "mode too, from where they cannot be held (a generator that forward makes without a seed, os.urandom, the clock), "
    "or goes on from what its last pass left where it is not seen: give it a seed, or leave it out while self.training "
    "is False"
)
_ROUNDING = 1e-3  # of the longest vector's length; processors give the same bits again
_ROUNDING_OF_ACCELERATORS = 5e-2  # whose sums may come in another order, in 16 bits too
_KEPT = 8  # numbers of each vector


@dataclasses.dataclass(frozen=True)
class Sketch:
    """What a recording showed, small enough to be kept while the next one is made."""

    layers: dict[str, "_OfLayer"]

    @classmethod
    def of(cls, recording: Recording) -> "Sketch":
        both = zip(recording.layers, recording.samples, strict=True)
        return cls({layer.name: _OfLayer.of(layer.causal, samples.as_read()) for layer, samples in both})


@dataclasses.dataclass(frozen=True)
class _OfLayer:
    causal: bool
    queries: "_Vectors | None"
    keys: "_Vectors | None"
    bias: "_Vectors | None"

    @classmethod
    def of(cls, causal: bool, of: Samples) -> "_OfLayer":
        return cls(causal, *(None if x is None else _sketched(x) for x in (of.queries, of.keys, of.bias)))


@dataclasses.dataclass(frozen=True)
class _Vectors:
    """Of [..., d]: differences keep their lengths, up to chance (Johnson and Lindenstrauss 1984)."""

    shape: tuple[int, ...]
    finite: npt.NDArray[np.uint8]  # a bit a component
    kept: npt.NDArray[np.float32]  # [..., _KEPT or d], of finite components
    longest: float


def differing(one: Sketch, other: Sketch, *, on_processor: bool) -> dict[str, str]:
    """Layer → why it is not recorded, for those that differ between two recordings of the same model."""
    rounding = _ROUNDING if on_processor else _ROUNDING_OF_ACCELERATORS
    found: dict[str, str] = {}
    for name, a in one.layers.items():
        b = other.layers.get(name)
        if b is None:
            found[name] = WHY.format("attentions")
            continue
        parts = (("queries", a.queries, b.queries), ("keys", a.keys, b.keys), ("masks", a.bias, b.bias))
        changed = [part for part, x, y in parts if not _alike(x, y, rounding)]
        if a.causal != b.causal:
            changed.append("masks")
        if changed:
            found[name] = WHY.format(" and ".join(dict.fromkeys(changed)))
    return found | {name: WHY.format("attentions") for name in other.layers if name not in one.layers}


def _sketched(x: npt.NDArray[np.float32]) -> _Vectors:
    finite = np.isfinite(x)
    known = x if finite.all() else np.where(finite, x, np.float32(0))
    longest = float(np.linalg.norm(known, axis=-1).max(initial=0))
    d = x.shape[-1]
    if d > _KEPT:
        signs = np.random.default_rng(0).choice(np.array([-1, 1], np.float32), (d, _KEPT))
        known = known @ (signs / np.sqrt(np.float32(_KEPT)))
    else:
        known = known.copy()
    return _Vectors(x.shape, np.packbits(finite), known, longest)


def _alike(a: _Vectors | None, b: _Vectors | None, rounding: float) -> bool:
    """Each vector is compared for itself."""
    if a is None or b is None:
        return a is b
    if a.shape != b.shape or not np.array_equal(a.finite, b.finite):
        return False
    return bool((np.linalg.norm(a.kept - b.kept, axis=-1) <= rounding * a.longest).all())
