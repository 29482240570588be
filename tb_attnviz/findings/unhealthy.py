"""Unhealthy: since when a head is, by all that says so: alerts of the recorder's rules, anomalies, and trouble."""

import bisect
import dataclasses
import functools
import math
from collections.abc import Container, Iterator

import numpy as np

from tb_attnviz.alerts import ENTROPY
from tb_attnviz.events import Alert
from tb_attnviz.findings import words
from tb_attnviz.findings.anomalies import WATCHED, Anomaly, anomalies
from tb_attnviz.findings.finding import Happening
from tb_attnviz.findings.measured import Measured
from tb_attnviz.findings.recorded import Head, Recorded
from tb_attnviz.findings.spells import Spells
from tb_attnviz.findings.standing import reason, standing

_MOST_ANOMALIES = 2000  # of a figure

Span = tuple[float, float]
"""The step at which something began, and that at which it was over; infinity where it is not."""


class Unhealthy:
    """What is wrong with each head, and since when: one time, from its first alert to the end of its last."""

    def __init__(self, recorded: Recorded, measured: Measured, spells: Spells) -> None:
        self._recorded = recorded
        self._measured = measured
        self._spells = spells

    def since(self, head: Head, step: int) -> int | None:
        """The first step of the time at which something is wrong with `head` without a break; None where nothing is."""
        spans = self._spans.get(head, [])
        at = bisect.bisect_right(spans, (step, math.inf)) - 1
        return int(spans[at][0]) if at >= 0 and step < spans[at][1] else None

    def before(self, head: Head, step: int) -> str:
        """Of trouble that began at `step`: since when the head is unhealthy, if it was before that already."""
        since = self.since(head, step)
        return "" if since is None or since >= step else f" ({words.unhealthy(since)})"

    def alerts(self, head: Head, step: int, row: int | None) -> list[str]:
        """What each alert of `head` that stands at `step` says, in the words of `reason`; where none of a rule stands,
        each anomaly that is not over. row: the last one by then.
        """
        found, since = [], self.since(head, step)
        for alert in standing(self._alerts.get(head, ()), head, step):
            number = self._numbers[head]
            now = math.nan if row is None else self._measured.told(f"figure/{alert.figure}", number, row)[0]
            found.append(reason(alert, head, now))
        if found or row is None:
            return found
        for figure, one in self._anomalies.get(self._numbers[head], ()):
            if one.row <= row < one.until:
                at = self._measured.steps[one.row]
                found.append(words.moved(figure, one.before, one.value) + ("" if at == since else f" at step {at:,}"))
        return found

    def sharp(self, head: Head, row: int) -> tuple[float, int] | None:
        """Its entropy, and the first row of the time up to `row` at which that is under the limit of its rule.

        None where it is not, or an alert of it stands.
        """
        of_all = self._measured.values.get(f"figure/{ENTROPY.figure}")
        if of_all is None:
            return None
        entropy = of_all[: row + 1, self._numbers[head]]
        known = np.flatnonzero(~np.isnan(entropy))
        if not known.size or entropy[known[-1]] >= ENTROPY.limit:
            return None
        alerts = standing(self._alerts.get(head, ()), head, self._measured.steps[row])
        if any(alert.figure == ENTROPY.figure for alert in alerts):
            return None
        before = np.flatnonzero(entropy[known] >= ENTROPY.limit)
        return float(entropy[known[-1]]), int(known[before[-1] + 1 if before.size else 0])

    def told(self, alert: Alert, heads: Container[Head] | None = None) -> Happening:
        """An alert as what happened to its worst head, or to the worst of `heads`; to none if it is about the model."""
        places = [(one.layer, one.head) for one in alert.heads] if alert.beyond is not None else []
        place = next((place for place in places if heads is None or place in heads), None)
        layer, head = place or (None, None)
        since = self.since(place, alert.step) if place and alert.raised else None
        what = "alert" if alert.raised else "cleared"
        return Happening(alert.step, what, alert.sentence, layer, head, trouble=alert.raised, since=since)

    def within(self, one: Happening, heads: Container[Head]) -> Happening | None:
        """It as what happened to one of `heads`, or to no head; None where it was to others."""
        if one.layer is None or one.head is None or (one.layer, one.head) in heads:
            return one
        alert = self._recorded_as.get((one.step, one.sentence))
        found = None if alert is None else self.told(alert, heads)
        return None if found is None or found.layer is None else found

    @functools.cached_property
    def _recorded_as(self) -> dict[tuple[int, str], Alert]:
        return {(alert.step, alert.sentence): alert for alert in self._recorded.alerts}

    @functools.cached_property
    def anomalies(self) -> list[tuple[str, Anomaly]]:
        """By figure, of each the newest, unless an alert says so at that step."""
        alerted = {(alert.step, alert.figure) for alert in self._recorded.alerts if alert.raised}
        return [
            (figure, one)
            for figure, watched in WATCHED.items()
            for one in anomalies(self._measured.get(f"figure/{figure}"), watched)[-_MOST_ANOMALIES:]
            if (self._measured.steps[one.row], figure) not in alerted
        ]

    @functools.cached_property
    def _anomalies(self) -> dict[int, list[tuple[str, Anomaly]]]:
        """The same by the number of the head."""
        found: dict[int, list[tuple[str, Anomaly]]] = {}
        for figure, one in self.anomalies:
            found.setdefault(one.head, []).append((figure, one))
        return found

    @functools.cached_property
    def _alerts(self) -> dict[Head, list[Alert]]:
        """Of each head those that name it, with that head alone: an alert may name thousands."""
        found: dict[Head, list[Alert]] = {}
        for alert in self._recorded.alerts:
            for head, one in {(one.layer, one.head): one for one in alert.heads}.items():
                found.setdefault(head, []).append(dataclasses.replace(alert, heads=(one,)))
        return found

    @functools.cached_property
    def _numbers(self) -> dict[Head, int]:
        return {head: number for number, head in enumerate(self._recorded.heads)}

    @functools.cached_property
    def _spans(self) -> dict[Head, list[Span]]:
        """Of each head, ascending and apart."""
        found: dict[Head, list[Span]] = {}
        for head, span in (*self._of_alerts(), *self._of_rows()):
            found.setdefault(head, []).append(span)
        return {head: _joined(sorted(spans)) for head, spans in found.items()}

    def _of_alerts(self) -> Iterator[tuple[Head, Span]]:
        """Of rules about single heads."""
        for head, alerts in self._alerts.items():
            begun: dict[str, int] = {}
            for alert in sorted(alerts, key=lambda one: one.step):
                if alert.raised and alert.beyond is not None:
                    begun.setdefault(alert.rule, alert.step)
                elif not alert.raised and alert.rule in begun:
                    yield head, (begun.pop(alert.rule), alert.step)
            yield from ((head, (step, math.inf)) for step in begun.values())

    def _of_rows(self) -> Iterator[tuple[Head, Span]]:
        steps, heads = self._measured.steps, self._recorded.heads
        rows = [(one.head, one.row, one.until) for _, one in self.anomalies]
        for kind in self._measured.kinds:
            if kind.trouble:
                rows += [(head, first, end) for head, first, end in self._spells.of(kind).tolist()]
        for head, first, end in rows:
            yield heads[head], (steps[first], steps[end] if end < len(steps) else math.inf)


def _joined(spans: list[Span]) -> list[Span]:
    """Those that touch as one."""
    found: list[Span] = []
    for begin, end in spans:
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((begin, end))
    return found
