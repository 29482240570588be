"""Failures: what a recording that fails does to training."""

import operator
import warnings
from typing import Literal

from .schedule import Schedule


class Failures:
    """Warns of the first error and is silent about later ones, or raises each: as `on_error` says.

    goes_on: a sentence on what goes on in spite of the error. depth: how many calls the user's own is away from those
    of this object, for the warning to name it.
    """

    def __init__(self, on_error: Literal["warn", "raise"], goes_on: str, *, depth: int) -> None:
        self._on_error = on_error
        self._goes_on = goes_on
        self._depth = depth
        self._warned = False

    def tell(self, error: Exception, what: str) -> None:
        """`error` came up; `what` was not done."""
        if self._on_error == "raise":
            raise error
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"{what}: {type(error).__name__}: {error}. {self._goes_on}", RuntimeWarning, stacklevel=self._depth + 1
            )

    def is_due(self, schedule: Schedule | None, step: int) -> bool:
        """Whether `schedule` names `step`; one that fails does not."""
        try:
            return schedule is not None and bool(schedule(operator.index(step)))
        except Exception as error:
            self.tell(error, f"the schedule {schedule!r} failed at step {step}")
            return False
