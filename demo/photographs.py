"""Real images without a download: crops of the two photographs that scikit-learn carries."""

import torch
from sklearn.datasets import load_sample_images
from torch import Tensor
from torch.nn import functional

CROP = 32  # pixels a side
_REDUCTION = 2  # the photographs are taken at half their size, so that a crop shows more than a texture


class Photographs:
    """Random crops; the same `seed` gives the same ones."""

    def __init__(self, *, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._images = [_reduced(torch.tensor(image)) for image in load_sample_images().images]

    def crops(self, count: int) -> Tensor:
        """[count, 3, CROP, CROP] in [0, 1]; half of them mirrored."""
        return torch.stack([self._crop() for _ in range(count)])

    def _crop(self) -> Tensor:
        image = self._images[self._draw(len(self._images))]  # (3, height, width)
        top, left = self._draw(image.shape[1] - CROP + 1), self._draw(image.shape[2] - CROP + 1)
        crop = image[:, top : top + CROP, left : left + CROP]
        return crop.flip(-1) if self._draw(2) else crop

    def _draw(self, below: int) -> int:
        return int(torch.randint(below, (), generator=self._generator))


def _reduced(image: Tensor) -> Tensor:
    """[height, width, 3] bytes as [3, height/2, width/2] in [0, 1]."""
    return functional.avg_pool2d(image.permute(2, 0, 1).float() / 255, _REDUCTION)
