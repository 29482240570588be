"""Batch: some sequences of a probe, ready for the model."""

import dataclasses
from typing import Any

from torch import Tensor

from .relations import Related
from .side import Side


@dataclasses.dataclass(frozen=True)
class Batch:
    """Some sequences of a probe, ready for the model."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    sides: tuple[Side, ...]  # the tokens, and the key_tokens where there are some
    relations: tuple[Related, ...] = ()  # in these sequences
    own_keys: Side | None = None  # its tokens, beside keys of the model's own
    beside: tuple[int, int] = (0, 0)  # how many these are, before and behind the tokens
    patch: tuple[int, int] | None = None  # the height and width of an image's patches, in pixels
    doubtful: tuple[str, ...] = ()
    """The inputs that may belong to no sequence, and are cut into batches like those that do."""

    @property
    def present(self) -> Tensor:
        """[sequences, width] boolean: which positions hold a token."""
        return self.sides[0].present
