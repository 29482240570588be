"""What the findings say of a run: kinds of heads, what happened, the evidence, and where figures moved."""

import contextlib
from collections.abc import Sequence

from tb_attnviz import findings
from tb_attnviz.events import SHARES
from tb_attnviz.events.segment import Segment
from tb_attnviz.events.shapes import shown
from tb_attnviz.findings import Break, ChangePoint, Evidence, Finding, Named, Recorded
from tb_attnviz.projection.ports import MemoryStore, unreported
from tb_attnviz.run.checks import check_head
from tb_attnviz.run.figures import health
from tb_attnviz.run.maps import map_steps
from tb_attnviz.run.recorded_run import NotRecordedError, RecordedRun, steps_in_words


class Naming:
    """The findings of one run, which grows. What was read for them is kept: each step is read once."""

    def __init__(self) -> None:
        self._measures = MemoryStore()  # of each step
        self._recorded: Recorded | None = None
        self._named: tuple[str, Named] | None = None  # of what was recorded at this address

    def forget(self) -> None:
        """There may be more than was known."""
        self._recorded = None

    def recorded(self, run: RecordedRun) -> Recorded:
        """See Run.recorded."""
        segment, steps, maps = run.records.newest, run.steps, tuple(map_steps(run))
        known = self._recorded
        if known is not None and (known.maps, list(known.checkpoints)) == (maps, steps):
            return known  # nothing was thinned since
        self._recorded = Recorded(
            run.directory,
            run.probe,
            run.layers,
            {step: segment.recorded[step] for step in run.health_steps},
            maps,
            {step: segment.checkpoints[step] for step in steps},
            tuple(run.alerts),
            _breaks(run),
            run.tells_induction,
            _before(run),
        )
        return self._recorded

    def named(self, run: RecordedRun) -> Named:
        """See Run.named."""
        recorded = self.recorded(run)
        if self._named is None or self._named[0] != recorded.address:
            self._named = recorded.address, Named.of(recorded, self._measures, unreported)
            run.lose_figures(self._named[1].lost_figures)
        return self._named[1]

    def findings(self, run: RecordedRun, step: int | None) -> list[Finding]:
        """See Run.findings. Raises NotRecordedError before anything was recorded."""
        known = run.health_steps or run.steps
        if not known:
            raise NotRecordedError(f"there is nothing to name yet: {steps_in_words(known)}")
        return self.named(run).at(known[-1] if step is None else step)

    def change_points(self, run: RecordedRun, figures: Sequence[str] | None) -> list[ChangePoint]:
        """See Run.change_points."""
        heads, steps, values = self.recorded(run).heads, run.health_steps, health(run)
        for name in figures or ():
            if name not in values:
                there = ", ".join(map(repr, sorted(values))) or "none"
                raise NotRecordedError(f"no figure {shown(name)}: the run has {there}")
        found = []
        following = [name for name in values if name.startswith(findings.FOLLOWS)]
        for name in (*SHARES, *following) if figures is None else figures:
            for one in findings.change_points(values[name]) if name in values else ():
                step = steps[one.row]
                found.append(ChangePoint(*heads[one.series], name, step, one.before, one.after, one.score))
        return sorted(found, key=lambda one: one.step)


def evidence(run: RecordedRun, finding: Finding, step: int | None) -> Evidence | None:
    """See Run.evidence."""
    if step is None:
        step = max((one for one in run.steps if one <= finding.step), default=run.newest_step)
    check_head(run, step, finding.layer, finding.head)
    layer = run.layer(step, finding.layer)
    own, others = run.probe.side(layer.queries_of), run.probe.side(layer.keys_of)
    return findings.evidence(finding, run.recorded_layers(step)[finding.layer], own, others, step=step)


def _before(run: RecordedRun) -> Recorded | None:
    """The end of the part before the newest segment, where it can be read."""
    with contextlib.suppress(NotRecordedError):
        return Naming().recorded(run.earlier[-1]).ending() if run.earlier else None
    return None


def _breaks(run: RecordedRun) -> tuple[Break, ...]:
    """Where the newest segment began, if it is not the first, and where it was started again."""
    newest = run.records.newest
    first_steps = newest.first_steps
    found = [Break(step, "restart", _begun(step, [newest])) for step in list(first_steps.values())[1:]]
    if len(run.segments) > 1 and first_steps:
        step = min([*first_steps.values(), *run.steps[:1]])  # figures may begin later than samples
        sentence = f"{_begun(step, run.segments[-2:-1])} with {_what_is_other(*run.segments[-2:])}"
        found.insert(0, Break(step, "changed model", sentence))
    return tuple(found)


def _begun(step: int, before: Sequence[Segment]) -> str:
    """That training was begun again, of which `step` is the first record: after all that was recorded before it."""
    earlier = [one for segment in before for one in (*segment.checkpoints, *segment.recorded) if one < step]
    last = max(earlier, default=step - 1)
    return f"begun again {f'at step {step:,}' if last == step - 1 else f'between steps {last:,} and {step:,}'}"


def _what_is_other(before: Segment, now: Segment) -> str:
    """ "another model (2 → 3 layers, 4 → 6 heads a layer)", "another probe"; either, where nothing tells which."""
    old, new = ([(of.name, of.heads, of.kv_heads, of.head_dim) for of in part.layers] for part in (before, now))
    if old == new:
        return "another model or probe" if before.probe == now.probe else "another probe"
    heads = [sorted({heads for _, heads, *_ in of}) for of in (old, new)]
    told = [] if len(old) == len(new) else [f"{len(old)} → {len(new)} layers"]
    if not set(heads[0]) <= set(heads[1]) and not set(heads[1]) <= set(heads[0]):
        told.append(" → ".join(" or ".join(map(str, counts)) for counts in heads) + " heads a layer")
    return f"another model ({', '.join(told)})" if told else "another model"
