"""The parts of findings, each by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from tb_attnviz.events import Layer, Lengths
from tb_attnviz.findings import chance, change_points, tokens, words
from tb_attnviz.findings.kinds import KINDS
from tb_attnviz.findings.measured import carried, thinned
from tb_attnviz.findings.spans import lasting, spans


def test_a_kind_lasts_until_its_measure_is_beyond_the_easier_limit() -> None:
    values = np.array([[0.1, 0.5, 0.35, np.nan, 0.2, 0.38]]).T
    state = lasting(values, on=0.4, off=0.3)
    assert state[:, 0].tolist() == [False, True, True, True, False, False]
    assert lasting(values, on=0.2, off=0.3)[:, 0].tolist() == [True, False, False, False, True, False]  # small counts
    of_heads = spans(np.array([[1, 0], [0, 1], [1, 1]], np.bool_))
    assert of_heads.tolist() == [[0, 0, 1], [0, 2, 3], [1, 1, 3]]  # 3: to the end
    assert spans(np.zeros((4, 2), np.bool_)).shape == (0, 3)


def test_what_is_not_known_is_as_it_was() -> None:
    np.testing.assert_array_equal(carried(np.array([[np.nan, 1], [2, np.nan]])), [[np.nan, 1], [2, 1]])


def test_a_longer_run_measures_some_of_the_same_steps() -> None:
    short, long = thinned(range(100), 16), thinned(range(300), 16)
    assert set(long[:-1]) - set(range(100, 300)) <= set(short)
    assert len(long) <= 17
    assert long[-1] == 299


def test_chance_is_what_an_even_head_gives() -> None:
    lengths = Lengths((4, 2), (4, 2))
    causal, whole = (Layer("a", 1, 1, 8, 1.0, causal=causal) for causal in (True, False))
    assert chance.at_offset(causal, lengths, -1) == pytest.approx(((1 / 2 + 1 / 3 + 1 / 4) / 3 + 1 / 2) / 2)
    assert chance.at_offset(whole, lengths, 1) == pytest.approx((1 / 4 + 1 / 2) / 2)
    assert np.isnan(chance.at_offset(causal, lengths, 1))
    assert chance.on_first(causal, lengths) == pytest.approx(((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4 + (1 + 1 / 2) / 2) / 2)
    np.testing.assert_allclose(chance.beyond([0.25, 1, 0.7], [0.25, 0.25, 0.96]), [0, 1, np.nan])


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("[SEP]", "special"),
        ("<|endoftext|>", "special"),
        ("</s>", "special"),
        ("[MASK]", "word"),
        ("▁the", "word"),
        ("Ġ,", "punctuation"),
        ("Ċ", "punctuation"),
        ("...", "punctuation"),
        ("##s", "word"),
        ("▁", "word"),
    ],
)
def test_tokens_are_told_apart(token: str, kind: str) -> None:
    assert tokens.is_special(token) == (kind == "special")
    assert tokens.is_punctuation(token) == (kind == "punctuation")


def test_change_points_are_the_planted_steps_and_no_others() -> None:
    rng = np.random.default_rng(0)
    step = np.arange(60)
    planted = np.where(step < 20, 0.1, np.where(step < 45, 0.7, 0.3))
    slow = np.clip((step - 25) / 4, 0, 1) * 0.6
    series = np.stack([planted, slow, np.full(60, 0.5), np.linspace(0, 0.5, 60)], axis=1)
    found = change_points((series + rng.normal(scale=0.02, size=series.shape)).astype(np.float32))
    assert [(one.series, one.row) for one in found if one.series == 0] == [(0, 20), (0, 45)]
    [gone_up] = [one for one in found if one.series == 1]
    assert 25 <= gone_up.row <= 29
    assert not [one for one in found if one.series > 1]
    assert found[0].before == pytest.approx(0.1, abs=0.03)
    assert found[0].after == pytest.approx(0.7, abs=0.03)
    assert change_points(np.full((30, 1), np.nan, np.float32)) == []
    assert change_points(np.zeros((4, 1), np.float32)) == []


def test_of_images_a_sentence_is_about_patches() -> None:
    [uniform] = [kind for kind in KINDS if kind.name == "uniform"]
    said = "attends to all {} nearly alike (98 % of the greatest entropy)"
    assert words.sentence(uniform, 0.98, patches=True) == said.format("patches")
    assert words.sentence(uniform, 0.98) == said.format("tokens")


def test_a_share_beyond_another_is_told_as_a_share() -> None:
    [induction] = [kind for kind in KINDS if kind.name == "induction"]
    assert words.sentence(induction, 0.89, texts="repeated texts") == (
        "looks up what followed the present token last time, 89 % in repeated texts, "
        "beyond what it gives that distance elsewhere"
    )
    assert words.amount(induction, 0.89) == "89 %"


def test_the_help_of_the_tab_tells_the_limits_of_the_rules() -> None:
    told = json.loads((Path(__file__).parents[2] / "frontend/src/health/kinds.json").read_text())
    limits = {kind: (row["on"], row["off"]) for row in told for kind in row["kinds"]}
    assert limits == {kind.name: (kind.on, kind.off) for kind in KINDS if not kind.beside}


def test_no_two_kinds_are_called_alike() -> None:
    assert len({kind.title for kind in KINDS}) == len(KINDS)


def test_a_group_has_the_words_that_its_heads_are_called_by() -> None:
    for kind in KINDS:
        group = kind.group.format(heads="heads").replace("-", " ")
        assert kind.title.replace("-", " ").removesuffix(" a previous token head") in group
