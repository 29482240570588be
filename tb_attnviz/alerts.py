"""Alerts: rules over the health figures, and what they say when a head breaks one.

An alert is raised once, and cleared once the figure is back past a second, easier bound: a figure that hovers about its
limit does not raise it again and again.

    watch = Watch([dataclasses.replace(MAX_LOGIT, limit=50, clear=40), NON_FINITE])
    record = watch.look(step, layers, figures)
    record.alerts  # what was raised or cleared at this step
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tb_attnviz.array_types import Bool, Float32
from tb_attnviz.events import Alert, AlertedHead, AlertRecord, Beyond, Layer
from tb_attnviz.units import limit_told, percent, told

Int = npt.NDArray[np.intp]


_MOVED = 0.1  # of a figure: less is noise


class AttentionWarning(UserWarning):
    """A head, or the model, broke a rule of attention's health."""


class Rule(Protocol):
    """What `Watch` asks of a rule; HeadRule and ShareRule will do for most."""

    @property
    def name(self) -> str:
        """Its own among the rules of a watch."""

    @property
    def figure(self) -> str:
        """The health figure it is about."""

    @property
    def limit(self) -> float: ...

    @property
    def beyond(self) -> Beyond | None:
        """On which side of `limit` a head breaks it; None of a rule about the model as a whole."""

    def broken(self, values: Float32, before: Float32, was: Bool) -> Bool:
        """Where the rule is broken, [heads], or [1] for the model as a whole.

        `values` and `before` [heads]: the figure now and at the last look, NaN where it is not known; `was`: the last
        answer, all False at first.
        """

    def heads(self, values: Float32, changed: Bool) -> Int:
        """Numbers of the heads that a change is about, the worst one first."""

    def sentence(self, values: Float32, worst: str, heads: Int, *, raised: bool) -> str:
        """What to tell a person; `worst` names the layer and number of the first of `heads`."""


@dataclasses.dataclass(frozen=True)
class HeadRule:
    """Broken by a head whose `figure` passes `limit`; mended once it is back past `clear`.

    A `clear` that is greater than `limit` makes it a rule against small values. `moving`: to break it, the figure must
    also have got worse by a tenth since it last kept the limit, or since the last look where it never did, so that a
    head that has always been so is left alone.
    """

    name: str
    figure: str
    limit: float
    clear: float
    meaning: str
    moving: bool = False
    of: str | None = None  # what the figure is taken of, as sentences say it

    def broken(self, values: Float32, before: Float32, was: Bool) -> Bool:
        with np.errstate(invalid="ignore"):
            breaks = self._past(values, self.limit)
            if self.moving:
                breaks &= self._past(values, before * (1 + _MOVED if self._upward else 1 - _MOVED))
            mends = ~self._past(values, self.clear) & ~np.isnan(values)
        return np.where(was, ~mends, breaks)

    def remembered(self, values: Float32, before: Float32) -> Float32:
        """What the next look is told as `before`, [heads]."""
        if not self.moving:
            return values
        with np.errstate(invalid="ignore"):
            falls = self._past(values, self.limit) & ~self._past(before, self.limit) & ~np.isnan(before)
        return np.where(falls, before, values)

    def heads(self, values: Float32, changed: Bool) -> Int:
        indices = np.flatnonzero(changed)
        severity = -values[indices] if self._upward else values[indices]
        return indices[np.argsort(severity, kind="stable")]

    def sentence(self, values: Float32, worst: str, heads: Int, *, raised: bool) -> str:
        bound, side = (self.limit, self._upward) if raised else (self.clear, not self._upward)
        than = limit_told(self.figure, bound)
        back = "" if raised else "back "
        others = f", and so for {_count(len(heads) - 1, 'other head')}" if len(heads) > 1 else ""
        meaning = f": {self.meaning}" if raised else ""
        relation = "over" if side else "under"
        value = told(self.figure, float(values[heads[0]]))
        on = "" if self.of is None else f" on {self.of}"
        return f"{self.figure} of {worst}{on} is {value}, {back}{relation} {than}{others}{meaning}"

    @property
    def beyond(self) -> Beyond:
        return "above" if self._upward else "below"

    @property
    def _upward(self) -> bool:
        return self.clear <= self.limit

    def _past(self, values: Float32, bound: Float32 | float) -> Bool:
        return np.asarray(values > bound if self._upward else values < bound)


@dataclasses.dataclass(frozen=True)
class ShareRule:
    """Broken by a model once more than the share `limit` of its heads have `figure` over `of`; mended under `clear`.

    A model that begins like that is left alone: pretrained ones do, and so does uniform attention over few tokens.
    """

    name: str
    figure: str
    of: float
    limit: float
    clear: float
    meaning: str

    def broken(self, values: Float32, before: Float32, was: Bool) -> Bool:
        share, share_before = self._share(values), self._share(before)
        if np.isnan(share):
            return was[:1]
        if was[0]:
            return np.array([share >= self.clear])
        return np.array([share > self.limit >= share_before])

    def heads(self, values: Float32, changed: Bool) -> Int:
        over = np.flatnonzero(values > self.of)
        found = over if over.size else np.flatnonzero(~np.isnan(values))[:1]
        return found[np.argsort(-values[found], kind="stable")]

    def sentence(self, values: Float32, worst: str, heads: Int, *, raised: bool) -> str:
        share = self._share(values)
        bound = f"over {percent(self.limit)}" if raised else f"back under {percent(self.clear)}"
        meaning = f": {self.meaning}" if raised else ""
        most = f"most in {worst} ({told(self.figure, float(values[heads[0]]))})"
        of = limit_told(self.figure, self.of)
        return f"{self.figure} is over {of} in {percent(share)} of all heads, {bound}, {most}{meaning}"

    @property
    def beyond(self) -> None:
        return None

    def _share(self, values: Float32) -> float:
        known = values[~np.isnan(values)]
        return float(np.mean(known > self.of)) if known.size else np.nan


