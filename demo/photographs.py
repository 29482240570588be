"""Real images without a download: crops of the two photographs that scikit-learn carries."""

import torch
from sklearn.datasets import load_sample_images
from torch import Tensor
from torch.nn import functional

CROP = 32  # pixels a side, as the model sees them
_REDUCTION = 2  # it sees the photographs at half their size, so that a crop shows more than a texture


class Photographs:
    """Random crops; the same `seed` gives the same ones."""

    def __init__(self, *, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._images = [torch.tensor(image).permute(2, 0, 1) for image in load_sample_images().images]

    def crops(self, count: int) -> Tensor:
        """[count, 3, CROP, CROP] in [0, 1]; half of them mirrored."""
        return reduced(self.originals(count))

    def originals(self, count: int) -> Tensor:
        """The same in the photographs' own size: bytes, [count, 3, 2 · CROP, 2 · CROP]."""
        return torch.stack([self._original() for _ in range(count)])

    def _original(self) -> Tensor:
        image = self._images[self._draw(len(self._images))]  # (3, height, width)
        places = [self._draw(pixels // _REDUCTION - CROP + 1) for pixels in image.shape[1:]]
        top, left = (_REDUCTION * place for place in places)
        original = image[:, top : top + _REDUCTION * CROP, left : left + _REDUCTION * CROP]
        return original.flip(-1) if self._draw(2) else original

    def _draw(self, below: int) -> int:
        return int(torch.randint(below, (), generator=self._generator))


def reduced(originals: Tensor) -> Tensor:
    """[…, height, width] bytes as half of both in [0, 1]."""
    return functional.avg_pool2d(originals.float() / 255, _REDUCTION)
