"""The leading canonical axes of heads, without the others: a picture needs three, of up to 256.

From geometry.canonical: the columns t of T_k are the eigenvectors of QᵀQ KᵀK, to the eigenvalues (σ/s)², with
tᵀ KᵀK t = σ; T_q = s·KᵀK T_k S⁻¹. They are found by iterating on a few vectors at once, which are kept orthonormal in
the inner product of KᵀK (Parlett, The Symmetric Eigenvalue Problem, §14 and §15); no root of a moment is needed.

Three are checked by their residuals, and taken from all eigenvectors where the iteration is slow: with L a root of
QᵀQ, C = s² Lᵀ (KᵀK) L has the eigenvalues σ², and T_k = s·L U S^-½ with its eigenvectors U. Many are a randomised
singular value decomposition of the logits (Halko et al. 2011, arXiv 0909.4061, algorithm 4.4), a best picture of
them but for what the smallest directions share. It begins with random weights of the tokens, so that it is the same
whatever basis a head computes in.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from tb_attnviz.array_types import Bool, Float32, Float64
from tb_attnviz.projection.second_moments import SecondMoments, root_of
from tb_attnviz.projection.source import Vectors

Floats = npt.NDArray[Any]  # single or double precision

_SINGLE = 5e-8  # of a second moment's trace: what summing it up in single precision puts it off by
_OFF = 4e-5  # of a singular value: more might be seen
_NOISE, _SINGLE_NOISE = 1e-6, 1e-3  # of the largest singular value: smaller ones are none; in single precision
_MORE, _MORE_CHECKED = 5, 9  # vectors that are iterated on beside those that are wanted
_FIRST_STEPS = (3, 2)  # in single precision
_ROUNDS, _STEPS = 10, 2  # at most so many checks, each after so many steps
_SKETCHED_STEPS = 4  # where none is checked
_ANGLE = 1e-5  # of a direction from the true one, in radians
_RIDGE = 45  # times the rounding of numbers
_AT_ONCE = 2**18  # numbers of a side's moments


@dataclass(frozen=True)
class LeadingAxes:
    """Linear maps from the vectors of one step to its leading canonical coordinates; 0 for directions there are not."""

    to_queries: Float64  # [heads, d, count]
    to_keys: Float64  # [heads, d, count]
    mean: Float64  # [heads, d]: the mean key
    values: Float64  # [heads, count]: the singular values of the centred logits, descending

    @classmethod
    def of(cls, vectors: Vectors, scale: float, count: int, *, checked: bool) -> "LeadingAxes":
        """From moments in single precision, and in double for heads where that would be seen.

        checked: each direction is that of all of them by itself; else they are those of the same rank together.
        """
        heads, n_query, d = vectors.queries.shape
        many = not checked and d > 2 * (count + _MORE)
        # Random weights of the tokens, the same for all heads.
        weights = np.random.default_rng(0).standard_normal((n_query, count + _MORE), np.float32) if many else None
        together = vectors.shared * max(_AT_ONCE // (d * d * vectors.shared), 1)
        parts = [
            cls._of_some(vectors.some(slice(first, first + together)), scale, count, weights, checked=checked)
            for first in range(0, heads, together)
        ]
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    @classmethod
    def _of_some(
        cls, vectors: Vectors, scale: float, count: int, weights: Float32 | None, *, checked: bool
    ) -> "LeadingAxes":
        """Of so many heads that their moments stay in the processor's cache."""
        start = None if weights is None else (vectors.queries.swapaxes(1, 2) @ weights).astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            moments = SecondMoments.of(vectors, np.float32)
        too_large = ~(np.isfinite(_trace(moments.queries)) & np.isfinite(_trace(moments.keys)))
        moments.queries[too_large] = moments.keys[too_large] = 0
        found = cls._from(moments, scale, *_directions(moments, scale, count, start))
        unsure = np.flatnonzero(too_large | ~found._sure(moments, each=checked))
        if len(unsure):
            some = Vectors(vectors.queries[unsure], vectors.keys[unsure], vectors.finite[unsure])
            exact = SecondMoments.of(some, np.float64)
            better = cls._from(
                exact, scale, *_directions(exact, scale, count, None if start is None else start[unsure])
            )
            for name, array in vars(found).items():
                array[unsure] = getattr(better, name)
        return found

    @classmethod
    def _from(cls, moments: SecondMoments, scale: float, to_keys: Float64, values: Float64) -> "LeadingAxes":
        inverse = np.divide(1.0, values, out=np.zeros_like(values), where=values > 0)[:, None, :]
        return cls(scale * (moments.keys @ to_keys) * inverse, to_keys, moments.mean, values)

    def _sure(self, moments: SecondMoments, *, each: bool) -> Bool:
        """[heads]: whether moments that were summed up in single precision do.

        To first order a singular value is off by t_qᵀ δM_q t_q + t_kᵀ δM_k t_k, in halves: as a share of itself for
        `each`, else of the largest, as long as none is so small that rounding might have made it.
        """
        measure = self.values if each else np.broadcast_to(self.values[:, :1], self.values.shape)
        inverse = np.divide(1.0, measure, out=np.zeros_like(measure), where=measure > 0)
        off = np.zeros_like(inverse)
        for moment, axes in ((moments.queries, self.to_queries), (moments.keys, self.to_keys)):
            off += _SINGLE * _trace(moment)[:, None] * (axes**2).sum(axis=1) * inverse
        sure = (off <= _OFF).all(axis=1)
        return np.asarray(sure if each else sure & (self.values[:, -1] > _SINGLE_NOISE * self.values[:, 0]))


