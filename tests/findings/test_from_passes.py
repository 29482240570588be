"""Heads that feed induction heads, and heads that cost nothing: found at every step, and nothing else is."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tb_attnviz.callbacks import AttentionRecorder, Probe
from tb_attnviz.events import Layer, ProbeRecord, Repeat, RunWriter, Samples, Sequence
from tb_attnviz.findings import Finding, findings_document
from tb_attnviz.run import Run, open_run
from tests.callbacks.test_built_by_hand import WORDS, Built
from tests.test_connections import write_connections


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The model built by hand, on words that come again after eight and after twelve: L0 H0 feeds L1 H0 from step 1."""
    torch.manual_seed(0)
    rows = []
    for period in (8, 12) * 4:
        words = torch.randperm(WORDS)[:period]
        rows.append(torch.cat([words, words]))
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    probe = Probe(ids, [[str(word) for word in row.tolist()] for row in rows])
    model, directory = Built(0.0), tmp_path_factory.mktemp("fed")
    options = {"loss": "auto", "ablate_every": 1, "connections_every": 1, "every": 1, "on_error": "raise"}
    with AttentionRecorder(model, probe, directory, **options) as recorder:
        for step, strength in enumerate((0.0, 5.0, 6.0, 7.0)):
            with torch.no_grad():
                model.strength.fill_(strength)
            recorder.record(step)
    return open_run(directory)


def of_kind(findings: list[Finding], kind: str) -> list[tuple[int, int]]:
    return [(one.layer, one.head) for one in findings if one.kind == kind]


def test_the_planted_pair_is_found_at_every_step_since_it_formed_and_nothing_else(built: Run) -> None:
    assert of_kind(built.findings(0), "fed_by") == []
    for step in (1, 2, 3):
        found = built.findings(step)
        assert of_kind(found, "induction") == [(1, 0)]
        (fed,) = (one for one in found if one.kind == "fed_by")
        assert ((fed.layer, fed.head), fed.partner, fed.since) == ((1, 0), (0, 0), 1)
        assert fed.value == pytest.approx(1, abs=0.01)
        assert fed.sentence == "is fed by L0 H0 (previous token), 100 % of what its keys are given"
    document = findings_document(built.named, 3, built.recorded.heads)
    (group,) = (one for one in document["groups"] if one["kind"] == "induction")
    assert group["sentence"] == "1 induction head since step 1, fed by L0 H0"
    assert document["heads"][2]["title"] == "induction"
    happened = [(one.step, one.what, one.sentence) for one in built.events() if one.kind == "fed_by"]
    assert happened == [(1, "formed", "L1 H0: fed by L0 H0 (previous token) since step 1")]


def test_dead_weight_is_a_candidate_once_it_was_measured_three_times(built: Run) -> None:
    for step in (0, 1):
        assert of_kind(built.findings(step), "prunable") == []
    for step in (2, 3):
        assert of_kind(built.findings(step), "prunable") == [(0, 1), (1, 1)]
    assert {(one.layer, one.head) for one in built.importance().prunable} == {(0, 1), (1, 1)}
    (found,) = (one for one in built.findings(3) if (one.layer, one.head, one.kind) == (0, 1, "prunable"))
    assert found.sentence.startswith("could be removed: without it the loss ")
    document = findings_document(built.named, 3, built.recorded.heads)
    (group,) = (one for one in document["groups"] if one["kind"] == "prunable")
    assert group["sentence"] == "2 heads that could be removed (one at a time) since step 2"
    assert document["heads"][1]["title"] is None  # no head is called by what it costs
    assert not [one for one in built.events() if one.kind == "prunable"]
    assert built.evidence(found, 3) is None, "no query shows what a head costs"


PERIODS = (5, 8)
LAYERS = tuple(Layer(f"blocks.{n}.attention", 4, 4, 2, 1.0, causal=True) for n in range(2))
PREVIOUS, OTHER, INDUCTION, PLAIN = (0, 1), (2, 3), (4, 5), (6, 7)  # heads, by what their figures say


def written(directory: Path, *steps: dict[tuple[int, int], float], by: str = "keys", step: int = 100) -> Run:
    """Runs of a made-up model, whose connections at each of `steps` are (from, to) → logits a query."""
    sequences = tuple(Sequence(tuple("abcdefgh"[:n] * 2), repeat=Repeat(0, n)) for n in PERIODS)
    probe = ProbeRecord(sequences)
    writer = RunWriter(str(directory))
    writer.begin(0, probe, LAYERS)
    rng = np.random.default_rng(0)
    queries, keys = (rng.normal(size=(4, probe.tokens, 2)).astype(np.float32) for _ in range(2))
    writer.write_checkpoint(0, [(layer, Samples(queries, keys)) for layer in LAYERS])
    for number, pairs in enumerate(steps):
        values, nobody = np.zeros((8, 8)), np.full((8, 8), np.nan)
        for (source, target), logits in pairs.items():
            values[source, target] = logits
        previous, induction = np.zeros(8, np.float32), np.zeros(8, np.float32)
        previous[list(PREVIOUS)] = induction[list(INDUCTION)] = 0.9
        arrays = (values, nobody) if by == "keys" else (nobody, values)
        write_connections(writer, (number + 1) * step, *arrays, previous=previous, induction=induction)
    writer.close()
    return open_run(directory)


@pytest.mark.parametrize(
    ("pairs", "by"),
    [
        pytest.param({(OTHER[0], INDUCTION[0]): 3.0}, "keys", id="fed by a head that is no previous-token head"),
        pytest.param({(PREVIOUS[0], PLAIN[0]): 3.0}, "keys", id="feeds a head that is no induction head"),
        pytest.param({(PREVIOUS[0], INDUCTION[0]): 0.45}, "keys", id="too little"),
        pytest.param({(PREVIOUS[0], INDUCTION[0]): 1.0, (2, 4): 0.9, (3, 4): 0.9}, "keys", id="one of many"),
        pytest.param({(PREVIOUS[0], INDUCTION[0]): -3.0}, "keys", id="takes away"),
        pytest.param({(PREVIOUS[0], INDUCTION[0]): 3.0}, "queries", id="by the queries"),
    ],
)
def test_what_is_no_such_pair_is_not_told(tmp_path: Path, pairs: dict[tuple[int, int], float], by: str) -> None:
    run = written(tmp_path, pairs, by=by)
    assert of_kind(run.findings(), "induction") == [(1, 0), (1, 1)]
    assert of_kind(run.findings(), "fed_by") == []


def test_a_pair_lasts_until_it_is_half_of_what_it_takes(tmp_path: Path) -> None:
    pair, others = (PREVIOUS[1], INDUCTION[1]), {(PREVIOUS[0], PLAIN[0]): 1.0}
    run = written(tmp_path, {pair: 0.4}, {pair: 0.6}, {pair: 0.3} | others, {pair: 0.2}, {pair: 2.0})
    told = {step: of_kind(run.findings(step), "fed_by") for step in (100, 200, 300, 400, 500)}
    assert told == {100: [], 200: [(1, 1)], 300: [(1, 1)], 400: [], 500: [(1, 1)]}
    happened = [(one.step, one.what) for one in run.events() if one.kind == "fed_by"]
    assert happened == [(200, "formed"), (400, "lost"), (500, "formed")]
    document = findings_document(run.named, 500, run.recorded.heads)
    (group,) = (one for one in document["groups"] if one["kind"] == "induction")
    assert group["sentence"].endswith(", 1 of them fed by L0 H1")
