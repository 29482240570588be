"""Window tokens: which token of the image each row of a window is, found from the model's own moving of them.

Attention in windows (Swin, arXiv 2103.14030) pads, rolls and cuts a map [sequences, rows, columns, channels] into
windows, and computes queries and keys of each. All of that only moves rows, so that a map of numbers that goes the same
way says at its end where every query comes from, whatever the model's code looks like.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.weak import WeakTensorKeyDictionary

from tb_attnviz.events import Grid

_RESHAPING = {"view", "reshape"}
_MOVING = {"permute", "transpose", "flatten", "unflatten", "squeeze", "unsqueeze", "roll", "getitem", "unbind"}
_MOVING |= {"chunk", "split", "movedim", "swapaxes", "select"}
_SAME = {"contiguous", "clone", "to", "type", "type_as", "float", "half", "bfloat16", "double"}
_SAME |= {"mul", "rmul", "imul", "div", "truediv", "idiv", "normalize"}  # the scale of queries, made before the product
_PADDING = -1
_CUT = 6  # axes: sequences, windows down, rows, windows across, columns, channels


@dataclasses.dataclass(frozen=True)
class Windows:
    """Where the rows of windows are: `tokens` [windows, n] on `grid`, the same in every sequence."""

    grid: Grid
    tokens: Tensor  # on the processor


@dataclasses.dataclass(frozen=True)
class _Moved:
    grid: Grid
    numbers: Tensor  # of the shape of the tensor that it goes with: index into the map, row after row, or _PADDING


class WindowTokens:
    """Follows maps of `sequences` images, from where they are padded, rolled or cut into windows."""

    def __init__(self, sequences: int) -> None:
        self._sequences = sequences
        self._of: WeakTensorKeyDictionary = WeakTensorKeyDictionary()

    def follow(self, func: Callable[..., Any], operation: str, args: tuple[Any, ...], kwargs: dict[str, Any],
               result: Any) -> None:  # fmt: skip
        """Take notice of one operation of the pass, named as in torch, without underscores around it."""
        x = next((x for x in args if isinstance(x, Tensor)), None)
        if x is None:
            return
        moved = self._of.get(x) or self._begun(operation, x, result)  # type: ignore[no-untyped-call]
        if moved is None:
            return
        numbers = _replayed(func, operation, args, kwargs, moved.numbers, result)
        if isinstance(numbers, Tensor) and isinstance(result, Tensor) and numbers.shape == result.shape:
            self._of[result] = dataclasses.replace(moved, numbers=numbers)
        elif isinstance(numbers, (tuple, list)) and isinstance(result, (tuple, list)):
            for part, of_part in zip(result, numbers, strict=True):
                self._of[part] = dataclasses.replace(moved, numbers=of_part)

    def numbers(self, x: Tensor) -> Tensor | None:
        """Of which token each element of `x` is, of its shape; None if it was not followed."""
        moved: _Moved | None = self._of.get(x)  # type: ignore[no-untyped-call]
        return None if moved is None else moved.numbers

    def windows(self, x: Tensor, arrange: Callable[[Tensor], Tensor | None]) -> Windows | str | None:
        """The windows that queries are of; None if they were not followed.

        arrange: puts a tensor of the shape of `x`, which the queries were made of, in their order [sequences · windows,
        heads, n, d]. A sentence if their place cannot be known, or if there is more in them than the image.
        """
        moved: _Moved | None = self._of.get(x)  # type: ignore[no-untyped-call]
        arranged = None if moved is None else arrange(moved.numbers)
        if moved is None or arranged is None or len(arranged) % self._sequences:
            return None
        numbers = arranged[:, 0, :, 0]  # (sequences · windows, n)
        unknown = "windows: the place of their tokens could not be found from how the model cuts them out"
        if not bool((arranged == numbers[:, None, :, None]).all()):
            return unknown
        if bool((numbers == _PADDING).any()):
            return (
                f"windows: they reach beyond the {moved.grid.rows} × {moved.grid.columns} patches of the image, and "
                "padding takes part: give images whose patches fill the model's windows"
            )
        size = moved.grid.size
        numbers = numbers.reshape(self._sequences, -1, numbers.shape[1])  # (sequences, windows, n)
        first = numbers[0]
        offsets = torch.arange(self._sequences, device=numbers.device)[:, None, None] * size
        alike = torch.equal(numbers, first + offsets.to(numbers.dtype))
        once = torch.equal(first.flatten().sort().values, torch.arange(size, device=first.device, dtype=first.dtype))
        return Windows(moved.grid, first.cpu()) if alike and once else unknown

    def _begun(self, operation: str, x: Tensor, result: Any) -> _Moved | None:
        """The numbers of a whole map that is about to be moved."""
        cut = operation in _RESHAPING and isinstance(result, Tensor) and result.dim() == _CUT
        if x.dim() != 4 or len(x) != self._sequences or not (cut or operation in ("roll", "pad")):
            return None
        sequences, rows, columns, _ = x.shape
        numbers = torch.arange(sequences * rows * columns, dtype=torch.int32, device=x.device)
        return _Moved(Grid(rows, columns), numbers.view(sequences, rows, columns, 1).expand(x.shape))


def _replayed(
    func: Callable[..., Any],
    operation: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    numbers: Tensor,
    result: Any,
) -> Any:
    """What becomes of `numbers` in an operation; None where rows are no longer moved alone."""
    if operation in _SAME:
        return numbers
    if operation == "linear":
        return numbers[..., :1].expand(result.shape)
    if operation in _RESHAPING:
        return numbers.reshape(result.shape)
    if operation == "pad":
        widths = args[1] if len(args) > 1 else kwargs["pad"]
        return functional.pad(numbers, widths, value=_PADDING) if any(widths) else numbers
    if operation in _MOVING:
        return func(numbers, *args[1:], **kwargs)
    return None
