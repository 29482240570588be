"""Onlooker: looks at the attention calls of a pass and never interrupts it."""

from collections.abc import Callable

from .attention_calls import AttentionCall
from .selection import Selection


class Onlooker:
    """Hands on the calls of the layers and heads that `select` chooses. What fails there is raised after the pass.

    Where a model is sharded over processes, all of them take part in every layer of the pass: if one stopped in the
    middle, the others would wait for it for ever.
    """

    def __init__(self, select: Selection | None) -> None:
        self._select = select
        self._error: Exception | None = None

    def through(self, take: Callable[[AttentionCall], None]) -> Callable[[AttentionCall], None]:
        """`take` for the chosen part of a call, until it fails."""

        def see(call: AttentionCall) -> None:
            if self._error is not None:
                return
            try:
                chosen = self._select.narrow(call) if self._select is not None else call
                if chosen is not None:
                    take(chosen)
            except Exception as error:
                self._error = error

        return see

    def raise_error(self) -> None:
        """Raises what failed first."""
        if self._error is not None:
            raise self._error