def _directions(moments: SecondMoments, scale: float, count: int, start: Float64 | None) -> tuple[Float64, Float64]:
    """T_k [heads, d, count] and the singular values [heads, count]; with a `start` none of them is checked."""
    heads, d, _ = moments.queries.shape
    to_keys, values = np.zeros((heads, d, count)), np.zeros((heads, count))
    block = count + _MORE
    left = np.ones(heads, np.bool_)
    if d > 2 * block:
        if start is None:
            random = np.random.default_rng(0).standard_normal((d, count + _MORE_CHECKED), np.float32)
            axes, squares, sure = _iterated(moments, _begun(moments, random, _FIRST_STEPS), count)
        else:
            axes, squares, sure = _sketched(moments, start, count)
        values[sure] = scale * np.sqrt(squares[sure])
        to_keys[sure] = axes[sure] * np.sqrt(values[sure])[:, None, :]
        left = ~sure
    if left.any():
        root = root_of(moments.queries[left])
        squares, turn = np.linalg.eigh(scale**2 * (root.swapaxes(1, 2) @ moments.keys[left] @ root))  # ascending
        few = min(d, count)
        of_left = np.sqrt(np.maximum(squares[:, ::-1][:, :few], 0))
        inverse = np.divide(1.0, of_left, out=np.zeros_like(of_left), where=of_left > _NOISE * of_left[:, :1])
        values[left, :few] = np.where(inverse > 0, of_left, 0)
        to_keys[left, :, :few] = scale * (root @ turn[..., ::-1][..., :few]) * np.sqrt(inverse)[:, None, :]
    return to_keys, values


def _begun(moments: SecondMoments, x: Floats, rounds: Iterable[int]) -> Float64:
    """x [heads, d, block], or [d, block] for all of them, after `rounds` of so many steps in the precision of x."""
    of_queries, of_keys = (_of_trace_1(moment).astype(x.dtype) for moment in (moments.queries, moments.keys))
    z = of_keys @ x
    for steps in rounds:
        x, z = _orthonormal(*_powers(of_queries, of_keys, x, z, steps))
    return x.astype(np.float64)


def _of_trace_1(moment: Float64) -> Float64:
    """`moment` [heads, d, d] within what single precision holds."""
    size = _trace(moment)[:, None, None]
    return moment / np.where(size > 0, size, 1.0)


def _trace(moment: Float64) -> Float64:
    return np.asarray(np.trace(moment, axis1=1, axis2=2))


