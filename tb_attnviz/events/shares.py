"""Shares: health figures that are a part of attention, or of the greatest entropy: no recorder finds one infinite."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tb_attnviz.events.documents import FormatError
from tb_attnviz.events.shapes import shown

SHARES = (
    "entropy",
    "batch_entropy",
    "value_entropy",
    "sink",
    "batch_sink",
    "previous",
    "self",
    "next",
    "induction",
    "duplicate",
)
"""By name; beside them those of relations."""

_FOLLOWS = "follows/"


def is_share(figure: str) -> bool:
    return figure in SHARES or figure.startswith(_FOLLOWS)


def check_share(figure: str, values: npt.NDArray[Any]) -> None:
    """Raises FormatError for a share that is infinite; NaN is one that a head does not define."""
    if is_share(figure) and np.isinf(values).any():
        raise FormatError(f"{shown(figure)} is infinite, which no share is")
