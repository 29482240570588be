"""Images of a probe: their grids of patches, the files that are stored, and what is seen in each patch."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tb_attnviz.events import Grid, Image, ProbeRecord
from tb_attnviz.events.png import image_name

from .labels import GivenLabels
from .ragged import Ragged

if TYPE_CHECKING:
    from PIL import Image as Pillow

    PILImage = Pillow.Image

Pixels = npt.NDArray[np.float32]

LONGEST_SIDE = 512
"""Of a stored image, in pixels: larger ones are made smaller."""

_FEWEST_PIXELS = 8  # a side of a patch, where its colours are looked at
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # of red, green and blue (ITU-R BT.709)
_GREY = 0.02  # of the range of colours: with less between the strongest and the weakest there is no hue


def shown_in(record: ProbeRecord, pngs: Mapping[str, bytes]) -> dict[str, bytes]:
    """Those of the files that a side of `record` shows."""
    sides = [side for s in record.sequences for side in (s, s.key_tokens) if side is not None]
    shown = {side.image.file for side in sides if side.image}
    return {file: png for file, png in pngs.items() if file in shown}


def as_inputs(pixel_values: Tensor | Sequence[Tensor] | Mapping[str, Any]) -> tuple[Any, list[Tensor]]:
    """What the model is called with, and the pixels of each image, [channels, height, width]."""
    if isinstance(pixel_values, Mapping):
        inputs = dict(pixel_values)
        pixels = inputs.get("pixel_values")
        if pixels is None:
            raise ValueError(
                f"the inputs hold no pixel_values, but {', '.join(inputs)}: give those of an image processor"
            )
        of_all, each = as_inputs(pixels)
        return {**inputs, "pixel_values": of_all}, each
    if isinstance(pixel_values, Tensor):
        if pixel_values.dim() != 4:
            raise ValueError(
                f"pixel_values has the shape {tuple(pixel_values.shape)}; give [images, channels, height, width]"
            )
        return pixel_values, list(pixel_values)
    images = Ragged(pixel_values)
    for index, image in enumerate(images):
        if image.dim() != 3:
            raise ValueError(
                f"pixel_values of image {index} has the shape {tuple(image.shape)}; give [channels, height, width]"
            )
    if len({image.shape for image in images}) == 1:
        return torch.stack(images), list(images)
    return images, list(images)


def sides(patch_size: int | tuple[int, int]) -> tuple[int, int]:
    """Height and width."""
    return (patch_size, patch_size) if isinstance(patch_size, int) else patch_size


def find_grid(pixels: Tensor, patch_size: int | tuple[int, int]) -> Grid:
    """The whole patches of an image [channels, height, width]. Raises ValueError if there is none."""
    height, width = sides(patch_size)
    if height < 1 or width < 1:
        raise ValueError(f"patch_size={patch_size!r} must be at least 1: the pixels of a patch along a side")
    grid = Grid(pixels.shape[-2] // height, pixels.shape[-1] // width)
    if grid.size == 0:
        raise ValueError(
            f"an image of {pixels.shape[-2]} × {pixels.shape[-1]} pixels holds no patch of {height} × {width}: "
            "give the patch_size of the model"
        )
    return grid


def all_as_rgb(
    images: Sequence[Any] | None, pixels: Sequence[Tensor], patch_size: int | tuple[int, int]
) -> "list[PILImage]":
    """The images to show, one for each that the model is shown: as far as its whole patches reach."""
    if images is None:
        shown = [as_rgb(_stretched(x.detach().float().cpu().numpy())) for x in pixels]
    elif len(images) != len(pixels):
        raise ValueError(f"images are {len(images)}, and pixel_values are of {len(pixels)}: give as many")
    else:
        shown = [as_rgb(image) for image in images]
    return [_in_patches(image, x, sides(patch_size)) for image, x in zip(shown, pixels, strict=True)]


def as_rgb(image: Any) -> "PILImage":
    """An image to show: a PIL image, or an array as Probe.from_images takes it. Raises ValueError for another."""
    try:
        from PIL import Image as Pillow
    except ImportError as error:
        raise ModuleNotFoundError("images need Pillow: pip install 'tb-attnviz[torch]'") from error
    if isinstance(image, Pillow.Image):
        return image.convert("RGB")
    array = image.detach().cpu().numpy() if isinstance(image, Tensor) else np.asarray(image)
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[2] not in (1, 3):
        array = array.transpose(1, 2, 0)  # (height, width, channels)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
        raise ValueError(f"an image has the shape {array.shape}; give [height, width] or [height, width, 3]")
    if array.dtype != np.uint8:
        if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
            raise ValueError(
                "an image holds numbers that are neither bytes nor between 0 and 1: give the image itself, or "
                "images=None to have the pixel_values shown"
            )
        array = np.rint(array * 255).astype(np.uint8)
    return Pillow.fromarray(array).convert("RGB")


def store(shown: "PILImage") -> tuple[Image, bytes]:
    """`shown` as a PNG of at most LONGEST_SIDE pixels a side, under a name that its content gives it."""
    longest = max(shown.size)
    if longest > LONGEST_SIDE:
        shown = shown.resize([max(1, round(n * LONGEST_SIDE / longest)) for n in shown.size])
    file = io.BytesIO()
    shown.save(file, "PNG")
    png = file.getvalue()
    return Image(image_name(png), *shown.size), png


def patch_labels(shown: "PILImage", grid: Grid) -> dict[str, Any]:
    """What is seen in each patch, [rows, columns].

    row, column; distance from the centre, in patches; hue in degrees (0 red, 120 green, 240 blue; NaN where there is no
    colour): its circular mean, weighted by how strong the colour is; brightness, the mean luma from 0 to 1; contrast,
    its standard deviation.
    """
    rows, columns = np.indices((grid.rows, grid.columns)).astype(np.float64)
    middle = (grid.rows - 1) / 2, (grid.columns - 1) / 2
    pixels = _patches(shown, grid)  # (rows, columns, pixels, 3)
    luma = pixels @ _LUMA
    return {
        "row": rows,
        "column": columns,
        "distance from the centre": np.hypot(rows - middle[0], columns - middle[1]),
        "hue": _mean_hue(pixels),
        "brightness": luma.mean(axis=-1).astype(np.float64),
        "contrast": luma.std(axis=-1).astype(np.float64),
    }


def of_tokens(labels: GivenLabels, grids: Sequence[Grid], special: Sequence[int]) -> GivenLabels:
    """`labels` as of tokens: those of patches alone, [rows, columns], behind as many `special` tokens without."""
    read: dict[str, Any] = {}
    for name, given in labels.items():
        fits = not isinstance(given, str) and len(given) == len(grids)  # else it is told where labels are read
        read[name] = (
            [_of_tokens(x, grid, before) for x, grid, before in zip(given, grids, special, strict=True)]
            if fits
            else given
        )
    return read


def _of_tokens(given: Any, grid: Grid, special: int) -> Any:
    values = np.asarray(given) if not isinstance(given, (str, float, int, type(None))) else None
    if values is None or values.ndim != 2:
        return given
    if values.shape != (grid.rows, grid.columns):
        raise ValueError(
            f"labels of {values.shape[0]} rows and {values.shape[1]} columns are given for an image of {grid.rows} × "
            f"{grid.columns} patches: give one for each patch"
        )
    return [None] * special + values.flatten().tolist()


def _in_patches(shown: "PILImage", pixels: Tensor, patch: tuple[int, int]) -> "PILImage":
    """`shown` without what lies behind the last whole patches of `pixels` [channels, height, width]."""
    height, width = (n // side * side / n for n, side in zip(pixels.shape[-2:], patch, strict=True))
    size = max(1, round(shown.width * width)), max(1, round(shown.height * height))
    return shown if size == shown.size else shown.crop((0, 0, *size))


def _stretched(pixels: Pixels) -> Pixels:
    """Normalised pixels [channels, height, width] from 0 to 1; other than 1 or 3 channels as their mean."""
    if len(pixels) not in (1, 3):
        pixels = pixels.mean(axis=0, keepdims=True)
    low, high = np.nanmin(pixels), np.nanmax(pixels)
    return np.nan_to_num((pixels - low) / (high - low)) if high > low else np.full_like(pixels, 0.5)


def _patches(shown: "PILImage", grid: Grid) -> Pixels:
    """The pixels of each patch from 0 to 1, [rows, columns, pixels, 3]; of an image that fits the grid its own."""
    width, height = _side(shown.width, grid.columns), _side(shown.height, grid.rows)
    size = grid.columns * width, grid.rows * height
    fitting = shown if size == shown.size else shown.resize(size)
    pixels = np.asarray(fitting, np.float32) / np.float32(255)
    cut = pixels.reshape(grid.rows, height, grid.columns, width, 3).swapaxes(1, 2)
    return cast(Pixels, cut.reshape(grid.rows, grid.columns, height * width, 3))


def _side(pixels: int, patches: int) -> int:
    """How many pixels a patch gets along a side that is cut into so many."""
    return pixels // patches if pixels % patches == 0 else max(math.ceil(pixels / patches), _FEWEST_PIXELS)


def _mean_hue(pixels: Pixels) -> npt.NDArray[np.float64]:
    """[rows, columns] in degrees, from the projection of each colour onto the plane across the axis of greys."""
    red, green, blue = np.moveaxis(pixels.mean(axis=2), -1, 0).astype(np.float64)  # each (rows, columns)
    across, up = red - (green + blue) / 2, (green - blue) * math.sqrt(3) / 2
    hue = np.degrees(np.arctan2(up, across)) % 360
    return np.where(np.hypot(across, up) > _GREY, hue, np.nan)