def _iterated(moments: SecondMoments, start: Float64, count: int) -> tuple[Float64, Float64, Bool]:
    """The leading eigenvectors of QᵀQ KᵀK [heads, d, count], of length 1 by KᵀK, and values; and whether they are.

    The angle of a vector from the true one is at most its residual over its distance from the other eigenvalues.
    """
    of_queries, of_keys = moments.queries, moments.keys
    heads, d, _ = start.shape
    vectors, values, sure = np.zeros((heads, d, count)), np.zeros((heads, count)), np.zeros(heads, np.bool_)
    left = np.arange(heads)
    x, z = start, of_keys @ start  # throughout z = of_keys @ x
    for _ in range(_ROUNDS):
        x, z, y, ritz = _improved(of_queries, of_keys, x, z, _STEPS)
        image = of_keys @ y
        of_each = ritz[:, None, :count]
        residual = y[..., :count] - x[..., :count] * of_each, image[..., :count] - z[..., :count] * of_each
        square = np.einsum("hdb,hdb->hb", *residual)
        gaps = np.minimum(-np.diff(ritz[:, : count + 1]), -np.diff(ritz[:, : count + 1], prepend=np.inf)[:, :-1])
        good = ((square <= (_ANGLE * gaps) ** 2) & (gaps > 0)).all(axis=1)
        done, bad = left[good], ~good
        vectors[done], values[done], sure[done] = x[good, :, :count], ritz[good, :count], True
        left = left[bad]
        if len(left) == 0:
            break
        size = _size(y[bad])
        x, z, of_queries, of_keys = y[bad] / size, image[bad] / size, of_queries[bad], of_keys[bad]
    return vectors, values, sure


def _sketched(moments: SecondMoments, start: Float64, count: int) -> tuple[Float64, Float64, Bool]:
    """The same unchecked, from a few steps, each made orthonormal: else the largest would drown far smaller ones."""
    x = _begun(moments, start, (1,) * (_SKETCHED_STEPS - 1))
    x, _, _, ritz = _improved(moments.queries, moments.keys, x, moments.keys @ x, 1)
    ritz = np.where(ritz > _NOISE**2 * ritz[:, :1], ritz, 0)
    return x[..., :count], ritz[:, :count], np.ones(len(x), np.bool_)


def _improved(
    of_queries: Float64, of_keys: Float64, x: Float64, z: Float64, steps: int
) -> tuple[Float64, Float64, Float64, Float64]:
    """Vectors x after so many `steps` more, each the best of their span, KᵀK x, QᵀQ KᵀK x, and their values."""
    x, z = _orthonormal(*_powers(of_queries, of_keys, x, z, steps - 1))
    y = of_queries @ z
    ritz, turn = np.linalg.eigh(z.swapaxes(1, 2) @ y)
    turn = turn[..., ::-1]
    return x @ turn, z @ turn, y @ turn, np.maximum(ritz[:, ::-1], 0)


def _powers(of_queries: Floats, of_keys: Floats, x: Floats, z: Floats, steps: int) -> tuple[Floats, Floats]:
    """x and z = KᵀK x after so many more `steps`."""
    for _ in range(steps):
        x = of_queries @ z
        x /= _size(x)
        z = of_keys @ x
    return x, z


def _orthonormal(x: Floats, z: Floats) -> tuple[Floats, Floats]:
    """The same span, with xᵀ z = 1: x and z = M x [heads, d, block] for a positive M."""
    square = x.swapaxes(1, 2) @ z  # (heads, block, block)
    size = np.einsum("hbb->hb", square)
    scale = 1 / np.sqrt(np.maximum(size, np.finfo(x.dtype).tiny))[:, None, :]
    x, z = x * scale, z * scale
    ridge = _RIDGE * np.finfo(x.dtype).eps
    square = square * scale * scale.swapaxes(1, 2) + ridge * np.eye(square.shape[-1], dtype=x.dtype)
    try:
        whiten = np.linalg.inv(np.linalg.cholesky(square)).swapaxes(1, 2)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(square)
        whiten = vectors / np.sqrt(np.maximum(values, ridge))[:, None, :]
    return x @ whiten, z @ whiten


def _size(x: Floats) -> Floats:
    """The length of each vector of x [heads, d, block], [heads, 1, block]; 1 of those that are 0."""
    size = np.sqrt(np.einsum("hdb,hdb->hb", x, x))[:, None, :]
    return np.where(size > 0, size, 1.0)
