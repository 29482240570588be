"""Overwriting: of which patch each element is, of tensors that values were written into."""

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .patch_grid import LOST, SPECIAL, Placed

OVERWRITING = {"scatter", "index_copy", "index_put", "masked_scatter", "index_add", "scatter_add"}
"""Beside x[places] = values."""
_SOURCES = {
    "scatter": ("input", "dim", "index", "src"),
    "scatter_add": ("input", "dim", "index", "src"),
    "index_copy": ("input", "dim", "index", "source"),
    "index_add": ("input", "dim", "index", "source"),
    "index_put": ("input", "indices", "values"),
    "masked_scatter": ("input", "mask", "source"),
}


@dataclasses.dataclass(frozen=True)
class Write:
    """`values` are written into `x` by `onto(numbers of x, numbers of values)`, which returns what comes of it."""

    x: Tensor
    values: Any
    onto: Callable[[Tensor, Any], Tensor]


def read_write(operation: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Write | None:
    """What `operation` writes where, in place or not; None if it is none of those above."""
    if operation == "setitem":
        x, places, values = args[:3]

        def put(numbers: Tensor, of_values: Any) -> Tensor:
            numbers[places] = of_values
            return numbers

        return Write(x, values, put)
    if operation not in OVERWRITING:
        return None
    names = _SOURCES[operation]
    given = dict(zip(names, args, strict=False)) | kwargs
    values = given.get(names[-1], kwargs.get("value"))
    if not isinstance(values, Tensor) or set(given) - set(names) - {"alpha"}:
        return None
    x, rest = given[names[0]], [given[name] for name in names[1:-1]]
    # Where tokens are added to zeros they lie there, whatever lay there before.
    name = {"index_add": "index_copy", "scatter_add": "scatter"}.get(operation, operation)

    def replay(numbers: Tensor, of_values: Any) -> Tensor:
        found: Tensor = getattr(numbers, name)(*rest, of_values)
        return found

    return Write(x, values, replay)


def written(
    write: Write, of: Callable[[Tensor], Placed | None], made_of_inputs: Callable[[Tensor], bool]
) -> Placed | None:
    """What `of` tells of `x` and of the values, put together; None if it cannot be told."""
    x, values = write.x, write.values
    found = of(x)
    of_values = of(values) if isinstance(values, Tensor) else None
    grid = (of_values or found or (None, None))[1]
    if grid is None or (found is not None and found[1].shape != grid.shape):
        return None
    if found is None:
        kind = LOST if made_of_inputs(x) and of_values is None else SPECIAL
        numbers = torch.full(x.shape, kind, dtype=torch.int32, device=x.device)
    else:
        numbers = found[0].clone(memory_format=torch.contiguous_format)
    kind = LOST if isinstance(values, Tensor) and made_of_inputs(values) else SPECIAL
    own: Any = kind if of_values is None else of_values[0]
    if not isinstance(own, Tensor) and isinstance(values, Tensor):
        own = torch.full(values.shape, kind, dtype=torch.int32, device=x.device)
    try:
        return write.onto(numbers, own), grid
    except Exception:  # not with numbers: then it is not known
        return None
