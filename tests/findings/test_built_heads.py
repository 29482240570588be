"""Heads built by hand are called what they are, from when they are it until they are not, and nothing else is."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

from benchmarks.built_heads import Setting, record, strength
from tb_attnviz.findings import Finding, evidence_document, findings_document
from tb_attnviz.run import Run
from tb_attnviz.units import percent
from tests.findings.conftest import HEADS, PLACES, STEPS

NAMED = {"same token": {"same_token", "duplicate"}, "": set()}


def kinds(findings: list[Finding], place: tuple[int, int]) -> set[str]:
    return {one.kind for one in findings if (one.layer, one.head) == place} - {"broad"}


def only(findings: list[Finding], kind: str) -> Finding:
    place = PLACES[kind]
    return next(one for one in findings if (one.layer, one.head) == place and one.kind == kind)


@pytest.mark.parametrize("step", STEPS)
def test_every_head_is_called_what_it_is_and_nothing_else(built: Run, step: int) -> None:
    findings = built.findings(step)
    for number, head in enumerate(HEADS):
        expected = NAMED.get(head.kind, {head.kind}) if strength(step) == 1 else set()
        if number + 1 < len(HEADS) and HEADS[number + 1].kind == "copy" and strength(step) == 1:
            expected = {"copy"}
        if head.kind == "unchanged" and step < 1200:  # others form later in a sound training, too
            expected = set()
        found = kinds(findings, (0, number))
        assert found == expected or (head.kind == "same token" and found and found < expected), head


def test_a_head_of_trained_weights_that_stays_is_not_near_random(tmp_path: Path) -> None:
    """A training that goes on from weights whose heads already do something, and ruins them but for one."""
    setting = Setting(length=24, causal=True, periods=(5, 7, 9), texts=4, seed=7)
    run = record(HEADS, setting, tmp_path, steps=(400, 2000, 2300, 8000))
    assert run.changes(8000, since=400)[-1].head == PLACES["unchanged"][1]
    assert not [one for one in run.findings(8000) if one.kind == "unchanged"]


def test_a_finding_says_with_what_figure_and_since_when(built: Run) -> None:
    findings = built.findings(1200)
    fixed = only(findings, "fixed")
    assert (fixed.offset, fixed.title, fixed.since, fixed.until) == (-5, "5 tokens back", 400, 2000)
    assert fixed.value == pytest.approx(0.7, abs=0.03)
    assert fixed.sentence == f"attends 5 tokens back, {100 * fixed.value:.0f} % in ordinary texts"
    assert (fixed.amount, fixed.texts, fixed.when) == (f"{100 * fixed.value:.0f} %", "ordinary texts", "since step 400")
    previous = only(findings, "previous")
    assert previous.value == built.health()["previous"][STEPS.index(1200), 0]  # the number that charts show
    assert (only(findings, "dead").trouble, only(findings, "dead").needs_samples) == (True, True)
    copy = only(findings, "copy")
    assert copy.partner == (0, PLACES["copy"][1] - 1)
    assert "attends as L0 H8 does" in copy.sentence
    assert dataclasses.asdict(copy)["kind"] == "copy"  # plain: pandas takes it


def test_between_checkpoints_and_by_default_the_last_that_is_known_counts(built: Run) -> None:
    assert [(one.kind, one.head) for one in built.findings(1300)] == [
        (one.kind, one.head) for one in built.findings(1200)
    ]
    assert built.findings() == built.findings(STEPS[-1])


def test_the_groups_and_sentences_of_a_step(built: Run) -> None:
    document = findings_document(built.named, 1200, built.recorded.heads)
    json.dumps(document, allow_nan=False)
    sentences = [group["sentence"] for group in document["groups"]]
    assert sentences[0] == "1 dead head since step 400"  # what is wrong comes first
    assert "1 head attending 5 tokens back since step 400" in sentences
    assert "2 duplicate heads since step 400" in sentences
    previous = document["heads"][0]
    assert previous["title"] == "previous token"
    assert previous["sentence"] == (
        f"L0 H0 (previous token) attends to the token before, {100 * previous['findings'][0]['value']:.0f} % "
        "in all texts, since step 400."
    )
    assert document["sampled"] == 1200


def test_a_head_that_loses_its_kind_is_told_as_one_that_gains_it(built: Run) -> None:
    happened = [(one.step, one.what, one.head, one.kind) for one in built.events()]
    assert (400, "formed", 0, "previous") in happened
    assert (2000, "lost", 0, "previous") in happened
    assert not any(one.trouble for one in built.events() if one.what == "lost"), "heads try kinds while they learn"
    document = findings_document(built.named, 2300, built.recorded.heads)
    assert document["heads"][0]["title"] in (None, "broad")
    assert re.search("; no longer previous token since step 2,000[.]$", document["heads"][0]["sentence"])
    assert [step for step, *_ in happened] == sorted(step for step, *_ in happened)


def test_evidence_is_what_the_kind_is_about(built: Run) -> None:
    findings = built.findings(1200)
    induction = built.evidence(only(findings, "induction"))
    assert induction is not None
    sequence = built.probe.sequences[induction.sequence]
    assert sequence.repeat is not None
    assert induction.key == induction.query - sequence.repeat.period + 1
    attention = built.attention(1200, 0, PLACES["induction"][1], induction.sequence)
    assert induction.weight == pytest.approx(attention[induction.query, induction.key], abs=1e-6)
    assert induction.sentence == (
        f"induction, one query of a repeated text: "
        f"{induction.query_token} ({induction.query}) → {induction.key_token} ({induction.key}) "
        f"{percent(induction.weight)}"
    )
    for kind in ("previous", "first", "delimiter"):
        shown = built.evidence(only(findings, kind))
        assert shown is not None
        assert shown.query > 0
        assert not shown.query_token.startswith("<")  # never <s> → <s> 100 %
        assert {"previous": shown.key == shown.query - 1, "first": shown.key == 0}.get(kind, shown.key_token == "</s>")
    collapsed = built.evidence(only(findings, "collapsed"))
    assert collapsed is not None
    attention = built.attention(1200, 0, PLACES["collapsed"][1], collapsed.sequence)
    assert collapsed.key == attention[3:].mean(axis=0).argmax() != collapsed.query
    assert evidence_document(None) == {"evidence": None}


def test_changes_rank_heads_and_say_when(built: Run) -> None:
    ranked = built.changes(1200, 200)
    assert [one.change for one in ranked] == sorted((one.change for one in ranked), reverse=True)
    assert ranked[-1].head == PLACES["unchanged"][1]
    assert ranked[0].change == pytest.approx(built.change(1200, 200, 0)[ranked[0].head])
