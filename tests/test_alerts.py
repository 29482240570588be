"""Alerts: raised once, cleared past a second bound, and told in a sentence."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tb_attnviz.alerts import ENTROPY, MAX_LOGIT, NON_FINITE, RULES, SINK, HeadRule, Watch
from tb_attnviz.events import Alert, AlertedHead, AlertRecord, Layer

LAYERS = (Layer("h.0", 2, 2, 8, 0.3, True), Layer("h.1", 3, 3, 8, 0.3, True))  # heads 0 and 1; 2, 3 and 4
NAN, INF = float("nan"), float("inf")


def look(watch: Watch, step: int, **figures: list[float]) -> AlertRecord:
    return watch.look(step, LAYERS, {name: np.array(values, np.float32) for name, values in figures.items()})


def changes(record: AlertRecord) -> list[tuple[str, bool, list[tuple[int, int]]]]:
    return [(a.rule, a.raised, [(head.layer, head.head) for head in a.heads]) for a in record.alerts]


def test_a_sentence_names_heads_by_the_models_own_numbers() -> None:
    some = dataclasses.replace(LAYERS[0], number=7, head_numbers=(3, 11))
    record = Watch([MAX_LOGIT]).look(0, [some], {"max_logit": np.array([1, 500], np.float32)})
    assert "max_logit of layer 7 (h.0) head 11 on the probe is 500" in record.alerts[0].sentence
    assert record.alerts[0].heads == (AlertedHead(0, 1, 500.0),)  # where it stands in the figures


def test_a_scale_that_is_learned_does_not_begin_anew() -> None:
    watch = Watch([MAX_LOGIT])
    told = []
    for step, scale in enumerate((0.3, 0.31)):
        layers = [dataclasses.replace(layer, scale=scale) for layer in LAYERS]
        told.append(changes(watch.look(step, layers, {"max_logit": np.array([500, 1, 1, 1, 1], np.float32)})))
    assert told == [[("max_logit", True, [(0, 0)])], []]


class TestHysteresis:
    def test_a_logit_over_100_is_raised_once_and_cleared_under_90(self) -> None:
        watch, told = Watch([MAX_LOGIT]), []
        for step, value in enumerate([100, 101, 400, 99, 101, 91, 90.5, 89, 95, 101]):
            told += [(step, a.raised) for a in look(watch, step, max_logit=[5, value, 5, 5, 5]).alerts]
        assert told == [(1, True), (7, False), (9, True)]

    def test_entropy_is_raised_only_while_it_falls(self) -> None:
        # the first head has always been sharp, give or take; the second gets sharper; the third collapses
        steps = [
            [0.0100, 0.04, 0.80, 1, 1],
            [0.0099, 0.03, 0.02, 1, 1],
            [0.0098, 0.03, 0.02, 1, 1],
            [0.0097, 0.03, 0.11, 1, 1],
        ]
        watch = Watch([ENTROPY])
        told = [changes(look(watch, step, entropy=values)) for step, values in enumerate(steps)]
        assert told == [[], [("entropy", True, [(1, 0), (0, 1)])], [], [("entropy", False, [(1, 0)])]]

    def test_entropy_is_raised_however_slowly_it_falls(self) -> None:
        """By 5 % a look, from 0.3: over the limit of 0.05 at 34, a tenth below where that was at 37."""
        watch = Watch([ENTROPY])
        told = [bool(look(watch, step, entropy=[0.3 * 0.95**step, 0.01, 1, 1, 1]).alerts) for step in range(60)]
        assert [step for step, alerts in enumerate(told) if alerts] == [37]

    def test_an_alert_of_an_earlier_start_goes_on(self) -> None:
        rules = [MAX_LOGIT, ENTROPY, SINK]
        first = Watch(rules)
        told = [
            alert
            for step, (logit, sink) in enumerate([(1, 0.1), (500, 0.9)])
            for alert in look(first, step, max_logit=[1, 1, logit, 1, 1], entropy=[0.5] * 5, sink=[sink] * 5).alerts
        ]
        assert [alert.rule for alert in told] == ["max_logit", "sink"]
        later = Watch(rules)
        later.go_on(LAYERS, told, {"entropy": np.full(5, 0.5, np.float32)})
        assert look(later, 2, max_logit=[1, 1, 500, 1, 1], sink=[0.9] * 5).alerts == ()
        again = look(later, 3, max_logit=[1] * 5, sink=[0.1] * 5, entropy=[0.01, 0.5, 0.5, 0.5, 0.5])
        expected = [("max_logit", False, [(1, 0)]), ("entropy", True, [(0, 0)])]
        assert changes(again)[:2] == expected
        assert [(alert.rule, alert.raised) for alert in again.alerts[2:]] == [("sink", False)]

    def test_alerts_of_an_earlier_start_between_two_looks_count(self) -> None:
        first, later = Watch([MAX_LOGIT]), Watch([MAX_LOGIT])
        told = list(look(first, 5, max_logit=[1, 500, 500, 1, 1]).alerts)
        later.go_on(LAYERS, [], {})
        look(later, 4, max_logit=[1] * 5)
        later.go_on(LAYERS, told, {})
        assert changes(look(later, 6, max_logit=[1, 1, 500, 1, 1])) == [("max_logit", False, [(0, 1)])]
        later.go_on(LAYERS, told, {})  # once
        assert look(later, 7, max_logit=[1, 1, 500, 1, 1]).active == 1

    def test_what_is_not_known_changes_nothing(self) -> None:
        watch = Watch([MAX_LOGIT])
        assert look(watch, 0, max_logit=[NAN] * 5).alerts == ()
        assert look(watch, 1, max_logit=[500, NAN, 1, 1, 1]).active == 1
        assert look(watch, 2, max_logit=[NAN] * 5) == AlertRecord(2, (), active=1)
        assert look(watch, 3) == AlertRecord(3, (), active=1)
        assert look(watch, 4, max_logit=[1] * 5).active == 0

    def test_entropy_falls_from_where_it_was_last_known(self) -> None:
        watch = Watch([ENTROPY])
        look(watch, 0, entropy=[0.5] * 5)
        look(watch, 1, entropy=[NAN] * 5)
        assert look(watch, 2, entropy=[0.5, 0.01, 0.5, 0.5, 0.5]).active == 1

    @pytest.mark.parametrize(("rule", "good", "bad"), [(MAX_LOGIT, 5.0, 500.0), (ENTROPY, 0.5, 0.01)])
    def test_a_step_that_is_looked_at_twice_counts_as_the_second_time(
        self, rule: HeadRule, good: float, bad: float
    ) -> None:
        watch = Watch([rule])
        looks = [(0, good), (1, bad), (1, bad), (2, bad), (3, bad), (3, good), (4, bad), (4, good), (5, good)]
        told = [
            (step, [alert.raised for alert in record.alerts], record.active)
            for step, value in looks
            for record in [look(watch, step, **{rule.figure: [value] * 5})]
        ]
        assert told == [
            (0, [], 0), (1, [True], 5), (1, [True], 5), (2, [], 5), (3, [], 5), (3, [False], 0), (4, [True], 5),
            (4, [], 0), (5, [], 0),
        ]  # fmt: skip

    def test_a_figure_of_some_steps_falls_from_where_it_was_last_recorded(self) -> None:
        watch = Watch([ENTROPY])
        look(watch, 0, entropy=[0.5] * 5)
        look(watch, 1, max_logit=[1] * 5)
        assert look(watch, 2, entropy=[0.5, 0.01, 0.5, 0.5, 0.5]).active == 1

    def test_values_that_are_not_finite(self) -> None:
        watch = Watch([NON_FINITE])
        assert look(watch, 0, non_finite=[0] * 5).alerts == ()
        assert changes(look(watch, 1, non_finite=[0, 3, 0, 0, 9])) == [("non_finite", True, [(1, 2), (0, 1)])]
        assert changes(look(watch, 2, non_finite=[0] * 5)) == [("non_finite", False, [(0, 1), (1, 2)])]

    def test_an_infinite_logit_is_over_the_limit(self) -> None:
        assert changes(look(Watch([MAX_LOGIT]), 0, max_logit=[1, 1, INF, 1, 1])) == [("max_logit", True, [(1, 0)])]

    def test_the_share_of_sinks_is_of_the_model(self) -> None:
        watch = Watch([SINK])
        assert look(watch, 0, sink=[0.9, 0.9, 0.4, 0.31, 0.3]).alerts == ()  # 4 of 5 is not over 80 %
        assert changes(look(watch, 1, sink=[0.9, 0.8, 0.5, 0.4, 0.6])) == [
            ("sink", True, [(0, 0), (0, 1), (1, 2), (1, 0), (1, 1)])
        ]
        assert look(watch, 2, sink=[0.9, 0.8, 0.5, 0.4, 0.1]).active == 1  # 80 %: not yet under 70 %
        assert changes(look(watch, 3, sink=[0.9, 0.8, 0.5, 0.1, 0.1]))[0][:2] == ("sink", False)
        assert look(watch, 4, sink=[0.9, 0.8, 0.5, 0.4, NAN]).active == 1  # 4 of the 4 that are known

    def test_a_model_that_begins_with_sinks_is_left_alone(self) -> None:
        watch = Watch([SINK])
        assert [look(watch, step, sink=[0.5, 0.6, 0.7, 0.8, 0.9]).active for step in range(3)] == [0, 0, 0]

    @given(st.lists(st.floats(0, 200, width=32), min_size=1, max_size=40))
    def test_raised_and_cleared_take_turns(self, values: list[float]) -> None:
        watch, raised = Watch([MAX_LOGIT]), []
        for step, value in enumerate(values):
            record = look(watch, step, max_logit=[0, 0, value, 0, 0])
            raised += [alert.raised for alert in record.alerts]
            assert record.active == (raised[-1:] == [True])
            if value > 100:
                assert record.active == 1
            if value < 90:
                assert record.active == 0
        assert raised == [index % 2 == 0 for index in range(len(raised))]

    def test_other_layers_begin_anew(self) -> None:
        watch = Watch([MAX_LOGIT])
        look(watch, 0, max_logit=[500] * 5)
        record = watch.look(1, LAYERS[:1], {"max_logit": np.array([500, 1], np.float32)})
        assert changes(record) == [("max_logit", True, [(0, 0)])]


class TestSentences:
    def test_names_layer_head_figure_value_and_step(self) -> None:
        watch = Watch(RULES)
        [alert] = look(watch, 400, max_logit=[1, 1, 1, 132.4, 1]).alerts
        assert alert.sentence == (
            "max_logit of layer 1 (h.1) head 1 on the probe is 132, over 100: "
            "logits that grow like this lead to divergence (step 400)"
        )
        [alert] = look(watch, 500, max_logit=[1, 1, 1, 80, 1]).alerts
        assert alert.sentence == "max_logit of layer 1 (h.1) head 1 on the probe is 80.0, back under 90 (step 500)"

    def test_one_for_all_heads_that_break_a_rule_together(self) -> None:
        [alert] = look(Watch(RULES), 7, max_logit=[101, 1, 3000, 102, 1]).alerts
        assert alert.sentence.startswith(
            "max_logit of layer 1 (h.1) head 0 on the probe is 3,000, over 100, and so for 2 other heads: "
        )

    def test_of_the_share(self) -> None:
        watch = Watch(RULES)
        look(watch, 2, sink=[0] * 5)
        [alert] = look(watch, 3, sink=[0.5, 0.5, 0.97, 0.5, 0.5]).alerts
        assert alert.sentence == (
            "sink is over 30 % in 100 % of all heads, over 80 %, most in layer 1 (h.1) head 0 (97 %): "
            "nearly all of the model rests on the first token (step 3)"
        )


def test_thresholds_are_the_users() -> None:
    watch = Watch([dataclasses.replace(MAX_LOGIT, limit=10, clear=5)])
    assert look(watch, 0, max_logit=[11, 1, 1, 1, 1], non_finite=[9] * 5).active == 1
    assert look(Watch([]), 0, max_logit=[INF] * 5).active == 0


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two rules are called 'max_logit': give each a name of its own"):
        Watch([MAX_LOGIT, dataclasses.replace(MAX_LOGIT, limit=1000)])


@pytest.mark.parametrize("value", [132.5, INF, -INF])
def test_a_record_survives_its_json(value: float) -> None:
    alert = Alert(9, "max_logit", "max_logit", True, 100, "a “sentence”", (AlertedHead(1, 2, value),))
    record = AlertRecord(9, (alert,), active=3)
    assert AlertRecord.from_document({"step": 9, **record.to_content()}) == record
    sided = dataclasses.replace(alert, beyond="below")
    assert AlertRecord.from_document({"step": 9, **AlertRecord(9, (sided,), 3).to_content()}).alerts == (sided,)
    assert "Infinity," not in json.dumps(record.to_content())  # JSON has no such number


def test_records_that_do_not_say_the_side_yet_have_it_of_our_own_rules() -> None:
    def of_older(rule: str) -> str | None:
        alert = Alert(9, rule, rule, True, 1.0, "…", (AlertedHead(0, 0, 2.0),), beyond="below")
        content = AlertRecord(9, (alert,), active=1).to_content()
        del content["alerts"][0]["beyond"]
        return AlertRecord.from_document({"step": 9, **content}).alerts[0].beyond

    assert {rule.name: of_older(rule.name) for rule in RULES} == {rule.name: rule.beyond for rule in RULES}
    assert of_older("the user's own") is None
