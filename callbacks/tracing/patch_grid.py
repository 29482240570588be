"""Patch grid: where in the image the tokens of a map are, and what convolutions, pooling and merging make of it.

A map is numbered row after row, sequence after sequence: number = (sequence · rows + row) · columns + column. Numbers
below 0 are of no patch.
"""

import dataclasses
from typing import Any

import torch
from torch import Tensor

from tb_attnviz.events import Grid

PADDING, SPECIAL, LOST, MIXED = -1, -2, -3, -5
"""Of the zeros around a map; of what is made of no image ([CLS], registers); of what could not be followed; of what is
made of tokens from everywhere."""

_NEAR = 1e-6  # of the image's side


@dataclasses.dataclass(frozen=True)
class Line:
    """The centres of `count` patches along a side of the image, which is 1 long: first, first + step, …"""

    count: int
    first: float
    step: float

    @classmethod
    def whole(cls, count: int) -> "Line":
        return cls(count, 0.5 / count, 1 / count)

    def sampled(self, count: int, at: float, every: float) -> "Line":
        """Of `count` tokens, the first of which lies at index `at` of these, and each next one `every` behind it."""
        return Line(count, self.first + self.step * at, self.step * every).settled

    @property
    def settled(self) -> "Line":
        """As models mean it: a convolution with a stride of s, padded on both sides, is off by (s - 1) / 2 tokens."""
        return Line.whole(self.count) if self._off < 0.49 / self.count else self

    @property
    def even(self) -> bool:
        """Whether each centre lies in its part of the image, cut into equal ones."""
        return self._off <= 0.5 / self.count + _NEAR

    @property
    def _off(self) -> float:
        return max(abs(self.first + self.step * i - (i + 0.5) / self.count) for i in (0, self.count - 1))


@dataclasses.dataclass(frozen=True)
class PatchGrid:
    """Rows and columns of patches, by their centres."""

    rows: Line
    columns: Line

    @classmethod
    def whole(cls, rows: int, columns: int) -> "PatchGrid":
        return cls(Line.whole(rows), Line.whole(columns))

    @classmethod
    def of_pixels(cls, height: int, width: int, patch: tuple[int, int]) -> "PatchGrid":
        """Each pixel, in an image that ends with the last whole patch of this height and width."""
        ends = (n // side * side or n for n, side in zip((height, width), patch, strict=True))
        return cls(*(Line(n, 0.5 / end, 1 / end) for n, end in zip((height, width), ends, strict=True)))

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows.count, self.columns.count

    @property
    def size(self) -> int:
        return self.rows.count * self.columns.count

    @property
    def grid(self) -> Grid:
        return Grid(*self.shape)

    @property
    def even(self) -> bool:
        return self.rows.even and self.columns.even

    def numbers(self, sequences: int, device: torch.device) -> Tensor:
        """Of a whole map, [sequences, rows, columns]."""
        count = sequences * self.size
        return torch.arange(count, dtype=torch.int32, device=device).view(sequences, *self.shape)


@dataclasses.dataclass(frozen=True)
class Maps:
    """Whole maps, one behind the other: padding lies around each, and before it so many rows and columns of it."""

    before: tuple[int, int]
    sequences: Tensor  # [maps], which each is of: heads may have maps of their own

    def numbers(self, grid: PatchGrid) -> Tensor:
        """Of maps of another grid in their place, [maps, rows, columns]."""
        return grid.numbers(1, self.sequences.device) + (self.sequences * grid.size)[:, None, None]


def find_maps(numbers: Tensor, grid: PatchGrid) -> Maps | None:
    """What [maps, height, width] are; None if they are no maps.

    A map holds each patch of its sequence once, in its place, and nothing else but padding around.
    """
    known = numbers[0] >= 0
    if not bool(known.any()):
        return None
    top, left = int(known.any(dim=1).int().argmax()), int(known.any(dim=0).int().argmax())
    rows, columns = grid.shape
    inside = numbers[:, top : top + rows, left : left + columns]
    found = Maps((top, left), inside[:, 0, 0] // grid.size)
    if not torch.equal(inside, found.numbers(grid)) or int((numbers >= 0).sum()) != inside.numel():
        return None
    return found


def merged(numbers: Tensor, grid: PatchGrid, sequences: int) -> tuple[Tensor, PatchGrid] | None:
    """The tokens [..., 1] that are made of patches `numbers` [..., features] each, and their own grid.

    A token lies in the middle of the patches that it is made of. None unless these middles are a grid of their own.
    """
    spread = [axis for axis in range(numbers.dim() - 1) if numbers.stride(axis) == 0 or numbers.shape[axis] == 1]
    once = numbers
    for axis in spread:
        once = once.narrow(axis, 0, 1)
    of_patch = once >= 0
    known = of_patch.any(dim=-1)
    sequence = torch.where(of_patch, once // grid.size, -1).amax(dim=-1)
    if bool((of_patch & (once // grid.size != sequence[..., None])).any()):
        return None
    axes = []
    places = (once % grid.size) // grid.columns.count, once % grid.columns.count
    for place, line in zip(places, (grid.rows, grid.columns), strict=True):
        found = _middles(line.first + line.step * place.double(), of_patch, sequence, known)
        if found is None:
            return None
        axes.append(found)
    (row, of_rows), (column, of_columns) = axes
    own = PatchGrid(of_rows, of_columns)
    result = ((sequence * own.rows.count + row) * own.columns.count + column).int()
    every = torch.arange(sequences * own.size, dtype=torch.int32, device=numbers.device)
    if not torch.equal(result[known].sort().values, every):
        return None
    # What no patch is part of is of the kind that all of it is.
    least = once.amin(dim=-1)
    result = torch.where(known, result, torch.where(least == once.amax(dim=-1), least, LOST).int())
    return result[..., None].expand(*numbers.shape[:-1], 1), own


def _middles(centres: Tensor, counted: Tensor, sequence: Tensor, known: Tensor) -> tuple[Tensor, Line] | None:
    """On which line of a grid each token is, and where the lines are; centres [..., features] of its patches."""
    middle = (centres * counted).sum(dim=-1) / counted.sum(dim=-1).clamp(min=1)
    lines = middle[known & (sequence == 0)].sort().values
    if not len(lines):
        return None
    apart = torch.cat([lines.new_ones(1, dtype=torch.bool), lines.diff() > _NEAR])
    lines = lines[apart]
    count = len(lines)
    step = float(lines[-1] - lines[0]) / (count - 1) if count > 1 else 1.0
    found = Line(count, float(lines[0]), step)
    exact = found.first + step * torch.arange(count, device=lines.device)
    if bool(((lines - exact).abs() > step / 2).any()):
        return None
    farthest = torch.where(counted, (centres - middle[..., None]).abs(), 0.0).amax()
    if float(farthest) > step + _NEAR:  # of patches from all over the image
        return None
    return torch.bucketize(middle, lines - _NEAR, right=True) - 1, found.settled


def convolved(grid: PatchGrid, shape: Any, at: tuple[float, float], every: tuple[float, float]) -> PatchGrid:
    """The grid of `shape` (rows, columns) whose tokens are sampled from `grid`, from index `at` on `every` so often."""
    rows, columns = (
        line.sampled(n, first, step)
        for line, n, first, step in zip((grid.rows, grid.columns), shape, at, every, strict=True)
    )
    return PatchGrid(rows, columns)


Placed = tuple[Tensor, PatchGrid]
"""Numbers of the shape of a tensor, and the grid that they count on."""
