"""Alert: what the rules of attention's health said at one step, and its JSON."""

import dataclasses
from typing import Any

from tensorboard.backend import json_util


@dataclasses.dataclass(frozen=True)
class AlertedHead:
    """A head that an alert is about, numbered as in the checkpoints, and the value of its figure."""

    layer: int
    head: int
    value: float


@dataclasses.dataclass(frozen=True)
class Alert:
    """Heads broke a rule of attention's health at `step` (`raised`), or keep it again.

    `sentence` says so to a person; `heads`: the worst one first.
    """

    step: int
    rule: str
    figure: str
    raised: bool
    limit: float
    sentence: str
    heads: tuple[AlertedHead, ...]


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
            fields = {name: getattr(alert, name) for name in ("rule", "figure", "raised", "limit", "sentence")}
            alerts.append({**fields, "heads": heads})
        return {"active": self.active, "alerts": alerts}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "AlertRecord":
        step = document["step"]
        alerts = []
        for entry in document["alerts"]:
            heads = tuple(AlertedHead(h["layer"], h["head"], float(h["value"])) for h in entry["heads"])
            fields = {name: entry[name] for name in ("rule", "figure", "raised", "limit", "sentence")}
            alerts.append(Alert(step=step, **fields, heads=heads))
        return cls(step, tuple(alerts), document["active"])
