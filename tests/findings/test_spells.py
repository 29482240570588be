"""Since when a head is what it is: it may have been something wider before, or the same already. Measures by hand."""

from pathlib import Path

import numpy as np
import pytest

from tb_attnviz.findings.named import Named
from tests.findings.test_several_kinds import Float32, course, named

ON, OFF = 0.8, 0.0


def steady(value: float, *, rows: tuple[int, int], before: float = OFF, after: float = OFF) -> list[float]:
    """Over the eight steps 0, 100, … 700: `value` in these rows, and before and after them."""
    return [before if row < rows[0] else value if row < rows[1] else after for row in range(8)]


def told(found: Named, head: int = 0) -> tuple[str, list[str], list[str]]:
    """What is said of `head` at the last step: in its sentence, in its groups and in events."""
    here = [one for one in found.at(700) if one.head == head and one.layer == 0]
    said = found.sentence(0, head, here, [], step=700)
    groups = [group.sentence for group in found.groups(700) if (0, head) in group.heads]
    return said, groups, [one.sentence for one in found.happenings if one.head == head]


def test_a_kind_that_came_out_of_a_wider_one_says_since_when_that_was(tmp_path: Path) -> None:
    local, previous = steady(ON, rows=(1, 8)), steady(ON, rows=(4, 8))
    when = "since step 400 (local since step 100)"
    said, groups, events = told(named(tmp_path, local=course({0: local}), previous=course({0: previous})))
    assert said == f"L0 H0 (previous token) attends to the token before, 80 % in all texts, {when}."
    assert groups == [f"1 previous-token head {when}"]
    assert events == ["L0 H0: local since step 100", f"L0 H0: previous token {when}"]


@pytest.mark.parametrize(
    ("before", "when"),
    [
        ((1, 3), "again since step 500, first at step 100"),
        ((0, 2), "again since step 500, as at the start"),
        ((1, 2), "since step 500"),  # for a moment: heads try kinds while they learn
    ],
)
def test_a_head_that_comes_back_says_so(before: tuple[int, int], when: str, tmp_path: Path) -> None:
    course_of = np.maximum(steady(ON, rows=before), steady(ON, rows=(5, 8))).tolist()
    found = named(tmp_path, previous=course({0: course_of}))
    said, groups, events = told(found)
    assert said.endswith(f"80 % in all texts, {when}.")
    assert groups == [f"1 previous-token head {when}"]
    assert events[-1] == f"L0 H0: previous token {when}"
    [one] = found.at(700)
    assert (one.since, one.first) == (500, {(1, 3): 100, (0, 2): 0}.get(before, 500))
    assert one.when == when


@pytest.mark.parametrize(
    ("courses", "says"),
    [
        ([(2, 8), (2, 8)], "2 previous-token heads since step 200"),
        ([(2, 8), (5, 8)], "2 previous-token heads: one since step 200, the other since step 500"),
        (
            [(0, 8), (2, 8), (3, 8)],
            "3 previous-token heads: the earliest from the start, the latest since step 300",
        ),
        (
            [(2, 8), (1, 3, 5, 8)],
            "2 previous-token heads: one since step 200, the other since step 500, 1 of them again",
        ),
        ([(1, 3, 5, 8), (1, 3, 5, 8)], "2 previous-token heads since step 500, both again"),
    ],
)
def test_a_group_says_since_when_the_first_and_all_of_them_are_so(
    courses: list[tuple[int, ...]], says: str, tmp_path: Path
) -> None:
    values = {
        head: np.max([steady(ON, rows=pair) for pair in zip(rows[::2], rows[1::2], strict=True)], axis=0).tolist()
        for head, rows in enumerate(courses)
    }
    [group] = named(tmp_path, previous=course(values)).groups(700)
    assert group.sentence == says


def test_what_was_there_when_a_later_recording_began_is_older_than_that(tmp_path: Path) -> None:
    back = np.maximum(steady(ON, rows=(0, 2)), steady(ON, rows=(5, 8))).tolist()
    measures = course({0: [ON] * 8, 1: back})
    found = named(tmp_path, previous=measures, steps=tuple(range(500, 1300, 100)))
    assert [one.when for one in found.at(1200)] == [
        "since before step 500",
        "again since step 1,000, as before step 500",
    ]


def test_another_distance_is_another_spell(tmp_path: Path) -> None:
    offsets = {"offset/fixed": course({0: [-5] * 3 + [-7] * 3 + [-5] + [-7]})}  # for a moment back at 5
    said, groups, events = told(named(tmp_path, fixed=course({0: [ON] * 8}), extra=offsets))
    assert said == "L0 H0 attends 7 tokens back, 80 % in ordinary texts, again since step 700, first at step 300."
    assert groups == ["1 head attending 7 tokens back again since step 700, first at step 300"]
    assert events == ["L0 H0: 7 tokens back since step 300 (5 tokens back from the start)"]


def dead(rows: tuple[int, int], still: int) -> dict[str, Float32]:
    spread = course({head: [0.5] * 8 for head in range(10)})
    spread[rows[0] : rows[1], 0] = 0
    return {"share/spread": spread, "over/spread": spread, "offset/still": course({0: [still] * 8})}


@pytest.mark.parametrize(
    ("still", "why"),
    [
        (1, "all its queries are equal, so that every token attends alike"),
        (2, "all its keys are equal, so that no token stands out to it"),
        (3, "all its queries and keys are equal, so that no token stands out to it"),
    ],
)
def test_a_dead_head_is_an_alert_that_says_which_side_is_equal(still: int, why: str, tmp_path: Path) -> None:
    found = named(tmp_path, extra=dead((3, 8), still))
    said, groups, events = told(found)
    assert said == f"L0 H0 is dead since step 300: {why}."
    assert groups == ["1 dead head since step 300"]
    assert events == [f"L0 H0: dead since step 300: {why}"]
    [one] = found.happenings
    assert (one.what, one.kind, one.trouble) == ("alert", "dead", True)
    assert [finding.amount for finding in found.at(700)] == [""]  # no figure tells of it


def test_a_head_that_was_dead_from_the_first_step_on_is_an_alert_too(tmp_path: Path) -> None:
    found = named(tmp_path, extra=dead((0, 5), 1))
    assert [(one.step, one.what) for one in found.happenings] == [(0, "alert"), (500, "cleared")]
    assert not named(tmp_path / "begun", extra=dead((0, 1), 1)).happenings  # weights that begin at 0


def test_what_is_as_random_as_at_the_start_is_seen_later_than_it_is_so(tmp_path: Path) -> None:
    moved = course({head: [0, 0.3] + [0.5] * 6 for head in range(1, 10)} | {0: [0, 0.01] + [0.02] * 6})
    found = named(tmp_path, moved=moved, sampled=tuple(range(0, 800, 100)))
    said, groups, events = told(found)
    assert said == "L0 H0 (near random) attends as it did at step 0 (2.0 % changed), seen since step 300."
    assert groups == ["1 near-random head, seen since step 300"]
    assert events == ["L0 H0: near random, seen since step 300"]
