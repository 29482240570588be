"""What the heads of a vision transformer look for: patches of their row, of their column, or as bright as they are."""

import dataclasses

import numpy as np
import numpy.typing as npt

import tb_attnviz

Float = npt.NDArray[np.floating]


@dataclasses.dataclass(frozen=True)
class Leaning:
    """What share of a patch's attention to other patches goes to its own row and column, and how well its logarithm
    follows likeness in brightness (Pearson). By chance on an 8 x 8 grid: 7 / 63, 7 / 63, 0."""

    row: float
    column: float
    brightness: float


def leanings(run: tb_attnviz.Run, step: int, brightness: Float, *, grid: int) -> dict[tuple[int, int], Leaning]:
    """Of every (layer, head) at `step`. brightness: [sequences, grid²], mean of each patch."""
    found = {}
    for layer, described in enumerate(run.layers):
        for head in range(described.heads):
            each = [
                _leaning(run.attention(step, layer, head, sequence)[-(grid**2) :, -(grid**2) :], patches, grid)
                for sequence, patches in enumerate(brightness)
            ]
            found[layer, head] = Leaning(*np.mean([dataclasses.astuple(one) for one in each], axis=0).tolist())
    return found


def _leaning(attention: Float, brightness: Float, grid: int) -> Leaning:
    """Of one head on one image. attention: [patches, patches], without class and register tokens."""
    rows, columns = np.divmod(np.arange(grid**2), grid)
    others = ~np.eye(grid**2, dtype=bool)
    shares = np.where(others, attention, 0)  # [patches, patches]
    shares = shares / shares.sum(axis=1, keepdims=True)
    likeness = -np.abs(brightness[:, None] - brightness)[others]
    return Leaning(
        row=float((shares * (rows[:, None] == rows)).sum(axis=1).mean()),
        column=float((shares * (columns[:, None] == columns)).sum(axis=1).mean()),
        brightness=float(np.corrcoef(np.log(shares[others] + 1e-9), likeness)[0, 1]),
    )
