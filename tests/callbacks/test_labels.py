"""Labels of a probe: what becomes of them, and what is said about those that do not fit."""

import json
import math
import re

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, Probe
from tb_attnviz.events import ProbeRecord
from tests.callbacks.models import IDS, MASK, MINILM, TOKENS, Decoder

INPUTS = {"ids": IDS}
WIDE = [[str(token) for token in row] for row in IDS.tolist()]


def labels_of(probe):
    return [sequence.labels for sequence in probe.record.sequences]


def test_one_value_a_token_or_a_sequence():
    probe = Probe(
        {"input_ids": IDS, "attention_mask": MASK},
        TOKENS,
        labels={
            "kind": [["x"] * 9, "whole", ["a", None, "b", "c", "d", "e"], None],
            "size": [torch.arange(9), np.float32(0.5), [1, math.nan, None, 4, 5, 6], 7],
        },
    )
    assert [of["kind"] for of in labels_of(probe)] == [("x",) * 9, ("whole",) * 4, ("a", "", "b", "c", "d", "e"), ("",)]
    sizes = [of["size"] for of in labels_of(probe)]
    assert sizes[0] == tuple(map(float, range(9)))
    assert sizes[1] == (0.5,) * 4
    np.testing.assert_equal(sizes[2], (1, math.nan, math.nan, 4, 5, 6))
    assert sizes[3] == (7.0,)


def test_they_are_recorded_and_other_ones_do_not_begin_the_run_again(tmp_path):
    model = Decoder()
    for step, labels in enumerate([{"a": [1.5, 2, 3, math.nan]}, {"b": list("wxyz")}]):
        probe = Probe(INPUTS, WIDE, labels=labels)
        with AttentionRecorder(model, probe, tmp_path, on_error="raise") as recorder:
            recorder.record(step)
    run = tb_attnviz.open_run(tmp_path)
    assert run.steps == [0, 1]
    assert run.probe.sequences[1].labels == {"b": ("x",) * 9}


def test_numbers_that_are_not_known_survive_the_event_file():
    record = Probe(INPUTS, WIDE, labels={"a": [1.5, 2, 3, math.nan], "b": ["NaN", "", "é", "x"]}).record
    found = ProbeRecord.from_document(json.loads(json.dumps(record.to_content())))
    for mine, theirs in zip(record.sequences, found.sequences, strict=True):
        np.testing.assert_equal(theirs.labels, mine.labels)


def test_a_probe_recorded_before_there_were_labels_has_none():
    document = {"sequences": [{"tokens": ["a"], "kind": "text", "repeat": None}]}
    assert ProbeRecord.from_document(document).sequences[0].labels == {}


def test_labels_of_texts_leave_repeated_sequences_unlabelled():
    tokenizer = AutoTokenizer.from_pretrained(MINILM)
    texts = ["One two three four.", "Five six seven eight."]
    probe = Probe.from_texts(texts, tokenizer, repeated=1, labels={"language": ["en", "en"], "year": [1999, 2001]})
    probe = probe.with_labels({"length": [[len(token) for token in s.tokens] for s in probe.record.sequences]})
    first, _, repeated = labels_of(probe)
    assert first["language"] == ("en",) * 7
    assert first["length"] == (5, 3, 3, 5, 4, 1, 5)
    assert set(repeated["language"]) == {""}
    assert all(map(math.isnan, repeated["year"]))


def test_fewer_tokens_keep_their_labels():
    probe = Probe(INPUTS, WIDE, labels={"row": [0, 1, 2, 3]})
    assert {of["row"][0] for of in labels_of(probe.within(18))} < {0, 1, 2, 3}
    assert len(probe.within(18).record.sequences) == 2


@pytest.mark.parametrize(
    ("labels", "error", "sentence"),
    [
        ([1, 2], ValueError, "the labels 'x' are of 2 sequences, but the probe has 4"),
        ("four", ValueError, "the labels 'x' are of one string, but the probe has 4"),
        ([1, 2, [1, 2], 3], ValueError, "the labels 'x' of sequence 2 are 2 values for 9 tokens"),
        ([1, "b", 3, 4], TypeError, "the labels 'x' are strings and numbers"),
        ([1, {}, 3, 4], ValueError, "the labels 'x' of sequence 1 are 0 values for 9 tokens"),
        ([1, [()] * 9, 3, 4], TypeError, "sequence 1 hold (), which is neither a string nor a number"),
        ([1, math.inf, 3, 4], ValueError, "sequence 1 hold inf: give NaN for what is not known"),
    ],
)
def test_labels_that_do_not_fit_are_named(labels, error, sentence):
    with pytest.raises(error, match=re.escape(sentence)):
        Probe(INPUTS, WIDE, labels={"x": labels})
