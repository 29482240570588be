"""Repulsion: how all points of a t-SNE picture push each other apart, in time that grows with its area, not with n².

A particle-mesh method (Hockney & Eastwood 1988): with K(y) = 1/(1 + ‖y‖²), the force on point i is
Σ_j K² (y_i - y_j) = -½ ∇φ(y_i) of the potential φ = Σ_j K(y - y_j). Points are spread on a grid by cubic splines, one
convolution by FFT gives φ on the grid, and the same splines' slopes give its gradient: two transforms a step in any
number of dimensions, where FIt-SNE (Linderman et al. 2019, doi 10.1038/s41592-018-0308-4) takes five and stops at two.
"""

import numpy as np

from tb_attnviz.array_types import Float32
from tb_attnviz.projection.compiled import compiled

_SPACING = {2: 0.5, 3: 0.8}  # of the grid, where K falls to one half at 1
_MOST_CELLS = {2: 1024, 3: 44}  # along an axis; a picture that is larger gets a coarser grid
_FEW_POINTS = 1000  # every pair is computed up to here: as fast, and exact where the grid's error would count
_LEAST_NEAR = 0.01  # of Σ_j K for a point: where all points are far from each other, the error of the grid is more
_ROUND = 8  # the grid grows in steps of so many cells: its kernel is seldom computed anew


class Repulsion:
    """The repulsion within a picture; keeps the transformed kernel between the steps of a descent."""

    def __init__(self) -> None:
        self._kernel: Float32 = np.empty(0, np.float32)
        self._kernel_of: tuple[int, int, float] | None = None

    def __call__(self, points: Float32) -> tuple[Float32, float]:
        """Σ_j K² (y_i - y_j) [n, dims] for `points` [n, dims], and Σ_{i≠j} K."""
        import scipy.fft

        n, dims = points.shape
        force = np.empty((n, dims), np.float32)
        if n <= _FEW_POINTS:
            return force, _of_all_pairs(points, force)
        low = np.array([column.min() for column in points.T])  # (dims,); along the axis it takes 20 times as long
        span = float(max(column.max() for column in points.T - low[:, None]))
        if not np.isfinite(span):
            raise FloatingPointError("t-SNE diverged: some of its points are not finite")
        spacing = max(_SPACING[dims], span / _MOST_CELLS[dims])
        cells = -(-(int(span / spacing) + 5) // _ROUND) * _ROUND  # a spline reaches over four nodes; one for rounding
        size = scipy.fft.next_fast_len(2 * cells, real=True)  # twice the picture: no point acts around the edge
        kernel = self._transformed_kernel(size, dims, spacing)
        places = (points - low) / np.float32(spacing)  # in cells
        density = np.zeros((cells,) * dims, np.float32)
        _spread(places, density.reshape(-1, cells, cells) if dims == 3 else density[None])
        potential = _convolve(density, kernel, size)
        total = _gather(places, potential.reshape(-1, cells, cells) if dims == 3 else potential[None], force)
        force *= np.float32(-0.5 / spacing)
        return force, max(total - n, _LEAST_NEAR * n)

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


@compiled
def _of_all_pairs(points: Float32, force: Float32) -> float:
    """Fills `force` [n, 2 or 3]; gives Σ_{i≠j} K."""
    n, deep = len(points), points.shape[1] == 3
    one, total = np.float32(1), 0.0
    force[:] = 0
    for i in range(n):
        x, y = points[i, 0], points[i, 1]
        z = points[i, 2] if deep else np.float32(0)
        push_x = push_y = push_z = of_row = np.float32(0)
        for j in range(i):
            dx, dy = x - points[j, 0], y - points[j, 1]
            dz = z - points[j, 2] if deep else np.float32(0)
            kernel = one / (one + dx * dx + dy * dy + dz * dz)
            of_row += kernel
            squared = kernel * kernel
            push_x += squared * dx
            push_y += squared * dy
            force[j, 0] -= squared * dx
            force[j, 1] -= squared * dy
            if deep:
                push_z += squared * dz
                force[j, 2] -= squared * dz
        total += float(of_row)
        force[i, 0] += push_x
        force[i, 1] += push_y
        if deep:
            force[i, 2] += push_z
    return 2 * total


@compiled
def _spread(places: Float32, density: Float32) -> None:
    """Adds each of `places` [n, dims] to the `density` [planes, rows, columns] at its four nodes an axis.

    A picture in 2-D has one plane.
    """
    n, dims = places.shape
    nodes, weights = np.zeros(3, np.int64), np.zeros((3, 4), np.float32)
    weights[0, 0] = 1  # of the one plane
    planes = 4 if dims == 3 else 1
    for i in range(n):
        for axis in range(dims):
            nodes[3 - dims + axis] = np.int64(places[i, axis])
            right = places[i, axis] - np.floor(places[i, axis])
            left = np.float32(1) - right
            of_axis = weights[3 - dims + axis]
            of_axis[0] = left * left * left / 6
            of_axis[1] = (4 - 6 * right * right + 3 * right * right * right) / 6
            of_axis[2] = (4 - 6 * left * left + 3 * left * left * left) / 6
            of_axis[3] = right * right * right / 6
        for a in range(planes):
            for b in range(4):
                weight = weights[0, a] * weights[1, b]
                row = density[nodes[0] + a, nodes[1] + b]
                for c in range(4):
                    row[nodes[2] + c] += weight * weights[2, c]


@compiled
def _gather(places: Float32, potential: Float32, slopes: Float32) -> float:
    """The slopes [n, dims] of the `potential` [planes, rows, columns] at `places` [n, dims], and its sum over them."""
    n, dims = places.shape
    nodes, weights, rates = np.zeros(3, np.int64), np.zeros((3, 4), np.float32), np.zeros((3, 4), np.float32)
    weights[0, 0] = 1
    planes = 4 if dims == 3 else 1
    total = 0.0
    for i in range(n):
        for axis in range(dims):
            nodes[3 - dims + axis] = np.int64(places[i, axis])
            right = places[i, axis] - np.floor(places[i, axis])
            left = np.float32(1) - right
            of_axis, rates_of_axis = weights[3 - dims + axis], rates[3 - dims + axis]
            of_axis[0] = left * left * left / 6
            of_axis[1] = (4 - 6 * right * right + 3 * right * right * right) / 6
            of_axis[2] = (4 - 6 * left * left + 3 * left * left * left) / 6
            of_axis[3] = right * right * right / 6
            rates_of_axis[0] = -left * left / 2
            rates_of_axis[1] = right * (np.float32(1.5) * right - 2)
            rates_of_axis[2] = left * (2 - np.float32(1.5) * left)
            rates_of_axis[3] = right * right / 2
        value = deep = down = across = np.float32(0)
        for a in range(planes):
            for b in range(4):
                row = potential[nodes[0] + a, nodes[1] + b]
                along = rise = np.float32(0)
                for c in range(4):
                    along += row[nodes[2] + c] * weights[2, c]
                    rise += row[nodes[2] + c] * rates[2, c]
                value += along * weights[0, a] * weights[1, b]
                deep += along * rates[0, a] * weights[1, b]
                down += along * weights[0, a] * rates[1, b]
                across += rise * weights[0, a] * weights[1, b]
        total += float(value)
        if dims == 3:
            slopes[i, 0] = deep
        slopes[i, dims - 2] = down
        slopes[i, dims - 1] = across
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
