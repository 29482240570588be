"""Synthetic probes: inputs that differ in one thing alone, which their labels name, so that a head that knows it shows.

    from tb_attnviz.callbacks import synthetic

    probe = synthetic.hue_gradients(image_size=224, patch_size=16)
    probe = synthetic.sinusoids(image_size=224, patch_size=16)
    probe = synthetic.repeated_tokens(tokenizer)

The images are those of AttentionViz (Yeh et al. 2023, arXiv 2305.03210, figures 8 and 9): beside the labels of every
image probe they have the direction of their gradient, or the frequency and angle of their wave.
"""

import colorsys
import math
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from .probe import Probe
from .probes.labels import GivenLabels
from .probes.ragged import Ragged
from .probes.repeats import make_repeats
from .probes.texts import encode_ids

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Channels = float | Sequence[float]  # one number for all, or one for red, green and blue each
Pixels = npt.NDArray[np.float64]  # [height, width, 3], from 0 to 1

HALVES = 0.5  # what most vision transformers subtract from the pixels, and divide them by


def hue_gradients(
    *,
    image_size: int = 224,
    patch_size: int = 16,
    directions: int = 8,
    special: Sequence[str] = ("[CLS]",),
    mean: Channels = HALVES,
    std: Channels = HALVES,
) -> Probe:
    """Images that go through all hues once, from one side to the other, in `directions` evenly spread over the circle.

    The model is shown (pixels - mean) / std: those of its image processor. special: as of Probe.from_images.
    Labels: "direction", in degrees: 0 to the right, 90 downward.
    """
    hues = np.array([colorsys.hsv_to_rgb(hue, 1, 1) for hue in np.linspace(0, 1, 1024, endpoint=False)])
    angles = _angles(directions, 360)
    images = [hues[(_along(image_size, angle) * 1023).astype(int)] for angle in angles]
    return _probe(images, patch_size, special, mean, std, {"direction": angles})


def brightness_gradients(
    *,
    image_size: int = 224,
    patch_size: int = 16,
    directions: int = 8,
    special: Sequence[str] = ("[CLS]",),
    mean: Channels = HALVES,
    std: Channels = HALVES,
) -> Probe:
    """Images that go from black to white; all else is as in `hue_gradients`."""
    angles = _angles(directions, 360)
    images = [_grey(_along(image_size, angle)) for angle in angles]
    return _probe(images, patch_size, special, mean, std, {"direction": angles})


def sinusoids(
    *,
    image_size: int = 224,
    patch_size: int = 16,
    frequencies: Sequence[float] = (2, 4, 8, 16, 32),
    angles: int = 6,
    special: Sequence[str] = ("[CLS]",),
    mean: Channels = HALVES,
    std: Channels = HALVES,
) -> Probe:
    """Waves of grey, one image for each of `frequencies` (cycles along a side) in each of `angles` over half a circle.

    The model is shown (pixels - mean) / std: those of its image processor. special: as of Probe.from_images.
    Labels: "frequency", in cycles along a side, and "angle", in degrees: 0 for a wave that goes to the right.
    Raises ValueError for a frequency that so many pixels cannot show.
    """
    images, of_frequency, of_angle = [], [], []
    for frequency in frequencies:
        if not 0 < frequency <= image_size / 2:
            raise ValueError(f"frequency {frequency} is none that {image_size} pixels show: 0 to {image_size / 2:g}")
        for angle in _angles(angles, 180):
            rows, columns = _places(image_size)
            phase = columns * math.cos(math.radians(angle)) + rows * math.sin(math.radians(angle))
            images.append(_grey(0.5 + 0.5 * np.sin(2 * math.pi * frequency * phase)))
            of_frequency.append(float(frequency))
            of_angle.append(angle)
    return _probe(images, patch_size, special, mean, std, {"frequency": of_frequency, "angle": of_angle})


def repeated_tokens(
    vocabulary: "PreTrainedTokenizerBase | int", *, count: int = 8, period: int = 16, seed: int = 0
) -> Probe:
    """`count` sequences of random tokens, said twice: on them induction heads show.

    period: how many tokens at most; some sequences have 2 or 5 fewer, so that heads that attend at a fixed distance can
        be told from induction heads.
    vocabulary: the tokenizer, whose special tokens are left out but for those that begin a text; or how many ids a
        model has that is called with a tensor of ids.
    Labels: "time", whether a token is said the "first" or the "second", and "place", its position in the period.
    Olsson et al. 2022, arXiv 2209.11895.
    """
    special: set[int] = set()
    begin: list[int] = []
    if isinstance(vocabulary, int):
        ids = list(range(vocabulary))
    else:
        special = set(vocabulary.all_special_ids)
        begin = [token for token in vocabulary("").input_ids[:1] if token in special]
        ids = [token for token in range(len(vocabulary)) if token not in special]
    drawn = random.Random(seed).sample(ids, min(len(ids), count * period))
    rows = make_repeats([begin + drawn], special, count=count, max_length=len(begin) + 2 * period, longest=period)
    if not rows:
        raise ValueError(f"period={period} and {len(ids)} tokens make no sequence that repeats itself: give at least 4")
    halves = [(len(row) - len(begin)) // 2 for row in rows]
    labels: GivenLabels = {
        "time": [[*[None] * len(begin), *["first"] * half, *["second"] * half] for half in halves],
        "place": [[*[None] * len(begin), *range(half), *range(half)] for half in halves],
    }
    if isinstance(vocabulary, int):
        return Probe((Ragged(map(torch.tensor, rows)),), [[str(token) for token in row] for row in rows], labels=labels)
    inputs, tokens = encode_ids(rows, vocabulary)
    return Probe(inputs, tokens, labels=labels)


def _probe(
    images: list[Pixels], patch_size: int, special: Sequence[str], mean: Channels, std: Channels, labels: GivenLabels
) -> Probe:
    pixels = (np.stack(images) - np.asarray(mean)) / np.asarray(std)  # (images, height, width, 3)
    shown = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()  # (images, 3, height, width)
    return Probe.from_images(images, {"pixel_values": shown}, patch_size, special=special, labels=labels)


def _angles(count: int, circle: int) -> list[float]:
    if count < 1:
        raise ValueError(f"{count} directions or angles are none: give at least 1")
    return [circle * index / count for index in range(count)]


def _places(size: int) -> tuple[Pixels, Pixels]:
    """Row and column of every pixel, from -½ to ½."""
    places = (np.arange(size) + 0.5) / size - 0.5
    rows, columns = np.meshgrid(places, places, indexing="ij")
    return rows, columns


def _along(size: int, angle: float) -> Pixels:
    """How far every pixel lies in the direction of `angle`, from 0 to 1."""
    rows, columns = _places(size)
    along = columns * math.cos(math.radians(angle)) + rows * math.sin(math.radians(angle))
    result: Pixels = (along - along.min()) / np.ptp(along)
    return result


def _grey(values: Pixels) -> Pixels:
    return np.repeat(values[..., None], 3, axis=-1)
