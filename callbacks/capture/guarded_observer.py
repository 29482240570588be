"""GuardedObserver: is told of the attention of a pass and never interrupts it."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..tracing.attention_call import AttentionCall
from .batch_recording import BatchRecording
from .precision import without_autocast
from .selection import Selection


class GuardedObserver:
    """Tells `recording` of the layers and heads that `select` chooses. What fails there is raised after the pass.

    Where a model is sharded over processes, all of them take part in every layer of the pass: if one stopped in the
    middle, the others would wait for it for ever.
    """

    def __init__(self, recording: BatchRecording, select: Selection | None) -> None:
        self.sequences = recording.sequences
        self.widths = recording.widths
        self.patch = recording.patch
        self.left_out: set[str] = set()
        """The attentions that were seen and not chosen."""
        self._recording = recording
        self._select = select
        self._error: Exception | None = None

    def take(self, call: AttentionCall) -> None:
        self._guard(lambda: self._take(call))

    def refuse(self, name: str, why: str) -> None:
        if self._is_chosen(name):
            self._recording.refuse(name, why)

    def rows(self, name: str, count: int) -> Tensor | None:
        """At which of `count` queries an attention of plain code has to be compared; None: at all."""
        return self._recording.rows(name, count) if self._is_chosen(name) else None

    def keeps_weights(self, name: str, before: Tensor, after: Tensor) -> bool:
        same = True

        def compare() -> None:
            nonlocal same
            same = self._recording.keeps_weights(name, before, after)

        if self._is_chosen(name):
            self._guard(compare)
        return same

    def take_values(self, name: str, values: Tensor) -> None:
        if self._is_chosen(name):
            self._guard(lambda: self._take_values(name, values))

    def looks_like_attention(self, shape: torch.Size) -> bool:
        return self._recording.looks_like_attention(shape)

    def raise_error(self) -> None:
        """Raises what failed first."""
        if self._error is not None:
            raise self._error

    def _take(self, call: AttentionCall) -> None:
        self._recording.trace(call)
        call = call.detached()  # a model may ask for gradients within its forward
        chosen = self._select.narrow(call) if self._select is not None else call
        if chosen is None:
            self.left_out.add(call.name)
        else:
            self._recording.take(chosen)

    def _take_values(self, name: str, values: Tensor) -> None:
        values = values.detach()
        chosen = values if self._select is None else self._select.narrow_values(name, values)
        self._recording.take_values(name, chosen)

    def _is_chosen(self, name: str) -> bool:
        return self._select is None or name in self._select

    def _guard(self, act: Callable[[], None]) -> None:
        if self._error is None:
            try:
                with without_autocast():
                    act()
            except Exception as error:
                self._error = error
