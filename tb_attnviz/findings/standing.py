"""Standing: the alerts of one head that stand at a step, in the words in which the tab tells alerts."""

from collections.abc import Sequence

from tb_attnviz.events import Alert
from tb_attnviz.findings.recorded import Head
from tb_attnviz.units import limit_told, named, told


def standing(alerts: Sequence[Alert], head: Head, step: int) -> list[Alert]:
    """What `head` broke up to `step` and has not mended since, of rules about single heads: one a rule, by step."""
    stand: dict[str, Alert] = {}
    for alert in sorted(alerts, key=lambda one: one.step):
        if alert.step <= step and head in [(one.layer, one.head) for one in alert.heads]:
            if not alert.raised:
                stand.pop(alert.rule, None)
            elif alert.beyond is not None:
                stand[alert.rule] = alert
    return list(stand.values())


def reason(alert: Alert, head: Head, now: float) -> str:
    """ "largest logit 140, above 100": since when is told before it, as the time since which the head is unhealthy.

    Of a head that is no longer beyond the limit, or of which that is not known, as it was: "…, above 100 at step 800".
    now: the figure of `head` at the shown step, NaN where it is not known.
    """
    beyond = now > alert.limit if alert.beyond == "above" else now < alert.limit
    then = next(one.value for one in alert.heads if (one.layer, one.head) == head)
    value, limit = told(alert.figure, now if beyond else then), limit_told(alert.figure, alert.limit)
    return f"{named(alert.figure)} {value}, {alert.beyond} {limit}{'' if beyond else f' at step {alert.step:,}'}"
