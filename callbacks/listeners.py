"""Listeners: the user's own functions, which are told what was recorded and what is wrong."""

import warnings
from collections.abc import Callable, Mapping, Sequence

from tb_attnviz.alerts import AttentionWarning
from tb_attnviz.events import Alert, AlertRecord
from tb_attnviz.events.summaries import ACTIVE_ALERTS_TAG, Figures, aggregates

OnRecord = Callable[[int, Mapping[str, float], Sequence[Alert]], object]
"""Called as on_record(step, figures, alerts); `figures` are the scalars of the step by their tags."""

_Change = tuple[str, bool, frozenset[tuple[int, int]]]  # of which rule, whether it was raised, and the heads


class Listeners:
    """Hands each recording to `on_record`, and each alert to `on_alert`."""

    def __init__(self, on_record: OnRecord | None, on_alert: Callable[[Alert], object] | None) -> None:
        self._on_record = on_record
        self._on_alert = on_alert
        self._warned = False
        self._told: tuple[int, set[_Change]] = (-1, set())  # the last step, and what was told of it

    def tell(self, step: int, figures: Figures, record: AlertRecord) -> None:
        """Warn of what was raised, and call both. What `on_alert` raises is raised; what `on_record` raises is not.

        Of a step that is recorded twice in a row an alert is told once.
        """
        if self._on_record is not None:
            self._report(self._on_record, step, figures, record)
        if step != self._told[0]:
            self._told = step, set()
        known = self._told[1]
        for alert in record.alerts:
            change = alert.rule, alert.raised, frozenset((head.layer, head.head) for head in alert.heads)
            if change in known:
                continue
            known.add(change)
            if alert.raised:
                warnings.warn(alert.sentence, AttentionWarning, stacklevel=4)
            if self._on_alert is not None:
                self._on_alert(alert)

    def _report(self, on_record: OnRecord, step: int, figures: Figures, record: AlertRecord) -> None:
        try:
            on_record(step, {**aggregates(figures), ACTIVE_ALERTS_TAG: float(record.active)}, record.alerts)
        except Exception as error:  # a tracker that is down must not end the training
            if not self._warned:
                self._warned = True
                warnings.warn(
                    f"on_record failed at step {step}: {type(error).__name__}: {error}. Training goes on and calls it "
                    "again at the next recording; later failures are not reported.",
                    RuntimeWarning,
                    stacklevel=5,
                )
