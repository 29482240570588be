"""Grid labels: what is known of the patches that layers with a grid of their own have, for points to be coloured by."""

import io
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tb_attnviz.events import Grid, GridLabels, Layer, ProbeRecord, Sequence

from .images import patch_labels


def with_grid_labels(record: ProbeRecord, pngs: Mapping[str, bytes], layers: Iterable[Layer]) -> ProbeRecord:
    """`record` with labels of the patches of every grid that `layers` have beside those of the tokens.

    Row, column, hue and their like are found in the images, as those of the tokens were; what holds for a whole image
    holds for its patches. What was given for single patches of another grid is not known of these.
    """
    grids: dict[str, dict[Grid, None]] = {"tokens": {}, "key_tokens": {}}
    for layer in layers:
        for side, grid in ((layer.queries_of, layer.query_grid), (layer.keys_of, layer.key_grid)):
            if grid is not None:
                grids[side][grid] = None
    if not any(grids.values()):
        return record
    return ProbeRecord(
        tuple(
            replace(
                _labelled(sequence, grids["tokens"], pngs),
                key_tokens=sequence.key_tokens and _labelled(sequence.key_tokens, grids["key_tokens"], pngs),
            )
            for sequence in record.sequences
        )
    )


def _labelled(sequence: Sequence, grids: Iterable[Grid], pngs: Mapping[str, bytes]) -> Sequence:
    whole = {name: values[-1] for name, values in sequence.labels.items() if _holds_for_all(values, sequence)}
    of_grids = []
    for grid in grids:
        labels: dict[str, Any] = {name: (value,) * grid.size for name, value in whole.items()}
        if sequence.image is not None:
            found = patch_labels(_decoded(pngs[sequence.image.file]), grid)
            labels |= {name: tuple(values.ravel().tolist()) for name, values in found.items() if name not in labels}
        of_grids.append(GridLabels(grid, labels))
    return replace(sequence, grid_labels=tuple(of_grids))


def _holds_for_all(values: tuple[Any, ...], sequence: Sequence) -> bool:
    """Whether the patches have one value, and more than one of them says so."""
    of_patches = values[-sequence.grid.size :] if sequence.grid else values
    return len(of_patches) > 1 and len(set(of_patches)) == 1


def _decoded(png: bytes) -> Any:
    from PIL import Image as Pillow

    return Pillow.open(io.BytesIO(png)).convert("RGB")
