"""Basis: the few directions of aligned canonical coordinates that a picture shows, one for all steps.

biplot  the leading directions about the origin: of all linear pictures, dot products on screen come nearest to the
        centred logits (Gabriel 1971, doi 10.1093/biomet/58.3.453); the origin means "no preference"
pca     the directions of largest variance of queries and keys together, about their common mean
"""

import dataclasses

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]

PROJECTIONS = ("biplot", "pca")
MOST_DIMS = 3


@dataclasses.dataclass(frozen=True)
class Basis:
    """One projection of every head of a layer."""

    directions: Float64  # [heads, d, 3]
    centre: Float64  # [heads, d]; the origin for the biplot
    extent: Float64  # [heads, 3]: the largest coordinate on screen in 1, 2 or 3 dimensions, over the fitted steps

    def project(self, coordinates: Float64, dims: int) -> Float64:
        """[heads, n, dims] from aligned canonical coordinates [heads, n, d]; within [-1, 1] at the fitted steps."""
        extent = self.extent[:, dims - 1, None, None]
        return (coordinates - self.centre[:, None, :]) @ self.directions[..., :dims] / extent


class Moments:
    """Second moments and means of aligned coordinates; every step counts alike, however large its logits are."""

    def __init__(self, heads: int, d: int) -> None:
        self._second = np.zeros((heads, d, d))
        self._mean = np.zeros((heads, d))
        self._weight = np.zeros(heads)

    def add(self, coordinates: Float64) -> None:
        """`coordinates` [heads, n, d] of one step."""
        second = coordinates.swapaxes(1, 2) @ coordinates / coordinates.shape[1]  # (heads, d, d)
        size = np.trace(second, axis1=1, axis2=2)  # (heads,)
        weight = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
        self._second += second * weight[:, None, None]
        self._mean += coordinates.mean(axis=1) * weight[:, None]
        self._weight += weight

    def bases(self) -> dict[str, Basis]:
        """The basis of each of PROJECTIONS, its extent not measured yet (1)."""
        weight = np.where(self._weight > 0, self._weight, 1.0)[:, None]  # (heads, 1)
        mean = self._mean / weight
        covariance = self._second / weight[..., None] - mean[:, :, None] * mean[:, None, :]
        extent = np.ones((len(mean), MOST_DIMS))
        return {
            "biplot": Basis(_leading(self._second), np.zeros_like(mean), extent),
            "pca": Basis(_leading(covariance), mean, extent),
        }


class Extent:
    """How far a basis' points reach, and which way they lean, over all steps."""

    def __init__(self, basis: Basis) -> None:
        self._basis = basis
        self._largest = np.zeros_like(basis.extent)
        self._lean = np.zeros_like(basis.extent)

    def add(self, coordinates: Float64) -> None:
        """`coordinates` [heads, n, d] of one step."""
        points = self._basis.project(coordinates, MOST_DIMS)  # (heads, n, 3)
        self._largest = np.maximum(self._largest, np.abs(points).max(axis=1))
        self._lean += (points * points * points).sum(axis=1)  # ten times faster than points**3

    def measured(self) -> Basis:
        """The basis with its extent, each direction turned so that its points lean to the positive side.

        An eigenvector's sign is arbitrary; the third moment fixes it, so that a picture does not flip between fits.
        """
        reach = np.maximum.accumulate(self._largest, axis=1)
        return Basis(
            directions=self._basis.directions * np.where(self._lean < 0, -1.0, 1.0)[:, None, :],
            centre=self._basis.centre,
            extent=np.where(reach > 0, reach, 1.0),
        )


def _leading(moment: Float64) -> Float64:
    """The eigenvectors of the largest eigenvalues, [heads, d, 3]; for d < 3 the missing directions are 0."""
    _, vectors = np.linalg.eigh(moment)  # ascending
    leading = vectors[..., ::-1][..., :MOST_DIMS]
    missing = MOST_DIMS - leading.shape[-1]
    return np.pad(leading, ((0, 0), (0, 0), (0, missing)))
