"""Spells: from when to when heads are of a kind, and how that is told: "again since step 900, first at step 300"."""

import functools

import numpy as np
import numpy.typing as npt

from tb_attnviz.findings import words
from tb_attnviz.findings.kinds import Kind
from tb_attnviz.findings.measured import Measured
from tb_attnviz.findings.recorded import Head, Recorded
from tb_attnviz.findings.rules import NARROWER, states
from tb_attnviz.findings.spans import apart, spans

Int = npt.NDArray[np.intp]

_A_WHILE, _OF_A_SHORT_RUN = 3, 4  # recorded steps; of few, a quarter
_START = 1  # the last step at which a recording has the training's start
_TOLD_APART = {"fixed": ("fixed",), "patch": ("rows", "columns"), "fed_by": ("fed_by",)}
"""Kind → the parts of "offset/…" that its title tells: another one is another spell."""
_PARTNERS = {"copy": "offset/partner", "fed_by": "offset/fed_by"}


class Spells:
    """The times at which each head was of a kind, with one offset or source where its title tells these."""

    def __init__(self, recorded: Recorded, measured: Measured) -> None:
        self._steps = measured.steps
        self.rows = len(measured.steps)
        self.kinds = measured.kinds
        self.layers = [layer.identity for layer in recorded.layers]
        self._recorded = recorded
        self._measured = measured
        self._states = states(measured)
        self._spans = {kind.name: self._of(kind.name) for kind in measured.kinds}
        self._wider = {
            kind.name: [other for other in measured.kinds if kind.name in NARROWER.get(other.name, ())]
            for kind in measured.kinds
        }

    def of(self, kind: Kind) -> Int:
        """[spells, 3]: head, first row, row after the last; by head, then row."""
        return self._spans[kind.name]

    def heads(self, kind: Kind, row: int, *, lasted: bool = False) -> set[int]:
        """Those that are of `kind` at `row`; with `lasted`, for so long that it counts."""
        if kind.name not in self._spans:
            return set()
        spells, least = self.of(kind), self.lasting(row) if lasted else 1
        here = (spells[:, 1] <= row) & (spells[:, 2] > row) & (row + 1 - spells[:, 1] >= least)
        return set(spells[here, 0].tolist())

    def knows(self, kind: Kind, row: int) -> bool:
        """Whether what `kind` is read from was recorded at `row` itself."""
        return not bool(np.isnan(self._measured.get(f"over/{kind.measure}")[row]).all())

    def row_at(self, step: int) -> int | None:
        """The first row at or after `step`; None where there is none."""
        row = int(np.searchsorted(self._steps, step))
        return row if row < self.rows else None

    def is_of(self, kind: Kind, head: int, row: int) -> bool:
        return bool(self._states[kind.name][row, head])

    def is_of_narrower(self, kind: Kind, head: int, *rows: int) -> bool:
        """Whether the head is at any of these rows of a kind that `kind` gives way to."""
        return any(self._states[name][row, head] for name in NARROWER.get(kind.name, ()) for row in rows)

    def left(self, kind: Kind, head: int, row: int) -> bool:
        """Whether what makes a head of `kind` is clearly gone: beyond `off` by half of what that is from `on`."""
        now = self._measured.told(f"over/{kind.measure}", head, row)[0]
        gone = kind.off + (kind.off - kind.on) / 2
        return not (now <= gone if kind.off > kind.on else now >= gone)

    def first(self, kind: Kind, head: int, row: int) -> int:
        """The first row of the spell that begins at `row`, or of the first one before it that is called the same."""
        called = self.title(kind, head, row)
        return next(
            (one for one, _ in self._lasted_before(kind, head, row) if self.title(kind, head, one) == called), row
        )

    def when(self, kind: Kind, head: int, row: int) -> str:
        """Since when the spell that begins at `row` is; empty where a run has one step alone.

        With what it was before, where this gave way: "since step 1,100 (local since step 50)".
        """
        if len(self._steps) < 2:
            return ""
        since, first = self.since(row, kind), self.first(kind, head, row)
        if first < row:
            return f"again {since}, {self._before(first)}"
        for other in (kind, *self._wider[kind.name]):
            for begun, end in self._lasted_before(other, head, row):
                if end == row:
                    return f"{since} ({self.title(other, head, end - 1)} {self.since(begun)})"
        return since

    def since(self, row: int, kind: Kind | None = None) -> str:
        """ "since step 1,000"; of what was there from the beginning "from the start".

        Where the recording began later than the training that is "since before step 550". A head that stays as it
        was at the start is so from then on, and seen to be only once the others have gone.
        """
        seen = "seen " if kind is not None and kind.name == "unchanged" else ""
        step = self._steps[row]
        if row > 0:
            return f"{seen}since step {step:,}"
        return f"{seen}from the start" if step <= _START else f"{seen}since before step {step:,}"

    def lasting(self, row: int) -> int:
        """Recorded steps of a spell that counts, as `row` sees it: heads try kinds while they learn."""
        return min(_A_WHILE, -(-(row + 1) // _OF_A_SHORT_RUN))

    def title(self, kind: Kind, head: int, row: int) -> str:
        """What a head of `kind` is called at `row`."""
        return words.title(kind, self.offset(kind, head, row), self.partner_name(kind, head, row))

    def offset(self, kind: Kind, head: int, row: int) -> words.Offset:
        """Of kinds whose title tells one."""
        if kind.name not in ("fixed", "patch"):
            return None
        parts = [self._measured.told(f"offset/{part}", head, row)[0] for part in _TOLD_APART[kind.name]]
        if np.isnan(parts).any():
            return None
        return int(parts[0]) if kind.name == "fixed" else (int(parts[0]), int(parts[1]))

    def partner(self, kind: Kind, head: int, row: int) -> Head | None:
        """The head that this one attends as, or is fed by."""
        if kind.name not in _PARTNERS:
            return None
        partner = self._measured.told(_PARTNERS[kind.name], head, row)[0]
        return None if np.isnan(partner) else self._recorded.heads[int(partner)]

    def partner_name(self, kind: Kind, head: int, row: int) -> str | None:
        partner = self.partner(kind, head, row)
        return None if partner is None else self._recorded.name(partner)

    def _of(self, name: str) -> Int:
        found = spans(self._states[name])
        for part in _TOLD_APART.get(name, ()):
            found = apart(found, self._measured.held(f"offset/{part}"))
        return found

    def _lasted_before(self, kind: Kind, head: int, row: int) -> list[tuple[int, int]]:
        """First row and row after of its spells that were over by `row` and lasted."""
        least = self.lasting(row)
        of_head = self._by_head[kind.name].get(head, ())
        return [(first, end) for first, end in of_head if end <= row and end - first >= least]

    @functools.cached_property
    def _by_head(self) -> dict[str, dict[int, list[tuple[int, int]]]]:
        found: dict[str, dict[int, list[tuple[int, int]]]] = {name: {} for name in self._spans}
        for name, of_kind in self._spans.items():
            for head, first, end in of_kind.tolist():
                found[name].setdefault(head, []).append((first, end))
        return found

    def _before(self, row: int) -> str:
        """That it was so at `row` already: "first at step 300", "as at the start"."""
        step = self._steps[row]
        if row > 0:
            return f"first at step {step:,}"
        return "as at the start" if step <= _START else f"as before step {step:,}"
