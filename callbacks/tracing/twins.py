"""Twins: weights of one module that are computed twice, to attend with them and to keep them to be looked at."""

from collections.abc import Collection

import torch
from torch import Tensor

_WHY = "it is {} computed once more, for weights that meet no values: kept to be looked at, say"


class Twins:
    """Keeps the weights of one attention, to compare them with the next one's."""

    def __init__(self) -> None:
        self._last: tuple[str, Tensor] | None = None
        self._pairs: set[tuple[str, str]] = set()

    def watch(self, name: str, weights: Tensor) -> None:
        """`weights` are those of the attention `name`, which has just been computed."""
        if self._last is not None:
            twin, other = self._last
            if twin.partition("#")[0] == name.partition("#")[0] and _are_equal(other, weights):
                self._pairs.add((name, twin))
        self._last = name, weights

    def unmet(self, met: Collection[str]) -> dict[str, str]:
        """Those that are none of `met`, though their twin is one: attention → why it is not recorded."""
        pairs = [*self._pairs, *(pair[::-1] for pair in self._pairs)]
        return {one: _WHY.format(other) for one, other in pairs if one not in met and other in met}


def _are_equal(one: Tensor, other: Tensor) -> bool:
    alike = type(one) is type(other) is Tensor and one.device == other.device and one.dtype == other.dtype
    return alike and torch.equal(one, other)
