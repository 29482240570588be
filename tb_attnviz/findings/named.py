"""Named: the heads of a run, what each does at any step, in groups, and all that happened."""

import dataclasses
import functools
import math
from collections.abc import Container

import numpy as np

from tb_attnviz.events import Alert
from tb_attnviz.findings import words
from tb_attnviz.findings.anomalies import WATCHED, anomalies
from tb_attnviz.findings.finding import Finding, Group, Happening
from tb_attnviz.findings.kinds import Kind
from tb_attnviz.findings.measured import Measured
from tb_attnviz.findings.recorded import Head, Recorded
from tb_attnviz.findings.rules import NARROWER, states
from tb_attnviz.findings.spans import spans
from tb_attnviz.findings.standing import reason, standing

_MOST_EVENTS = 2000  # of a kind
_A_WHILE, _OF_A_SHORT_RUN = 3, 4  # recorded steps; of few, a quarter
_PARTNERS = {"copy": "offset/partner", "fed_by": "offset/fed_by"}


class Named:
    """What is found in all that was recorded and measured."""

    def __init__(self, recorded: Recorded, measured: Measured) -> None:
        self._recorded = recorded
        self._measured = measured
        self.kinds = {kind.name: kind for kind in measured.kinds}
        """All that heads can be here, the most special first."""
        self._states = states(measured)
        self._spans = {kind.name: spans(self._states[kind.name]) for kind in measured.kinds}

    @property
    def sampled(self) -> tuple[int, ...]:
        """The steps whose samples were looked at."""
        return self._measured.sampled

    def at(self, step: int) -> list[Finding]:
        """What each head is at `step`, by layer and head, what it is first called first."""
        row = self._row(step)
        if row is None:
            return []
        found = []
        for kind in self.kinds.values():
            of_kind = self._spans[kind.name]
            for head, first, end in of_kind[(of_kind[:, 1] <= row) & (of_kind[:, 2] > row)].tolist():
                found.append((head, self._finding(kind, head, first, end, row, step)))
        return [finding for _, finding in sorted(found, key=lambda one: one[0])]

    def lost(self, step: int) -> list[Finding]:
        """What each head was before `step` and is no more: its last time of each kind, as it was at the end of it.

        A kind that gave way to a narrower one is not lost, nor is one that the head never had for a while, or has left
        by less than what tells on and off apart: heads try kinds while they learn.
        """
        row = self._row(step)
        if row is None:
            return []
        found = []
        for kind in self.kinds.values():
            if kind.general or kind.beside:
                continue
            of_kind = self._spans[kind.name]
            begun = of_kind[of_kind[:, 1] <= row]
            lasted = begun[:, 2] - begun[:, 1] >= min(_A_WHILE, (row + 1) / _OF_A_SHORT_RUN)
            had = set(begun[lasted, 0].tolist())
            last = begun[np.flatnonzero(np.append(np.diff(begun[:, 0]) > 0, True)[: len(begun)])]  # of each head
            for head, first, end in last[last[:, 2] <= row].tolist():
                if head in had and not self._narrowed(kind, head, end, row) and self._left(kind, head, row):
                    found.append(self._finding(kind, head, first, end, end - 1, step))
        return found

    def _narrowed(self, kind: Kind, head: int, *rows: int) -> bool:
        """Whether the head is at any of these rows of a kind that `kind` gives way to."""
        return any(self._states[name][row, head] for name in NARROWER.get(kind.name, ()) for row in rows)

    def _left(self, kind: Kind, head: int, row: int) -> bool:
        """Whether what makes a head of `kind` is clearly gone: beyond `off` by half of what that is from `on`."""
        now = self._told(f"over/{kind.measure}", head, row)[0]
        gone = kind.off + (kind.off - kind.on) / 2
        return not (now <= gone if kind.off > kind.on else now >= gone)

    def groups(self, step: int, heads: Container[Head] | None = None) -> list[Group]:
        """The heads of each kind at `step`, what is wrong first, then by how special they are.

        A head of several kinds is in the group of each. Of `heads` alone, if they are given: no other one is counted.
        """
        found = [one for one in self.at(step) if heads is None or (one.layer, one.head) in heads]
        by_kind: dict[tuple[str, object], list[Finding]] = {}
        called: dict[Head, str] = {}
        for finding in found:
            apart = finding.offset if finding.kind in ("fixed", "patch") else None
            by_kind.setdefault((finding.kind, apart), []).append(finding)
            if not self.kinds[finding.kind].beside:
                called.setdefault((finding.layer, finding.head), finding.kind)
        order = list(self.kinds)
        keys = sorted(
            by_kind, key=lambda key: (not self.kinds[key[0]].trouble, order.index(key[0]), -len(by_kind[key]))
        )
        fed = {(one.layer, one.head): one for one in found if one.kind == "fed_by"}
        return [self._group(self.kinds[key[0]], by_kind[key], fed, called) for key in keys]

    @functools.cached_property
    def happenings(self) -> list[Happening]:
        """What formed and was lost, alerts, anomalies, restarts and changed models, in the order of the steps."""
        found = [Happening(one.step, one.what, one.sentence) for one in self._recorded.breaks]
        for alert in self._recorded.alerts:
            worst = alert.heads[0] if alert.heads else None
            layer, number = (worst.layer, worst.head) if worst else (None, None)
            what = "alert" if alert.raised else "cleared"
            found.append(Happening(alert.step, what, alert.sentence, layer, number, trouble=alert.raised))
        found += self._anomalies()
        steps = self._measured.steps
        for kind in self.kinds.values():
            if kind.general or kind.beside:
                continue
            for head, first, end in self._newest_spans(kind):
                place, name = self._recorded.heads[head], self._recorded.name(self._recorded.heads[head])
                title = self._finding(kind, head, first, end, first, steps[first]).title
                if first > 0:  # at the first step nothing has formed: it was there
                    sentence = f"{name}: {title} {self._since(steps[first])}"
                    found.append(Happening(steps[first], "formed", sentence, *place, kind.name, kind.trouble))
                if end < len(steps) and not self._narrowed(kind, head, end):
                    sentence = f"{name}: no longer {title} {self._since(steps[end])}"
                    found.append(Happening(steps[end], "lost", sentence, *place, kind.name))
        return sorted(found, key=lambda one: one.step)

    def _anomalies(self) -> list[Happening]:
        """Figures of heads that left their own past and the other heads, unless an alert says so at that step."""
        alerted = {(alert.step, alert.figure) for alert in self._recorded.alerts if alert.raised}
        found = []
        for figure, watched in WATCHED.items():
            for one in anomalies(self._measured.get(f"figure/{figure}"), watched)[-_MOST_EVENTS:]:
                step, head = self._measured.steps[one.row], self._recorded.heads[one.head]
                if (step, figure) not in alerted:
                    sentence = words.anomaly(self._recorded.name(head), watched.words, one.before, one.value)
                    found.append(Happening(step, "alert", sentence, *head, trouble=True))
        return found

    def sentence(self, layer: int, head: int, findings: list[Finding], lost: list[Finding], *, step: int) -> str:
        """One sentence of a head at `step`: what is wrong, what it does, since when, and what it no longer does.

        It has all that the head is called: what the words about a kind do not say themselves stands behind the name.
        """
        name = self._recorded.name((layer, head))
        told = sorted(findings, key=lambda one: one.kind == "copy")
        unsaid = [one.title for one in told if not self.kinds[one.kind].beside and one.title not in one.sentence]
        called = f" ({', '.join(unsaid)})" if unsaid else ""
        parts = [f"{one.sentence}{self._when(one.since)}" for one in told]
        does, no_longer = words.joined(parts) if parts else "does nothing that has a name", ""
        if alerts := self._alerts((layer, head), step):
            does = f"is unhealthy: {words.joined(alerts)}{f'; it {does}' if parts else ''}"
        if lost:
            newest = max(lost, key=lambda one: one.until or 0)
            no_longer = f"; no longer {newest.title} {self._since(newest.until or 0)}"
        return f"{name}{called} {does}{no_longer}."

    @functools.cached_property
    def _alerts_of(self) -> dict[Head, list[Alert]]:
        """Of each head those that name it, with that head alone: an alert may name thousands."""
        found: dict[Head, list[Alert]] = {}
        for alert in self._recorded.alerts:
            for head, one in {(one.layer, one.head): one for one in alert.heads}.items():
                found.setdefault(head, []).append(dataclasses.replace(alert, heads=(one,)))
        return found

    @functools.cached_property
    def _numbers(self) -> dict[Head, int]:
        return {head: number for number, head in enumerate(self._recorded.heads)}

    def _alerts(self, head: Head, step: int) -> list[str]:
        """What each alert of `head` that stands at `step` says."""
        row, found = self._row(step), []
        for alert in standing(self._alerts_of.get(head, ()), head, step):
            number = self._numbers[head]
            now = math.nan if row is None else self._told(f"figure/{alert.figure}", number, row)[0]
            found.append(reason(alert, head, now))
        return found

    def _since(self, step: int) -> str:
        """ "since step 1,000"; of what was there from the beginning "since the first step".

        Where the recording began later than the training that is "since step 550, the first".
        """
        if step > self._measured.steps[0]:
            return f"since step {step:,}"
        return "since the first step" if step <= 1 else f"since step {step:,}, the first"

    def _when(self, step: int) -> str:
        """`_since` with a comma before it; nothing where a run has one step alone."""
        return "" if len(self._measured.steps) < 2 else f", {self._since(step)}"

    def _newest_spans(self, kind: Kind) -> list[list[int]]:
        """All of them, or of heads that come and go at every step the newest."""
        of_kind = self._spans[kind.name]
        newest = np.sort(np.argsort(of_kind[:, 1], kind="stable")[-_MOST_EVENTS:])
        found: list[list[int]] = of_kind[newest].tolist()
        return found

    def _row(self, step: int) -> int | None:
        """The last row at or before `step`."""
        row = int(np.searchsorted(self._measured.steps, step, side="right")) - 1
        return row if row >= 0 else None

    def _finding(self, kind: Kind, head: int, first: int, end: int, row: int, step: int) -> Finding:
        steps, layer = self._measured.steps, self._recorded.heads[head][0]
        value, at = self._told(f"share/{kind.measure}", head, row)
        offset = self._offset(kind, head, row)
        partner = self._partner(kind, head, row)
        otherwise = kind.name == "fixed" and self._told("offset/otherwise_first", head, row)[0] == 1
        sentence = words.sentence(
            kind,
            value,
            offset=offset,
            otherwise_first=otherwise,
            partner=None if partner is None else self._recorded.name(partner),
            patches=bool(self._recorded.grids(self._recorded.layers[layer])),
            start=self.sampled[0] if self.sampled else None,
        )
        return Finding(
            step=step,
            layer=layer,
            head=self._recorded.heads[head][1],
            kind=kind.name,
            title=words.title(kind, offset, None if partner is None else self._recorded.name(partner)),
            since=steps[first],
            until=steps[end] if end < len(steps) else None,
            figure=kind.measure,
            value=value,
            at=steps[at],
            sentence=sentence,
            offset=offset,
            partner=partner,
            trouble=kind.trouble,
            needs_samples=kind.read_from == "samples",
        )

    def _told(self, name: str, head: int, row: int) -> tuple[float, int]:
        """The last value that is known at `row`, and the row that it is of."""
        of_all = self._measured.values.get(name)
        if of_all is None or not np.isnan(of_all[row, head]):
            return (math.nan if of_all is None else float(of_all[row, head])), row
        values = of_all[: row + 1, head]
        known = np.flatnonzero(~np.isnan(values))
        return (float(values[known[-1]]), int(known[-1])) if known.size else (math.nan, row)

    def _offset(self, kind: Kind, head: int, row: int) -> words.Offset:
        if kind.name == "fixed":
            offset = self._told("offset/fixed", head, row)[0]
            return None if math.isnan(offset) else int(offset)
        if kind.name == "patch":
            rows, columns = (self._told(f"offset/{axis}", head, row)[0] for axis in ("rows", "columns"))
            return None if math.isnan(rows) else (int(rows), int(columns))
        return None

    def _partner(self, kind: Kind, head: int, row: int) -> tuple[int, int] | None:
        if kind.name not in _PARTNERS:
            return None
        partner = self._told(_PARTNERS[kind.name], head, row)[0]
        return None if math.isnan(partner) else self._recorded.heads[int(partner)]

    def _group(self, kind: Kind, findings: list[Finding], fed: dict[Head, Finding], called: dict[Head, str]) -> Group:
        small = kind.off > kind.on

        def clear(one: Finding) -> tuple[bool, float]:
            """Those first that are called so."""
            other = not kind.beside and called[one.layer, one.head] != kind.name
            return other, one.value if small else -one.value

        clearest = sorted(findings, key=clear)
        since, count = min(one.since for one in findings), len(findings)
        offset = findings[0].offset
        heads = f"head{'' if count == 1 else 's'}"
        if offset is None:
            who = f"{count} {kind.group.format(heads=heads)}"
        else:
            who = f"{count} {heads} attending {words.where(offset)}"
        when = "" if len(self._measured.steps) < 2 else f" {self._since(since)}"
        if when and max(one.since for one in findings) > since:
            when = f", some{when}" if since == self._measured.steps[0] else f", the first{when}"
        places = tuple((one.layer, one.head) for one in clearest)
        feeding = (
            self._feeding([fed[place] for place in places if place in fed], count) if kind.name == "induction" else ""
        )
        return Group(kind.name, findings[0].title, who + when + feeding, since, kind.trouble, places)

    def _feeding(self, fed: list[Finding], count: int) -> str:
        """Which previous-token heads feed the heads of a group, and how many of them."""
        if not fed:
            return ""
        sources = sorted({one.partner for one in fed if one.partner is not None})
        some = "" if len(fed) == count else f"{len(fed)} of them "
        return f", {some}fed by {words.joined([self._recorded.name(one) for one in sources])}"
