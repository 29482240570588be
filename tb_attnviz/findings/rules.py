"""Rules: of which kinds each head is at each step."""

import numpy as np

from tb_attnviz.array_types import Bool
from tb_attnviz.findings.kinds import FOLLOWS, PLACED
from tb_attnviz.findings.measured import Measured
from tb_attnviz.findings.spans import lasting

NARROWER = {
    "local": ("previous", "next", "fixed", "self", "patch"),
    "label": ("patch", "row", "column", "local"),  # what is near looks alike
    "row": ("patch",),
    "column": ("patch",),
    "collapsed": ("punctuation",),
}
"""A head is not of a kind while it is of a narrower one."""

_MOVED = 0.25  # Jensen-Shannon distance that a quarter of the heads must have come, for one to be left behind
_PATIENCE = 3  # times the steps that these took: heads of a sound training form one after the other
_BORN = 0.1  # share of the heads that may do something at the first checkpoint, for it to be that of random weights
_EVEN = 0.9  # of entropy: heads that attend so broadly are alike by that


def states(measured: Measured) -> dict[str, Bool]:
    """Kind → [steps, heads]."""
    found = {
        kind.name: lasting(measured.get(f"over/{kind.measure}"), on=kind.on, off=kind.off) for kind in measured.kinds
    }  # between checkpoints a head is taken for what its samples last showed
    found["dead"] |= measured.get("over/no_vectors") == 1
    for name in found:
        if name not in ("dead", "prunable"):
            found[name] &= ~found["dead"]  # what else is said of it says nothing
    found["collapsed"] &= ~_any(found, *NARROWER["collapsed"])
    following = [name for name in found if name.startswith(FOLLOWS)]
    does = _any(found, "induction", "same_token", "duplicate", *PLACED, *following)
    found["unchanged"] &= _left_behind(measured) & _from_random(does, measured) & ~does & ~found["local"]
    for name in ("row", "column", "label", "local"):
        found[name] &= ~_any(found, *NARROWER[name])
    broad = measured.held("over/entropy") >= _EVEN
    partner = np.nan_to_num(measured.held("offset/partner")).astype(np.int64)
    placed = _any(found, *PLACED, "dead", "collapsed", "unchanged") | broad
    found["copy"] &= ~placed & ~np.take_along_axis(placed, partner, axis=1)
    found["fed_by"] &= found["induction"] & _of_source(found["previous"], measured)
    special = _any(
        found, *(kind.name for kind in measured.kinds if not (kind.general or kind.beside or kind.name == "copy"))
    )
    found["uniform"] &= ~special
    found["broad"] &= ~special & ~found["uniform"]
    return found


def _left_behind(measured: Measured) -> Bool:
    """[steps, 1]: whether a quarter of the heads have changed much since the first step, and a while ago."""
    moved = measured.held("share/moved")
    if not len(moved):
        return np.zeros((0, 1), np.bool_)
    known = np.where(np.isnan(moved), 0, moved)
    far = np.quantile(known, 0.75, axis=1) >= _MOVED
    if not far.any():
        return np.zeros((len(far), 1), np.bool_)
    steps = np.array(measured.steps)
    begun, came = measured.sampled[0], steps[far.argmax()]
    late: Bool = far & (steps - begun >= _PATIENCE * (came - begun))
    return late[:, None]


def _from_random(does: Bool, measured: Measured) -> bool:
    """Whether the weights were random at the first checkpoint, when few heads did anything: trained ones may stay."""
    return bool(measured.sampled) and bool(does[measured.steps.index(measured.sampled[0])].mean() < _BORN)


def _of_source(state: Bool, measured: Measured) -> Bool:
    """[steps, heads]: whether the head that feeds each one's keys most is in `state`."""
    source = np.nan_to_num(measured.held("offset/fed_by"), nan=-1).astype(np.int64)
    return (source >= 0) & np.take_along_axis(state, np.maximum(source, 0), axis=1)


def _any(found: dict[str, Bool], *names: str) -> Bool:
    either: Bool = np.logical_or.reduce([found[name] for name in names])
    return either
