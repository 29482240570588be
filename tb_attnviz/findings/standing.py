"""Standing: the alerts of one head that stand at a step, in the words in which the tab tells alerts."""

import math
from collections.abc import Sequence

from tb_attnviz.events import Alert
from tb_attnviz.findings.recorded import Head

_TOLD = {"max_logit": "largest logit", "batch_max_logit": "largest logit of the training batch"}


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
    """ "largest logit 140, above 100 since step 800"; of a head that is no longer beyond the limit, or of which that is
    not known, as it was: "…, above 100 at step 800".

    now: the figure of `head` at the shown step, NaN where it is not known.
    """
    beyond = now > alert.limit if alert.beyond == "above" else now < alert.limit
    then = next(one.value for one in alert.heads if (one.layer, one.head) == head)
    figure = _TOLD.get(alert.figure, alert.figure.replace("_", " "))
    value = formatted(now if beyond else then)
    return f"{figure} {value}, {alert.beyond} {alert.limit:g} {'since' if beyond else 'at'} step {alert.step:,}"


def formatted(value: float) -> str:
    """Short, as the tab writes figures: 0.0006, 0.123, 12.3, 1,234, 1.2e6."""
    if not math.isfinite(value):
        return "unknown" if math.isnan(value) else "infinite"
    size = abs(value)
    if size >= 1e6 or 0 < size < 1e-4:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    if size >= 1000:
        return f"{value:,.0f}"
    digits = 0 if size >= 100 or size == 0 else 1 if size >= 10 else 2 if size >= 1 else 3 if size >= 1e-3 else 4
    return f"{value:.{digits}f}"
