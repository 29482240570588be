"""Relations of a probe: a model built by hand in which one head follows one, from a step on; and what is refused."""

import re
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tb_attnviz import open_run
from tb_attnviz.callbacks import AttentionRecorder, Probe
from tb_attnviz.callbacks.relations import (
    NoParserError,
    Relation,
    SameLabel,
    dependencies,
    matching_bracket,
    next_indent,
    same_token,
)
from tests.callbacks.models import MINILM

N = 24
LENGTHS = (24, 15, 20)
PARENTS = [
    [(i, i - 1) for i in range(3, n, 2)] + [(i, i // 2) for i in (8, 10, 14, 18) if i < n] for n in LENGTHS
]  # most are the token before


class Planted(nn.Module):
    """Two heads share a key: the first attends to the token before, the second along PARENTS, else to the first token.

    A token is sequence · N + place, so that the model knows where it is.
    """

    def __init__(self) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.tensor(0.0))
        place = torch.arange(N).repeat(len(PARENTS))
        parents = [dict(pairs).get(at, 0) for pairs in PARENTS for at in range(N)]
        self.tables = nn.ParameterList(
            functional.one_hot(of.clamp(min=0), N).float() for of in (place - 1, torch.tensor(parents), place)
        )

    def forward(self, input_ids, attention_mask):
        n = input_ids.shape[1]
        previous, follower, keys = (functional.embedding(input_ids, table)[:, None] for table in self.tables)
        q, k = (
            torch.cat([9 * previous, 9 * self.strength * follower], dim=1),
            keys,
        )  # (batch, 2, n, N), (batch, 1, n, N)
        visible = torch.ones(n, n, dtype=torch.bool).tril() & attention_mask.bool()[:, None, None]
        return functional.scaled_dot_product_attention(q, k, k, visible, scale=1.0, enable_gqa=True)


def probe_of(lengths=LENGTHS):
    """Padded in front."""
    ids, mask = torch.zeros(len(lengths), N, dtype=torch.long), torch.zeros(len(lengths), N, dtype=torch.long)
    for row, n in enumerate(lengths):
        ids[row, N - n :], mask[row, N - n :] = torch.arange(n) + row * N, 1
    tokens = [[f"{row}.{place}" for place in range(n)] for row, n in enumerate(lengths)]
    return Probe({"input_ids": ids, "attention_mask": mask}, tokens)


def expected(attention):
    """The formula of docs/relations.md, in NumPy. attention: of each sequence [n, n], causal."""
    pairs = [(s, i, j) for s, of in enumerate(PARENTS) for i, j in of]
    known = set(pairs)

    def mean(which):
        others = [attention[s][i, j] for s, i, j in which if (s, i, j) not in known]
        return np.mean(others or [attention[s][i, j] for s, i, j in which])

    every = [(s, i, j) for s, n in enumerate(LENGTHS) for i in range(n) for j in range(i + 1)]
    m = sum(attention[s][i, j] for s, i, j in pairs)
    e = sum(
        max(
            1 / (i + 1),
            mean([one for one in every if one[2] - one[1] == j - i]),
            mean([one for one in every if one[0] == s and one[2] == j]),
        )
        for s, i, j in pairs
    )
    q = len({(s, i) for s, i, _ in pairs})
    return (m / q - e / q) / (1 - e / q)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    directory, model = tmp_path_factory.mktemp("planted"), Planted()
    relations = {"parent": PARENTS, "child": [[(j, i) for i, j in of] for of in PARENTS]}
    options = {"every": 400, "health_every": 200, "relations": relations, "batch_size": 2, "on_error": "raise"}
    with pytest.warns(RuntimeWarning, match="no head can follow the relation 'child': no layer recorded"):
        recorder = AttentionRecorder(model, probe_of(), directory, **options)
    with recorder:
        for step, strength in ((0, 0.0), (200, 0.05), (400, 1.0), (600, 1.2)):
            with torch.no_grad():
                model.strength.fill_(strength)
            recorder.step(step)
    return open_run(directory)


def test_the_figure_is_what_the_formula_gives_by_hand(run):
    health = run.health()
    assert "follows/child" not in health
    for row, strength in enumerate((0.0, 0.05, 1.0, 1.2)):
        for head in (0, 1):
            attention = []
            for n, pairs in zip(LENGTHS, PARENTS, strict=True):
                logits, parents = np.zeros((n, n)), dict(pairs)
                for i in range(n):
                    logits[i, max(i - 1, 0) if head == 0 else parents.get(i, 0)] = 9 if head == 0 else 9 * strength
                weights = np.tril(np.exp(logits))
                attention.append(weights / weights.sum(axis=1, keepdims=True))
            assert health["follows/parent"][row, head] == pytest.approx(expected(attention), abs=1e-5)


def test_the_head_that_follows_is_named_since_its_step_and_the_previous_token_head_is_not(run):
    follower, previous = run.relations()
    assert (follower.layer, follower.head, follower.relation, follower.step, follower.since) == (
        0,
        1,
        "parent",
        600,
        400,
    )
    assert follower.figure > 0.95
    assert (previous.head, previous.since) == (0, None)
    assert previous.figure < 0.05
    assert [one.since for one in run.relations(200)] == [None, None]
    (found,) = [one for one in run.findings() if one.kind.startswith("follows/")]
    assert (found.head, found.title, found.since) == (1, "follows parent", 400)
    assert run.evidence(found) is None
    assert "L0 H1: follows parent since step 400" in [one.sentence for one in run.events()]
    assert "1 head following parent since step 400" in [one.sentence for one in run.named.groups(600)]


def test_across_two_sides_and_by_a_function_of_both(tmp_path):
    class Across(nn.Module):
        def forward(self, x, y):
            return functional.scaled_dot_product_attention(x[:, None], y[:, None], y[:, None], scale=9.0)

    own, others = torch.eye(5)[None].repeat(2, 1, 1), torch.eye(5)[None].repeat(2, 1, 1)[:, [3, 1, 4, 0, 2, 0, 1]]
    words = [[str(n) for n in range(5)]] * 2
    probe = Probe((own, others), words, key_tokens=[["3", "1", "4", "0", "2", "0", "1"]] * 2)

    def same(words, patches):
        return [(i, j) for i, word in enumerate(words) for j, patch in enumerate(patches) if word == patch]

    relations = {"same": Relation(same, keys_of="key_tokens"), "within": same_token}
    with pytest.warns(RuntimeWarning, match="no head can follow the relation 'within': it has no pair in the probe"):
        recorder = AttentionRecorder(Across(), probe, tmp_path, relations=relations, on_error="raise")
    with recorder:
        recorder.record(0)
    (found,) = open_run(tmp_path).relations()
    assert found.relation == "same"
    assert found.figure > 0.95


def test_what_a_probe_is_cut_to_keeps_its_own_pairs():
    probe = probe_of().with_relations({"parent": PARENTS})
    (few,) = probe.only([0, 2]).relations
    assert [pairs.tolist() for pairs in few.pairs] == [sorted(map(list, PARENTS[n])) for n in (0, 2)]


@pytest.mark.parametrize(
    ("relations", "message"),
    [
        ({"parent": PARENTS[:2]}, "the relation 'parent' is of 2 sequences, and the probe has 3: give a list of pairs"),
        ({"parent": [[(3, 24)], [], []]}, "sequence 0 has the pair (3, 24), whose key 24 is no token: there are 24"),
        ({"parent": [[], [(-1, 2)], []]}, "sequence 1 has the pair (-1, 2), whose query -1 is no token: there are 15"),
        ({"parent": [[(1.5, 2)], [], []]}, "has the pair (1.5, 2): token numbers are whole numbers"),
        ({"parent": [[3], [], []]}, "has 3: give pairs (query, key)"),
        ({"noun": SameLabel("part of speech")}, "is of the label 'part of speech', and the probe has none: give it"),
        ({"x": Relation(PARENTS, keys_of="key_tokens")}, "is about key_tokens, and the probe has none"),
        ({"a/b": PARENTS}, "relations name one 'a/b': give it a printable name without a slash"),
        ({"parent": "pairs"}, "the relation 'parent' is 'pairs': give a list of pairs"),
        ([PARENTS], "has no names: give {"),
        ({str(n): PARENTS for n in range(30)}, "relations are 30: give at most 24"),
    ],
)
def test_what_can_be_no_relation_is_refused_by_name_before_training(tmp_path, relations, message):
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        AttentionRecorder(Planted(), probe_of(), tmp_path, relations=relations)
    assert list(tmp_path.iterdir()) == []


def test_same_tokens_and_labels():
    assert same_token(["a", "b", "a"]) == [(0, 2), (2, 0)]
    labels = {"tag": [["N", "V", "N", ""]], "object": [[1.0, float("nan"), 1.0, 2.0]]}
    probe = Probe(torch.zeros(1, 4), [["a", "b", "c", "d"]], labels=labels)
    for name in labels:
        (related,) = probe.with_relations({"same": SameLabel(name)}).relations
        assert related.pairs[0].tolist() == [[0, 2], [2, 0]]


def test_brackets():
    assert matching_bracket(["f", "(", "x", "[", "1", "])"]) == [(5, 3), (3, 5), (5, 1), (1, 5)]
    assert matching_bracket([")", "(", "]", "()"]) == []


def test_the_next_lines_indent():
    lines = ["if", " x", ":", "\n", "    ", "y", "\n", "    ", "z"]
    assert next_indent(lines) == [(3, 0), (6, 4)]
    assert next_indent(["def", ":", "Ċ", "ĠĠĠ", "Ġx", "Ċ"]) == [(2, 0), (5, 3)]
    assert next_indent(["a", "\n    ", "b", "\n"]) == [(1, 0), (3, 1)]


@dataclass
class Word:
    """As spaCy's tokens are."""

    text: str
    idx: int
    head: "Word" = field(default=None)


def parse(text):
    words = [Word(match.group(), match.start()) for match in re.finditer(r"\w+", text)]
    for word in words:
        word.head = words[-1]
    return words


def test_dependencies_go_from_all_pieces_of_a_word_to_all_of_its_head():
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(MINILM)
    texts = ["The photosynthesizing plant"]
    tokens = tokenizer.convert_ids_to_tokens(tokenizer(texts[0])["input_ids"])
    found = dependencies(texts, tokenizer, sequences=2, parse=parse)
    last = tokens.index("plant")
    assert tokens[:2] == ["[CLS]", "the"]
    assert found["parent"].pairs == [[(place, last) for place in range(1, last)], []]
    assert found["child"].pairs == [[(last, place) for place in range(1, last)], []]
    with pytest.raises(ValueError, match="there are 1 texts, but sequences=0"):
        dependencies(texts, tokenizer, sequences=0, parse=parse)
    with pytest.raises(TypeError, match="use the fast tokenizer"):
        dependencies(texts, SimpleNamespace(), parse=parse)


def test_without_a_parser_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(NoParserError, match="python -m spacy download en_core_web_sm"):
        dependencies(["x"], SimpleNamespace(is_fast=True))
