"""Repulsion: how all points of a t-SNE picture push each other apart, in time that grows with its area, not with n².

A particle-mesh method (Hockney & Eastwood 1988): with K(y) = 1/(1 + ‖y‖²), the force on point i is
Σ_j K² (y_i - y_j) = -½ ∇φ(y_i) of the potential φ = Σ_j K(y - y_j). Points are spread on a grid by cubic splines, one
convolution by FFT gives φ on the grid, and the same splines' slopes give its gradient: two transforms a step in any
number of dimensions, where FIt-SNE (Linderman et al. 2019, doi 10.1038/s41592-018-0308-4) takes five and stops at two.
"""

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

_SPACING = {2: 0.5, 3: 0.8}  # of the grid, where K falls to one half at 1
_MOST_CELLS = {2: 1024, 3: 44}  # along an axis; a picture that is larger gets a coarser grid
_ROUND = 8  # the grid grows in steps of so many cells: its kernel is seldom computed anew


class Repulsion:
    """The repulsion within a picture; keeps the transformed kernel between the steps of a descent."""

    def __init__(self) -> None:
        self._kernel: Float32 = np.empty(0, np.float32)
        self._kernel_of: tuple[int, int, float] | None = None

    def __call__(self, points: Float64) -> tuple[Float64, float]:
        """Σ_j K² (y_i - y_j) [n, dims] for `points` [n, dims], and Σ_{i≠j} K."""
        import scipy.fft

        n, dims = points.shape
        low = points.min(axis=0)
        span = float((points.max(axis=0) - low).max())
        spacing = max(_SPACING[dims], span / _MOST_CELLS[dims])
        cells = -(-(int(span / spacing) + 4) // _ROUND) * _ROUND  # a spline reaches over four nodes
        size = scipy.fft.next_fast_len(2 * cells, real=True)  # twice the picture: no point acts around the edge
        kernel = self._transformed_kernel(size, dims, spacing)
        node, weights, slopes = _splines((points - low) / spacing)
        flat = _outer_sum([node[:, axis] * cells ** (dims - 1 - axis) for axis in range(dims)])  # (n, 4 ** dims)
        weight = _outer_product([weights[:, axis] for axis in range(dims)])  # (n, 4 ** dims)
        density = np.bincount(flat.ravel(), weight.ravel(), minlength=cells**dims)
        potential = _convolve(density.reshape((cells,) * dims).astype(np.float32), kernel, size)
        nearby = potential.ravel()[flat]  # (n, 4 ** dims)
        force = np.empty((n, dims))
        for axis in range(dims):
            slope = _outer_product([(slopes if other == axis else weights)[:, other] for other in range(dims)])
            force[:, axis] = np.einsum("nk,nk->n", nearby, slope) * (-0.5 / spacing)
        return force, float(np.einsum("nk,nk->n", nearby, weight).sum(dtype=np.float64)) - n

    def _transformed_kernel(self, size: int, dims: int, spacing: float) -> Float32:
        """K on the grid, its transform divided by the splines' own: so that it is met exactly at the nodes."""
        import scipy.fft

        if self._kernel_of != (size, dims, spacing):
            away = (np.minimum(np.arange(size), size - np.arange(size)) * spacing) ** 2
            kernel = scipy.fft.rfftn(1 / (1 + np.asarray(sum(np.ix_(*[away] * dims)), np.float32))).real
            smoothing = ((2 + np.cos(2 * np.pi * np.arange(size) / size)) / 3) ** -2  # once to spread, once to gather
            for axis in range(dims):
                shape = [1] * dims
                shape[axis] = -1
                kernel *= smoothing[: kernel.shape[axis]].astype(np.float32).reshape(shape)
            self._kernel, self._kernel_of = kernel, (size, dims, spacing)
        return self._kernel


def _splines(places: Float64) -> tuple[npt.NDArray[np.int64], Float32, Float32]:
    """The four nodes about each of `places` [n, dims], in cells, their weights and slopes, each [n, dims, 4]."""
    first = places.astype(np.int64)
    right = (places - first).astype(np.float32)
    left = 1 - right
    weights = (left**3 / 6, (4 - 6 * right**2 + 3 * right**3) / 6, (4 - 6 * left**2 + 3 * left**3) / 6, right**3 / 6)
    slopes = (-(left**2) / 2, right * (1.5 * right - 2), left * (2 - 1.5 * left), right**2 / 2)
    return first[..., None] + np.arange(4), np.stack(weights, axis=-1), np.stack(slopes, axis=-1)


def _outer_product(factors: list[Float32]) -> Float32:
    """[n, 4 ** dims] from a factor [n, 4] an axis."""
    product = factors[0]
    for factor in factors[1:]:
        product = (product[:, :, None] * factor[:, None, :]).reshape(len(factor), -1)
    return product


def _outer_sum(terms: list[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    total = terms[0]
    for term in terms[1:]:
        total = (total[:, :, None] + term[:, None, :]).reshape(len(term), -1)
    return total


def _convolve(density: Float32, kernel: Float32, size: int) -> Float32:
    """`density` with the kernel, on the nodes that it is given on; the empty half is not transformed for nothing."""
    import scipy.fft

    dims, cells = density.ndim, len(density)
    spectrum = scipy.fft.rfft(density, size, axis=-1)
    for axis in range(dims - 2, -1, -1):
        spectrum = scipy.fft.fft(spectrum, size, axis=axis)
    spectrum *= kernel
    for axis in range(dims - 1):
        kept = [slice(None)] * dims
        kept[axis] = slice(cells)
        spectrum = scipy.fft.ifft(spectrum, axis=axis)[tuple(kept)]
    potential: Float32 = np.ascontiguousarray(scipy.fft.irfft(spectrum, size, axis=-1)[..., :cells])
    return potential
