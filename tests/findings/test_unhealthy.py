"""One time at which something is wrong with a head: the same wherever it is told."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tb_attnviz.alerts import ENTROPY, MAX_LOGIT, HeadRule
from tb_attnviz.events import Alert, AlertedHead
from tests.findings.test_several_kinds import course, named

HEAD = (0, 0)


def alert(step: int, rule: HeadRule, *, raised: bool = True) -> Alert:
    heads = (AlertedHead(*HEAD, 132 if rule == MAX_LOGIT else 0.01),)
    return Alert(step, rule.name, rule.figure, raised, rule.limit, f"{rule.name} at {step}", heads, rule.beyond)


def test_all_that_is_wrong_with_a_head_began_with_the_first_of_it(tmp_path: Path) -> None:
    alerts = (alert(400, ENTROPY), alert(600, ENTROPY, raised=False), alert(600, MAX_LOGIT))
    collapsed = course({0: [0, 0, 0, 0, 0, 0.8, 0.8, 0.8]})
    logits = {"figure/max_logit": course({0: [7] * 6 + [140, 140]})}
    found = named(tmp_path, one_key=collapsed, extra=logits, alerts=alerts)
    assert [found.unhealthy(HEAD, step) for step in (300, 400, 700)] == [None, 400, 400]
    assert found.unhealthy((0, 1), 700) is None
    here = found.at(700)
    assert found.sentence(*HEAD, here, [], step=700) == (
        "L0 H0 is unhealthy since step 400: largest logit 140, above 100; it has collapsed: all queries attend to one "
        "and the same token, 80 % in all texts."
    )
    assert [one.sentence for one in found.groups(700)] == [
        "1 head collapsed onto one key since step 500 (unhealthy since step 400)"
    ]
    events = [one for one in found.happenings if one.what == "alert"]
    assert [(one.step, one.since) for one in events] == [(400, 400), (500, 400), (600, 400)]
    assert [one.sentence.partition(": all")[0] for one in events if one.kind] == [
        "L0 H0: collapsed since step 500 (unhealthy since step 400)"
    ]
    at_once = found.sentence(*HEAD, [], [], step=400)  # one step, told once
    assert at_once == "L0 H0 is unhealthy since step 400: entropy 1.0 %, below 5 % at step 400."


@pytest.mark.parametrize(("back", "since"), [(500, 600), (600, 300)])
def test_what_is_well_in_between_begins_anew(back: int, since: int, tmp_path: Path) -> None:
    alerts = (alert(300, MAX_LOGIT), alert(back, MAX_LOGIT, raised=False), alert(600, ENTROPY))
    found = named(tmp_path, alerts=alerts)
    assert found.unhealthy(HEAD, 700) == since


def test_an_anomaly_is_told_while_it_lasts_and_no_rule_is_broken(tmp_path: Path) -> None:
    norms = np.full((30, 10), 5, np.float32)
    norms[15:, 0] = 40
    steps = tuple(range(0, 300, 10))
    found = named(tmp_path, alerts=(alert(200, MAX_LOGIT),), steps=steps, extra={"figure/key_norm": norms})
    says = "L0 H0 is unhealthy since step 150: "
    assert [found.unhealthy(HEAD, step) for step in (140, 150, 190, 290)] == [None, 150, 150, 150]
    assert found.sentence(*HEAD, [], [], step=190).startswith(f"{says}key norm 40.0, about 5.00 before")
    assert found.sentence(*HEAD, [], [], step=200).startswith(f"{says}largest logit 132, above 100 at step 200")
    alone = named(tmp_path / "alone", steps=steps, extra={"figure/key_norm": norms})
    assert [alone.unhealthy(HEAD, step) for step in (240, 250)] == [150, None]


def test_a_head_that_is_sharp_without_an_alert_says_since_when(tmp_path: Path) -> None:
    entropy = course({0: [0.5, 0.5, 0.5, 0.01, 0.01, 0.01, 0.01, 0.01], 1: [0.001] * 8, 2: [0.06, 0.06] + [0.048] * 6})
    entropy[:, 3:] = 0.5
    entropy[6, 1] = np.nan  # the last that is known counts
    extra = {"figure/entropy": entropy}
    found = named(tmp_path, alerts=(alert(300, ENTROPY), alert(700, ENTROPY, raised=False)), extra=extra)

    def says(head: int, step: int) -> str:
        return found.sentence(0, head, [], [], step=step)

    nothing = "does nothing that has a name"
    always = f"L0 H1 {nothing}; sharp from the start: entropy 0.1 %, and only a fall is an alert."
    assert [says(1, step) for step in (0, 600)] == [always, always]
    assert says(2, 100) == f"L0 H2 {nothing}."
    assert "sharp since step 200: entropy 4.8 %" in says(2, 700)
    assert says(0, 600) == "L0 H0 is unhealthy since step 300: entropy 1.0 %, below 5 %."
    assert says(3, 600) == f"L0 H3 {nothing}."


def test_alerts_of_the_whole_model_are_of_no_head(tmp_path: Path) -> None:
    found = named(tmp_path, alerts=(dataclasses.replace(alert(300, MAX_LOGIT), beyond=None),))
    assert found.unhealthy(HEAD, 700) is None
    assert [(one.layer, one.head, one.since) for one in found.happenings] == [(None, None, None)]
    assert found.happened([]) == found.happenings


def test_an_alert_of_several_heads_is_told_of_the_worst_of_those_that_are_asked_about(tmp_path: Path) -> None:
    heads = (AlertedHead(1, 1, 140), AlertedHead(0, 1, 130), AlertedHead(0, 0, 120))
    both = dataclasses.replace(alert(300, MAX_LOGIT), heads=heads)
    found = named(tmp_path, alerts=(both, dataclasses.replace(both, step=400, raised=False, sentence="back")))

    def told(*wanted: tuple[int, int]) -> list[tuple[int | None, ...]]:
        return [(one.layer, one.head, one.since) for one in found.happened(wanted)]

    assert told((0, 0), (0, 1), (1, 1)) == [(1, 1, 300), (1, 1, None)]
    assert told((0, 0), (0, 1)) == [(0, 1, 300), (0, 1, None)]
    assert told((1, 0)) == []
