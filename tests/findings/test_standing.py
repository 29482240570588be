"""The alerts of a head, in the words of its sentence."""

import dataclasses
import math

import numpy as np
import pytest

from tb_attnviz.alerts import ENTROPY, MAX_LOGIT, SINK, HeadRule, Watch
from tb_attnviz.events import Alert, Layer
from tb_attnviz.findings.standing import reason, standing

LAYERS = (Layer("a", 2, 2, 8, 1.0, causal=True),)
"""Of two heads."""


@pytest.fixture
def alerts() -> list[Alert]:
    """Head 0 breaks both rules at step 650 and mends one at 800; head 1 breaks the first, and mends it at 700."""
    watch, found = Watch([MAX_LOGIT, ENTROPY, SINK]), []
    for step, logits, entropy in (
        (600, (7, 7), (0.5, 0.5)),
        (650, (6662, 132), (0.0006, 0.5)),
        (700, (6662, 7), (0.0006, 0.5)),
        (800, (6662, 7), (0.5, 0.5)),
    ):
        figures = {"max_logit": np.array(logits, np.float32), "entropy": np.array(entropy, np.float32)}
        figures["sink"] = np.full(2, 0.9 if step > 600 else 0.1, np.float32)
        found += watch.look(step, LAYERS, figures).alerts
    return found


def test_what_a_head_broke_stands_until_it_mends_it_itself(alerts: list[Alert]) -> None:
    def rules(head: int, step: int) -> list[str]:
        return [one.rule for one in standing(alerts, (0, head), step)]

    assert [rules(0, step) for step in (600, 650, 800)] == [[], ["max_logit", "entropy"], ["max_logit"]]
    assert [rules(1, step) for step in (650, 700)] == [["max_logit"], []]  # what is of the whole model is of no head


def test_an_alert_says_the_figure_now_and_the_limit(alerts: list[Alert]) -> None:
    logit, entropy = standing(alerts, (0, 0), 700)
    assert reason(logit, (0, 0), 7100) == "largest logit 7,100, above 100"
    assert reason(entropy, (0, 0), 0.0006) == "entropy 0.1 %, below 5 %"
    assert reason(logit, (0, 0), math.nan) == "largest logit 6,662, above 100 at step 650"
    assert reason(logit, (0, 0), 95) == "largest logit 6,662, above 100 at step 650"  # not back yet, nor beyond
    [other] = standing(alerts, (0, 1), 650)
    assert reason(other, (0, 1), math.nan) == "largest logit 132, above 100 at step 650"
    of_the_batch = dataclasses.replace(logit, figure="batch_max_logit")
    assert reason(of_the_batch, (0, 0), 200).startswith("largest logit of the training batch 200, ")


def test_rules_of_the_users_own_words_are_told_too() -> None:
    class Spoken(HeadRule):
        def sentence(self, *_: object, **__: object) -> str:
            return "so hoch wie nie"

    watch = Watch([Spoken("spoken", "entropy", 0.1, 0.2, "")])
    watch.look(0, LAYERS, {"entropy": np.array([0.5, 0.5], np.float32)})
    alerts = watch.look(9, LAYERS, {"entropy": np.array([0.5, 0.05], np.float32)}).alerts
    assert [reason(one, (0, 1), 0.04) for one in standing(alerts, (0, 1), 9)] == ["entropy 4.0 %, below 10 %"]