_DIVERGES = "logits that grow like this lead to divergence"

MAX_LOGIT = HeadRule("max_logit", "max_logit", 100, 90, _DIVERGES, of="the probe")
BATCH_MAX_LOGIT = dataclasses.replace(
    MAX_LOGIT, name="batch_max_logit", figure="batch_max_logit", of="the training batch"
)
ENTROPY = HeadRule("entropy", "entropy", 0.05, 0.1, "attention is collapsing onto single tokens", moving=True)
NON_FINITE = HeadRule("non_finite", "non_finite", 0, 0, "its queries or keys hold NaN or infinity")
SINK = ShareRule("sink", "sink", 0.3, 0.8, 0.7, "nearly all of the model rests on the first token")

RULES: tuple[Rule, ...] = (MAX_LOGIT, BATCH_MAX_LOGIT, ENTROPY, NON_FINITE, SINK)
"""The rules unless told otherwise: QK-clip acts over 100 (Kimi K2), entropy collapse is near 0 (Zhai et al. 2023), and
over 0.3 a first token is a sink (Gu et al. 2024)."""


class Watch:
    """Looks at the figures of one step after the other, and says what changed.

    Raises ValueError for two rules of one name.
    """

    def __init__(self, rules: Sequence[Rule] = RULES) -> None:
        names = [rule.name for rule in rules]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"two rules are called {min(twice)!r}: give each a name of its own")
        self._rules = tuple(rules)
        self._layers: tuple[Layer, ...] = ()
        self._step: int | None = None
        self._was: dict[str, Bool] = {}
        self._before: dict[str, Float32] = {}
        self._earlier = self._was, self._before  # as they were before the last look

    def look(self, step: int, layers: Sequence[Layer], figures: Mapping[str, Float32]) -> AlertRecord:
        """What was raised and what was cleared at `step`; `figures` are float32 [heads of all layers].

        A figure that is NaN or missing changes nothing. Other layers than last time begin anew. A step that is looked
        at twice in a row counts once, as it is the second time.
        """
        if step == self._step:
            self._was, self._before = self._earlier
        if [layer.identity for layer in layers] != [layer.identity for layer in self._layers]:
            self._was, self._before = {}, {}
        self._step, self._layers, self._earlier = step, tuple(layers), (self._was, self._before)
        heads = [(index, head) for index, layer in enumerate(self._layers) for head in range(layer.heads)]
        unknown = np.full(len(heads), np.nan, np.float32)
        alerts: list[Alert] = []
        now: dict[str, Bool] = {}
        last: dict[str, Float32] = {}
        for rule in self._rules:
            values = figures.get(rule.figure, unknown)
            was = self._was.get(rule.name, np.zeros(len(heads), np.bool_))
            before = self._before.get(rule.name, unknown)
            broken = rule.broken(values, before, was)
            remembered = rule.remembered(values, before) if isinstance(rule, HeadRule) else values
            last[rule.name] = np.where(np.isnan(values), before, remembered)
            was = was[: len(broken)]
            for raised, changed in ((True, broken & ~was), (False, was & ~broken)):
                if changed.any():
                    alerts.append(self._alert(step, rule, values, rule.heads(values, changed), heads, raised=raised))
            now[rule.name] = broken
        self._was, self._before = now, last
        return AlertRecord(step, tuple(alerts), active=sum(int(broken.sum()) for broken in self._was.values()))

    def go_on(self, layers: Sequence[Layer], alerts: Sequence[Alert], figures: Mapping[str, Float32]) -> None:
        """Stand where an earlier start stood: by what its `alerts` raised and cleared, in their order, and its last
        `figures`, float32 [heads of all layers].

        Behind a look by those of them that came after it, at steps that are passed over now: they stand for whoever
        reads the run.
        """
        since = self._step
        first = np.cumsum([0, *(layer.heads for layer in layers)])
        if since is None:
            unknown = np.full(first[-1], np.nan, np.float32)
            self._layers = tuple(layers)
            self._was = {rule.name: np.zeros(first[-1], np.bool_) for rule in self._rules}
            self._before = {rule.name: figures.get(rule.figure, unknown) for rule in self._rules}
        elif [layer.identity for layer in layers] != [layer.identity for layer in self._layers]:
            return
        about_heads = {rule.name: rule.beyond is not None for rule in self._rules}
        for alert in alerts:
            if alert.rule in self._was and (since is None or alert.step > since):
                heads = [first[one.layer] + one.head for one in alert.heads]
                self._was[alert.rule][heads if about_heads[alert.rule] else slice(1)] = alert.raised

    def _alert(
        self, step: int, rule: Rule, values: Float32, concerned: Int, heads: list[tuple[int, int]], *, raised: bool
    ) -> Alert:
        described = self._layers[heads[concerned[0]][0]]
        layer, head = described.in_model(*heads[concerned[0]])
        worst = f"layer {layer} ({described.name}) head {head}"
        return Alert(
            step=step,
            rule=rule.name,
            figure=rule.figure,
            raised=raised,
            limit=rule.limit,
            sentence=f"{rule.sentence(values, worst, concerned, raised=raised)} (step {step})",
            heads=tuple(AlertedHead(heads[index][0], heads[index][1], float(values[index])) for index in concerned),
            beyond=rule.beyond,
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
