"""Repeated passes: attentions that two passes over the probe show differently, at the same weights.

Every pass begins with the same random numbers, as far as they can be held (`neutral`, `own_generators`). What a model
draws beside them (from a generator that it makes in forward without a seed, os.urandom, the clock) differs from pass to
pass, and would be seen as a change of the heads.
"""

import numpy as np
import numpy.typing as npt

from .recording import Recording

WHY = (
    "two passes over the probe gave it other {} at the same weights: the model draws random numbers, in evaluation "
    "mode too, from where they cannot be held (a generator that forward makes without a seed, os.urandom, the clock), "
    "or goes on from what its last pass left where it is not seen: give it a seed, or leave it out while self.training "
    "is False"
)
_ROUNDING = 1e-3  # of the longest vector's length; processors give the same bits again
_ROUNDING_OF_ACCELERATORS = 5e-2  # whose sums may come in another order, in 16 bits too


def differing(one: Recording, other: Recording, *, on_processor: bool) -> dict[str, str]:
    """Layer → why it is not recorded, for those that differ between two recordings of the same model."""
    rounding = _ROUNDING if on_processor else _ROUNDING_OF_ACCELERATORS
    found: dict[str, str] = {}
    again = {layer.name: place for place, layer in enumerate(other.layers)}
    for place, layer in enumerate(one.layers):
        if layer.name not in again:
            found[layer.name] = WHY.format("attentions")
            continue
        a, b = one.samples[place], other.samples[again[layer.name]]
        parts = (("queries", a.queries, b.queries), ("keys", a.keys, b.keys), ("masks", a.bias, b.bias))
        changed = [name for name, x, y in parts if not _alike(x, y, rounding)]
        if layer.causal != other.layers[again[layer.name]].causal:
            changed.append("masks")
        if changed:
            found[layer.name] = WHY.format(" and ".join(dict.fromkeys(changed)))
    return found | {name: WHY.format("attentions") for name in again if name not in {x.name for x in one.layers}}


def _alike(a: npt.NDArray[np.float32] | None, b: npt.NDArray[np.float32] | None, rounding: float) -> bool:
    """[..., d], of which each vector is compared for itself."""
    if a is None or b is None:
        return a is b
    if a.shape != b.shape or not np.array_equal(np.isfinite(a), np.isfinite(b)):
        return False
    a, b = (np.where(np.isfinite(x), x, 0) for x in (a, b))
    longest = np.sqrt((a**2).sum(-1)).max(initial=0)
    return bool((np.sqrt(((a - b) ** 2).sum(-1)) <= rounding * longest).all())
