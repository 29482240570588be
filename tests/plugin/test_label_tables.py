"""The table from kind to kind as it is served: what the notebook says, and what is refused by name."""

from pathlib import Path

import numpy as np
import pytest

from tb_attnviz.events import Layer, ProbeRecord, RunWriter, Samples, Sequence
from tb_attnviz.plugin.label_tables import MOST_KINDS
from tb_attnviz.run import open_run
from tests.plugin.conftest import Ask, asking, load

WORDS = MOST_KINDS + 1
TAGS = tuple("DNV"[n % 3] for n in range(WORDS))
LABELS = {"tag": TAGS, "word": tuple(f"w{n}" for n in range(WORDS)), "length": tuple(map(float, range(WORDS)))}
LAYER = Layer("blocks.0.attention", 2, 2, 4, 1.0, causal=True)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    probe = ProbeRecord((Sequence(tuple(f"w{n}" for n in range(WORDS)), labels=LABELS),))
    rng = np.random.default_rng(0)
    samples = Samples(*(rng.normal(size=(2, WORDS, 4)).astype(np.float32) for _ in range(2)))
    writer = RunWriter(str(tmp_path / "run"))
    writer.write_probe(probe, step=0)
    writer.write_checkpoint(0, [(LAYER, samples)])
    writer.close()
    return tmp_path


@pytest.fixture
def ask(logs: Path, cache: Path) -> Ask:
    return asking(load(logs))


def test_the_route_says_what_the_notebook_says(ask: Ask, logs: Path) -> None:
    found = ask("label_attention", run="run", step=0, layer=0, head=1, label="tag").json
    table = open_run(logs / "run").label_attention(0, 0, 1, "tag")
    assert found is not None
    assert (found["query_labels"], found["key_labels"], found["label"]) == (["D", "N", "V"], ["D", "N", "V"], "tag")
    np.testing.assert_allclose(found["attention"], table.attention, atol=1e-5)
    np.testing.assert_allclose(found["even"], table.even, atol=1e-5)
    assert found["queries"] == table.queries.tolist()
    np.testing.assert_allclose(np.sum(found["attention"], axis=1), 1, atol=1e-4)


def test_other_labels_of_the_same_tokens_make_another_table(ask: Ask, logs: Path) -> None:
    query = {"run": "run", "step": 0, "layer": 0, "head": 1, "label": "tag"}
    before = ask("label_attention", **query)
    tokens = tuple(f"w{n}" for n in range(WORDS))
    turned = ProbeRecord((Sequence(tokens, labels={"tag": tuple(sorted(TAGS))}),))
    RunWriter(str(logs / "run")).write_probe(turned, step=1)
    after = asking(load(logs))("label_attention", headers={"If-None-Match": before.headers["ETag"]}, **query)
    assert after.status_code == 200
    np.testing.assert_allclose(
        after.json["attention"], open_run(logs / "run").label_attention(0, 0, 1, "tag").attention, atol=1e-5
    )
    assert after.json["attention"] != before.json["attention"]


@pytest.mark.parametrize(
    ("asked", "code", "sentence"),
    [
        ({"label": "nothing"}, 404, "the probe has no label 'nothing'"),
        ({"label": "length"}, 404, "is a number"),
        ({"label": "word"}, 400, f"has {WORDS} kinds: a table shows at most {MOST_KINDS}"),
        ({"label": "tag", "head": 2}, 404, "no head 2"),
        ({}, 400, "'label' is missing"),
    ],
)
def test_what_cannot_be_shown_is_refused_by_name(ask: Ask, asked: dict[str, object], code: int, sentence: str) -> None:
    answer = ask("label_attention", **{"run": "run", "step": 0, "layer": 0, "head": 0, **asked})
    assert answer.status_code == code
    assert answer.json is not None
    assert sentence in answer.json["error"]


def test_a_very_long_label_is_refused_in_one_short_sentence(ask: Ask, logs: Path) -> None:
    for label in ("a" * 100_000, "😀" * 3000):
        answer = ask("label_attention", run="run", step=0, layer=0, head=0, label=label)
        assert answer.status_code == 404
        assert len(answer.json["error"]) < 300
