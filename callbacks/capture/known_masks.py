"""Known masks: what an earlier pass has found plain code to add to its logits, so that later ones need only look."""

import torch
from torch import Tensor

from tb_attnviz.geometry import Window

_QUERIES = 16  # that a pass looks at, of every sequence
_STEP = 0.618034  # of the way from one to the next, by which they move on with each pass


class KnownMasks:
    """The bands of the attentions whose weights and masks were compared with their queries and keys at all pairs.

    Passes that follow compare them at some queries, others in each; what is found changed there is read anew.
    """

    def __init__(self) -> None:
        self._windows: dict[tuple[int, str], Window] = {}
        self._found: dict[tuple[int, str], Window] = {}  # in this pass, for those that follow
        self._passes = 0

    def begin(self) -> None:
        """Another pass."""
        self._windows |= self._found
        self._found = {}
        self._passes += 1

    def note(self, batch: int, name: str, window: Window | None) -> None:
        """All pairs were compared. `window`: None for a mask that is no band, which has to be read each time."""
        self._windows.pop((batch, name), None)
        if window is not None:
            self._found[batch, name] = window

    def window(self, batch: int, name: str) -> Window | None:
        return self._windows.get((batch, name))

    def queries(self, count: int, device: torch.device) -> Tensor | None:
        """Which of `count` queries this pass looks at; None: all."""
        if count <= _QUERIES:
            return None
        apart = count / _QUERIES
        places = (torch.arange(_QUERIES, device=device) + self._passes * _STEP % 1) * apart
        return places.long().clamp(max=count - 1)
