"""The leading eigenvectors of many matrices: a picture shows three directions of each head, of up to 256.

Of large matrices they are found by iterating on a few vectors at once, and checked by their residuals (Parlett, The
Symmetric Eigenvalue Problem, §11 and §14); of others, and of heads where that is slow, all eigenvectors are taken.
"""

import numpy as np
import numpy.typing as npt

from tb_attnviz.array_types import Float64

COUNT = 3
_LARGE = 64  # of fewer dimensions all eigenvectors are found sooner
_BLOCK = 8  # vectors that are iterated on
_ROUNDS, _STEPS = 8, 6  # at most so many checks, each after so many steps
_ANGLE = 1e-5  # of a direction from the true one, in radians


def leading_eigenvectors(moment: Float64) -> tuple[Float64, Float64]:
    """The three largest eigenvalues [heads, 3] and their vectors [heads, d, 3] of positive `moment` [heads, d, d]."""
    heads, d, _ = moment.shape
    found, values = np.zeros((heads, d, COUNT)), np.zeros((heads, COUNT))
    left = np.arange(heads)
    if d > _LARGE:
        block = np.random.default_rng(0).standard_normal((heads, d, _BLOCK))
        for _ in range(_ROUNDS):
            ritz, block, sure = _improved(moment[left], block)
            done = left[sure]
            found[done], values[done] = block[sure, :, :COUNT], ritz[sure, :COUNT]
            left, block = left[~sure], block[~sure]
            if len(left) == 0:
                return values, found
    eigenvalues, vectors = np.linalg.eigh(moment[left])  # ascending
    count = min(d, COUNT)
    values[left, :count] = eigenvalues[:, ::-1][:, :count]
    found[left, :, :count] = vectors[..., ::-1][..., :count]
    return values, found


def _improved(moment: Float64, block: Float64) -> tuple[Float64, Float64, npt.NDArray[np.bool_]]:
    """Some steps of the iteration: eigenvalues, descending, and vectors within the block, and whether they are those.

    The angle of a vector from the true one is at most its residual over its distance from the other eigenvalues.
    """
    for _ in range(_STEPS):
        block = np.linalg.qr(moment @ block).Q
    image = moment @ block
    values, turn = np.linalg.eigh(block.swapaxes(1, 2) @ image)
    values, turn = values[:, ::-1], turn[..., ::-1]
    block, image = block @ turn, image @ turn
    residual = np.linalg.norm(image - block * values[:, None, :], axis=1)[:, :COUNT]
    gaps = np.minimum(-np.diff(values[:, : COUNT + 1]), -np.diff(values[:, : COUNT + 1], prepend=np.inf)[:, :-1])
    return values, block, np.asarray((residual <= _ANGLE * gaps).all(axis=1))
