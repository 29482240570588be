"""What a page tells of alerts, of which some heads, or all, are left out."""

import json
from pathlib import Path
from typing import Any

from tb_attnviz.events import Alert, AlertedHead, AlertRecord, Beyond, RunWriter
from tb_attnviz.export import contents
from tests.export.test_plan import planned


def alert(step: int, rule: str, *heads: AlertedHead, raised: bool = True, beyond: Beyond | None = "above") -> Alert:
    return Alert(step, rule, rule, raised, 100, f"{rule} at {step}", heads, beyond)


def test_alerts_of_other_heads_are_left_out(writer: RunWriter, run_directory: Path) -> None:
    worst, other, here = AlertedHead(1, 3, 140), AlertedHead(1, 1, 130), AlertedHead(0, 2, 120)
    writer.write_alerts(
        AlertRecord(100, (alert(100, "max_logit", worst, other, here), alert(100, "entropy", worst)), active=4)
    )
    kept = (alert(200, "entropy", worst, raised=False), alert(200, "sink", worst, beyond=None))
    writer.write_alerts(AlertRecord(200, kept, active=3))
    document: dict[str, Any] = json.loads(dict(contents.documents(planned(run_directory, layers="0")))["alerts"])
    heads = [(one["step"], one["rule"], [head["head"] for head in one["heads"]]) for one in document["alerts"]]
    assert heads == [(100, "max_logit", [2]), (200, "sink", [])]
