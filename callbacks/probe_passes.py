"""Probe passes: the recordings that a recorder makes of a model, each like the others."""

import functools

from torch import nn

from .capture import Recording, capture
from .capture.distributed import in_several_processes
from .capture.known_masks import KnownMasks
from .capture.lost_layers import without
from .capture.other_sequences import Sides
from .capture.recording import Forward, device_of
from .capture.repeated import Sketch, differing
from .capture.selection import Heads, Layers, Selection
from .capture.sides import GivenSides
from .capture.split_by_hand import SplitByHand
from .failures import Failures
from .probe import Probe


class ProbePasses:
    """Shows `probe` to `model`. The options are those of AttentionRecorder."""

    def __init__(
        self,
        model: nn.Module,
        probe: Probe,
        *,
        batch_size: int,
        values: bool,
        forward: Forward,
        sides: GivenSides,
        failures: Failures,
    ) -> None:
        self._model = model
        self.probe = probe
        """What is shown: from the first pass on with the names of keys of the model's own, where it has some."""
        shown: dict[str, Sides | str] = {}
        self._capture = functools.partial(
            capture, model, batch_size=batch_size, forward=forward, sides=sides, by_hand=SplitByHand(), shown=shown
        )
        self._values = values
        self._failures = failures
        self._known_masks = KnownMasks()
        self._unfit: dict[str, str] = {}  # attentions that cannot be recorded
        self.select: Selection | None = None
        """The layers and heads that are recorded; None for all."""

    def choose(self, layers: Layers | None, heads: Heads | None) -> Recording | None:
        """Record these alone from now on. Returns what all that there is to choose from is, if it was asked for."""
        if layers is None and heads is None:
            return None
        found = self._capture(self.probe, health=False)
        self.probe = found.probe or self.probe
        self.select = Selection(found.layers, layers=layers, heads=heads)
        return found

    def first(self) -> Recording:
        """Without what two passes at the same weights show differently: later recordings are without it, too.

        With several processes each makes two passes, whatever it sees: in another one it would wait for the others.
        """
        seen = self.again(health=False)
        self.probe = seen.probe or self.probe
        sketch = Sketch.of(seen)
        held = seen if in_several_processes() else None
        del seen  # its samples, before those of the next
        try:
            first = self.again()
        except Exception as error:
            self._failures.tell(error, "a second pass over the probe failed")
            return held or self.again()
        self._unfit = differing(sketch, Sketch.of(first), on_processor=device_of(self._model).type == "cpu")
        return without(first, self._unfit) if self._unfit else first

    def again(self, *, health: bool = True) -> Recording:
        """What the model does with the probe now. Raises NoAttentionError."""
        return self._capture(
            self.probe,
            health=health,
            select=self.select,
            values=self._values,
            known=self._known_masks,
            unfit=self._unfit,
        )
