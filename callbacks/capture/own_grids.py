"""Own grids: the tokens of layers that have a grid of their own over the image, pooled or merged."""

import math

import torch
from torch import Tensor

from tb_attnviz.events import Grid, ProbeRecord
from tb_attnviz.events import Side as SideName

from ..probes.side import Side
from ..tracing.patches import OnGrid, Places, Windows


def agrees(side: Side, places: Places) -> bool:
    """Whether tokens at `places` may be those of `side`, in their order: they are, unless they are known for others."""
    if isinstance(places, OnGrid):
        own = side.grid is None or (side.grid, side.special) == (places.grid, places.special)
        return own and places.order is None
    return places is None


def own_grid(record: ProbeRecord, grid: Grid, special: int = 0) -> Grid | None:
    """`grid`, or None if the tokens of every sequence are the patches of just this one behind as many others."""
    size = special + grid.size
    same = all(sequence.grid == grid and len(sequence.tokens) == size for sequence in record.sequences)
    return None if same else grid


class OwnGrids:
    """Sides of `sequences` images by what they are of, made once."""

    def __init__(self, sequences: int, device: torch.device) -> None:
        self._sequences = sequences
        self._device = device
        self._made: dict[tuple[object, ...], Side] = {}

    def side(self, name: SideName, places: OnGrid) -> Side:
        key = (name, *places.key)
        if key not in self._made:
            self._made[key] = self._new(name, places)
        return self._made[key]

    def _new(self, name: SideName, places: OnGrid) -> Side:
        width = places.special + places.grid.size
        of_tokens = [(math.nan, math.nan)] * places.special + list(places.grid.places)
        return Side(
            name,
            torch.ones(self._sequences, width, dtype=torch.bool, device=self._device),
            places=torch.tensor(of_tokens, device=self._device),
            kinds=[(places.grid.rows, places.grid.columns)] * self._sequences,
            ordered=places.special > 0,
            grid=places.grid,
            own=True,
            order=None if places.order is None else places.order.to(self._device),
        )


def side_of_windows(queries: Tensor, windows: Windows) -> Side:
    """The tokens of windows; a sequence there is a window of one."""
    batch, _, n, _ = queries.shape
    tokens, columns = windows.tokens.to(queries.device), windows.grid.columns
    places = torch.stack([tokens // columns, tokens % columns], dim=-1).float()  # (windows, n, 2)
    present = torch.ones(batch, n, dtype=torch.bool, device=places.device)
    return Side("tokens", present, places=places.repeat(batch // len(tokens), 1, 1), ordered=False)
