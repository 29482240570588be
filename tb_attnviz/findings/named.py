"""Named: the heads of a run, what each does at any step, in groups, and all that happened."""

import functools
import math
from collections.abc import Container

import numpy as np

from tb_attnviz.findings import words
from tb_attnviz.findings.finding import Finding, Group, Happening
from tb_attnviz.findings.head_sentence import head_sentence
from tb_attnviz.findings.kinds import Kind
from tb_attnviz.findings.lost import lost_there
from tb_attnviz.findings.measured import Measured, measured
from tb_attnviz.findings.recorded import Break, Head, Recorded
from tb_attnviz.findings.spells import Spells
from tb_attnviz.findings.texts import texts
from tb_attnviz.findings.unhealthy import Unhealthy
from tb_attnviz.projection.ports import Report, Store, unreported

_MOST_EVENTS = 2000  # of a kind


class Named:
    """What is found in all that was recorded and measured."""

    def __init__(self, recorded: Recorded, measured: Measured, before: Measured | None = None) -> None:
        """before: of `recorded.before`."""
        self._recorded = recorded
        self._measured = measured
        self._before = Spells(recorded.before, before) if recorded.before and before else None
        self.kinds = {kind.name: kind for kind in measured.kinds}
        """All that heads can be here, the most special first."""
        self.lost_figures = measured.lost
        """Step → why its figures or small maps cannot be read."""
        self._spells = Spells(recorded, measured)
        self._unhealthy = Unhealthy(recorded, measured, self._spells)

    @staticmethod
    def of(recorded: Recorded, store: Store, report: Report) -> "Named":
        """Measures what `store` has not yet, as `measured` does."""
        before = measured(recorded.before, store, unreported) if recorded.before else None
        return Named(recorded, measured(recorded, store, report), before)

    @property
    def sampled(self) -> tuple[int, ...]:
        """Steps whose samples were looked at."""
        return self._measured.sampled

    def at(self, step: int) -> list[Finding]:
        """What each head is at `step`, by layer and head, what it is first called first."""
        row = self._row(step)
        if row is None:
            return []
        found = []
        for kind in self.kinds.values():
            of_kind = self._spells.of(kind)
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
            of_kind = self._spells.of(kind)
            begun = of_kind[of_kind[:, 1] <= row]
            lasted = begun[:, 2] - begun[:, 1] >= self._spells.lasting(row)
            had = set(begun[lasted, 0].tolist())
            last = begun[np.flatnonzero(np.append(np.diff(begun[:, 0]) > 0, True)[: len(begun)])]  # of each head
            for head, first, end in last[last[:, 2] <= row].tolist():
                narrowed = self._spells.is_of_narrower(kind, head, end, row)
                if head in had and not narrowed and self._spells.left(kind, head, row):
                    found.append(self._finding(kind, head, first, end, end - 1, step))
        return found

    def lasting(self, step: int) -> int:
        """Recorded steps that a head must have been of a kind, for `lost` to tell of it at `step`."""
        row = self._row(step)
        return 1 if row is None else self._spells.lasting(row)

    def unhealthy(self, head: Head, step: int) -> int | None:
        """Since when something is wrong with `head` without a break; None where nothing is."""
        return self._unhealthy.since(head, step)

    def why(self, head: Head, step: int) -> list[str]:
        """What is wrong with `head` by its figures: "largest logit 140, above 100"."""
        return self._unhealthy.alerts(head, step, self._row(step))

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
        found = [self._of_break(one) for one in self._recorded.breaks]
        found += [self._unhealthy.told(alert) for alert in self._recorded.alerts]
        found += self._anomalies()
        for kind in self.kinds.values():
            if not kind.general and not kind.beside:
                found += [one for spell in self._newest_spells(kind) for one in self._of_spell(kind, *spell)]
        once: dict[tuple[int, str], Happening] = {}  # two kinds may be called the same
        for one in found:
            once.setdefault((one.step, one.sentence), one)
        return sorted(once.values(), key=lambda one: one.step)

    def happened(self, heads: Container[Head]) -> list[Happening]:
        """Those of `happenings` that are of one of `heads`, an alert of several as of its worst one, or of none."""
        return [own for one in self.happenings if (own := self._unhealthy.within(one, heads)) is not None]

    def _of_break(self, one: Break) -> Happening:
        """That is as bad as an alert where heads lost their kinds."""
        lost = lost_there(one, self._spells, self._before)
        said = f"{one.sentence}; lost there: {lost}" if lost else one.sentence
        return Happening(one.step, one.what, said, trouble=bool(lost))

    def _of_spell(self, kind: Kind, head: int, first: int, end: int) -> list[Happening]:
        """Its beginning and its end; trouble as alerts are.

        At the first step nothing has formed: it was there, and only trouble that lasts is told. What had another offset
        or source for a moment, and what went on with another one or as a narrower kind, did not begin, or end.
        """
        spells, steps, found = self._spells, self._measured.steps, []
        place, name = self._recorded.heads[head], self._recorded.name(self._recorded.heads[head])
        title, row = spells.title(kind, head, first), first or len(steps) - 1
        new = first > 0 and not spells.is_of(kind, head, first - 1)
        begun = new or ((first > 0 or kind.trouble) and end - first >= spells.lasting(row))
        if begun:
            told = [words.with_time(f"{name}: {title}", self._when(kind, head, first))]
            if kind.trouble:
                told += self._finding(kind, head, first, end, first, steps[first]).sentence.partition(": ")[2:]
            what, said = "alert" if kind.trouble else "formed", ": ".join(filter(None, told))
            since = self.unhealthy(place, steps[first]) if kind.trouble else None
            found.append(Happening(steps[first], what, said, *place, kind.name, kind.trouble, since))
        goes_on = end == len(steps) or spells.is_of(kind, head, end) or spells.is_of_narrower(kind, head, end)
        if not goes_on and (begun or not kind.trouble):
            sentence = f"{name}: no longer {title} {spells.since(end)}"
            found.append(Happening(steps[end], "cleared" if kind.trouble else "lost", sentence, *place, kind.name))
        return found

    def _anomalies(self) -> list[Happening]:
        found = []
        for figure, one in self._unhealthy.anomalies:
            step, head = self._measured.steps[one.row], self._recorded.heads[one.head]
            sentence = words.anomaly(self._recorded.name(head), figure, one.before, one.value)
            found.append(Happening(step, "alert", sentence, *head, trouble=True, since=self.unhealthy(head, step)))
        return found

    def sentence(self, layer: int, head: int, findings: list[Finding], lost: list[Finding], *, step: int) -> str:
        """One sentence of a head at `step`: what is wrong, what it does, since when, and what it no longer does."""
        place, wrong, rest = (layer, head), "", ""
        begun = self.unhealthy(place, step)
        if begun is not None and (alerts := self.why(place, step)):
            wrong = f"is {words.unhealthy(begun)}: {words.listed(alerts)}"
        if lost:
            newest = max(lost, key=lambda one: one.until or 0)
            rest = f"; no longer {newest.title} {self._spells.since(self._row(newest.until or 0) or 0)}"
        name = self._recorded.name(place)
        return head_sentence(name, findings, self.kinds, wrong=wrong, rest=rest + self._sharp(place, step))

    def _sharp(self, head: Head, step: int) -> str:
        """Since when the entropy of a head is as low as that of one that collapsed, of which no alert stands."""
        row = self._row(step)
        found = None if row is None else self._unhealthy.sharp(head, row)
        return "" if found is None else words.sharp(found[0], self._spells.since(found[1]))

    def _newest_spells(self, kind: Kind) -> list[list[int]]:
        """All of them, or of heads that come and go at every step the newest."""
        of_kind = self._spells.of(kind)
        newest = np.sort(np.argsort(of_kind[:, 1], kind="stable")[-_MOST_EVENTS:])
        found: list[list[int]] = of_kind[newest].tolist()
        return found

    def _row(self, step: int) -> int | None:
        """The last row at or before `step`."""
        row = int(np.searchsorted(self._measured.steps, step, side="right")) - 1
        return row if row >= 0 else None

    def _finding(self, kind: Kind, head: int, first: int, end: int, row: int, step: int) -> Finding:
        steps, layer = self._measured.steps, self._recorded.heads[head][0]
        value, at = self._measured.told(f"share/{kind.measure}", head, row)
        offset = self._spells.offset(kind, head, row)
        over = texts(self._recorded, self._recorded.layers[layer], kind)
        still = self._measured.told("offset/still", head, row)[0]
        otherwise = kind.name == "fixed" and self._measured.told("offset/otherwise_first", head, row)[0] == 1
        sentence = words.sentence(
            kind,
            value,
            texts=over,
            offset=offset,
            otherwise_first=otherwise,
            partner=self._spells.partner_name(kind, head, row),
            still=0 if math.isnan(still) else int(still),
            patches=bool(self._recorded.grids(self._recorded.layers[layer])),
            start=self.sampled[0] if self.sampled else None,
        )
        return Finding(
            step=step,
            layer=layer,
            head=self._recorded.heads[head][1],
            kind=kind.name,
            title=self._spells.title(kind, head, row),
            since=steps[first],
            first=steps[self._spells.first(kind, head, first)],
            until=steps[end] if end < len(steps) else None,
            when=self._when(kind, head, first),
            figure=kind.measure,
            value=value,
            at=steps[at],
            amount=words.amount(kind, value),
            texts=over,
            sentence=sentence,
            offset=offset,
            partner=self._spells.partner(kind, head, row),
            trouble=kind.trouble,
            needs_samples=kind.read_from == "samples",
        )

    def _when(self, kind: Kind, head: int, first: int) -> str:
        """Since when the spell that begins at `first` is; of trouble also since when the head is unhealthy."""
        when = self._spells.when(kind, head, first)
        if not kind.trouble or not when:
            return when
        return when + self._unhealthy.before(self._recorded.heads[head], self._measured.steps[first])

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
        places = tuple((one.layer, one.head) for one in clearest)
        feeding = (
            self._feeding([fed[place] for place in places if place in fed], count) if kind.name == "induction" else ""
        )
        sentence = self._of_all(who, kind, findings) + feeding
        return Group(kind.name, findings[0].title, sentence, since, kind.trouble, findings[0].texts, places)

    def _of_all(self, who: str, kind: Kind, findings: list[Finding]) -> str:
        """`who` they are, and since when; of several steps the first and the last at which one came to be so."""
        if len(findings) == 1 or not findings[0].when:
            return words.with_time(who, findings[0].when)
        rows = sorted(self._measured.steps.index(one.since) for one in findings)
        one, other, every = ("one", "the other", "both") if len(rows) == 2 else ("the earliest", "the latest", "all")
        first, last = (self._spells.since(row, kind) for row in (rows[0], rows[-1]))
        said = f"{who}: {one} {first}, {other} {last}" if rows[0] < rows[-1] else words.with_time(who, first)
        again = sum(one.first < one.since for one in findings)
        return said + (f", {every if again == len(rows) else f'{again} of them'} again" if again else "")

    def _feeding(self, fed: list[Finding], count: int) -> str:
        """Which previous-token heads feed the heads of a group, and how many of them."""
        if not fed:
            return ""
        sources = sorted({one.partner for one in fed if one.partner is not None})
        some = "" if len(fed) == count else f"{len(fed)} of them "
        return f", {some}fed by {words.joined([self._recorded.name(one) for one in sources])}"
