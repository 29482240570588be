"""Divergence: how far two distributions of attention are apart."""

from typing import Any

from array_api_compat import array_namespace

from tb_attnviz.array_types import Array

_LN_2 = 0.6931471805599453


def jensen_shannon(p: Array, q: Array) -> Array:
    """The Jensen-Shannon distance [...] of distributions p, q [..., n]: 0 where they are equal, 1 without overlap.

    √(½ Σ p log₂(p/m) + ½ Σ q log₂(q/m)) with m = (p + q)/2: a metric (Endres and Schindelin 2003,
    doi 10.1109/TIT.2003.813506). float64 is best: what float32 rounds away looks like a distance of 3e-4.
    """
    xp = array_namespace(p, q)
    middle = (p + q) / 2
    halves = _relative(xp, p, middle) + _relative(xp, q, middle)  # (..., n)
    return xp.sqrt(xp.clip(xp.sum(halves, axis=-1) / (2 * _LN_2), 0.0, 1.0))


def _relative(xp: Any, p: Array, middle: Array) -> Array:
    """p ln(p / middle), 0 where p is."""
    one = xp.ones_like(p)
    return p * xp.log(xp.where(p == 0, one, p) / xp.where(middle == 0, one, middle))
