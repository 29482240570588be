"""Alert: what the rules of attention's health said at one step, and its JSON."""

import dataclasses
from typing import Any, Literal

from tensorboard.backend import json_util

_SAID = ("rule", "figure", "raised", "limit", "sentence")

Beyond = Literal["above", "below"]
_OF_OLDER_RECORDS: dict[str, Beyond] = {
    "max_logit": "above",
    "batch_max_logit": "above",
    "entropy": "below",
    "non_finite": "above",
}
"""By the names of our own rules about single heads, whose alerts did not say it before."""


@dataclasses.dataclass(frozen=True)
class AlertedHead:
    """A head that an alert is about, numbered as in the checkpoints, and the value of its figure."""

    layer: int
    head: int
    value: float


@dataclasses.dataclass(frozen=True)
class Alert:
    """Heads broke a rule of attention's health at `step` (`raised`), or keep it again.

    `sentence` says so to a person; `heads`: the worst one first. `beyond`: on which side of `limit` a head breaks the
    rule; None where the rule is about the model as a whole, or it was not recorded.
    """

    step: int
    rule: str
    figure: str
    raised: bool
    limit: float
    sentence: str
    heads: tuple[AlertedHead, ...]
    beyond: Beyond | None = None


@dataclasses.dataclass(frozen=True)
class AlertRecord:
    """What the rules said at one step: the changes, and how many alerts stand since (one a rule and head)."""

    step: int
    alerts: tuple[Alert, ...]
    active: int

    def to_content(self) -> dict[str, Any]:
        alerts = []
        for alert in self.alerts:
            heads = [{**dataclasses.asdict(head), "value": json_util.Cleanse(head.value)} for head in alert.heads]
            fields = {name: getattr(alert, name) for name in (*_SAID, "beyond")}
            alerts.append({**fields, "heads": heads})
        return {"active": self.active, "alerts": alerts}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "AlertRecord":
        step = document["step"]
        alerts = []
        for entry in document["alerts"]:
            heads = tuple(AlertedHead(h["layer"], h["head"], float(h["value"])) for h in entry["heads"])
            fields = {name: entry[name] for name in _SAID}
            beyond = entry["beyond"] if "beyond" in entry else _OF_OLDER_RECORDS.get(entry["rule"])
            alerts.append(Alert(step=step, **fields, heads=heads, beyond=beyond))
        return cls(step, tuple(alerts), document["active"])
