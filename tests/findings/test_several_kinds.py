"""Heads that are of several kinds, and kinds that give way: figures and maps written by hand."""

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tb_attnviz.events import Alert, RunWriter
from tb_attnviz.findings import findings_document
from tb_attnviz.findings.kinds import KINDS
from tb_attnviz.findings.measured import Measured
from tb_attnviz.findings.named import Named
from tb_attnviz.run import open_run
from tests.conftest import LAYERS, PROBE

Float32 = npt.NDArray[np.float32]

HEADS = 10
STEPS = (0, 100, 200, 300, 400, 500, 600, 700)


def course(values: dict[int, list[float]]) -> Float32:
    """[steps, heads]: of these heads, 0 of all others."""
    found = np.zeros((len(STEPS), HEADS), np.float32)
    for head, of_steps in values.items():
        found[:, head] = of_steps
    return found


def named(
    directory: Path,
    *,
    extra: dict[str, Float32] | None = None,
    sampled: tuple[int, ...] = (),
    alerts: tuple[Alert, ...] = (),
    steps: tuple[int, ...] = STEPS,
    **measures: Float32,
) -> Named:
    """What is found in these measures over `steps`, as told and beyond chance; `extra`: by their whole names."""
    writer = RunWriter(str(directory))
    writer.begin(0, PROBE, LAYERS)
    writer.write_health(0, {"entropy": np.full(HEADS, 0.5, np.float32)})
    writer.close()
    values = {f"{of}/{name}": value for name, value in measures.items() for of in ("share", "over")}
    recorded = dataclasses.replace(open_run(directory).recorded, alerts=alerts)
    return Named(recorded, Measured(steps, HEADS, values | (extra or {}), sampled))


def test_a_head_of_two_kinds_is_in_the_group_of_each(tmp_path: Path) -> None:
    found = named(tmp_path, previous=course({1: [0.9] * 8, 2: [0.8] * 8}), self=course({2: [0.7] * 8, 3: [0.5] * 8}))
    groups = {group.kind: group for group in found.groups(700)}
    assert groups["previous"].heads == ((0, 1), (0, 2))
    assert groups["self"].heads == ((0, 3), (0, 2))  # those first that are called so
    assert groups["self"].sentence == "2 heads attending to the token itself from the start"
    for group in groups.values():
        of_kind = {(one.layer, one.head) for one in found.at(700) if one.kind == group.kind}
        assert set(group.heads) == of_kind


@pytest.mark.parametrize(
    ("shares", "says"),
    [
        (
            {"same_token": 0.36, "first": 0.75},
            "attends to the same token elsewhere, if there is any, 36 % in ordinary texts, and rests on the "
            "first token, 75 % in all texts, both from the start.",
        ),
        (
            {"induction": 0.8, "local": 0.6},
            "elsewhere, and attends to tokens up to 4 away, 60 % in ordinary texts, both from the start.",
        ),
        ({"local": 0.6, "first": 0.5}, "both from the start; some tokens count for more than one of these."),
        ({"same_token": 0.4, "first": 0.5}, "the same token elsewhere, 40 % in ordinary texts, and rests"),
    ],
)
def test_shares_that_sum_to_more_than_all_say_of_what_each_is(
    shares: dict[str, float], says: str, tmp_path: Path
) -> None:
    found = named(tmp_path, **{kind: course({0: [share] * 8}) for kind, share in shares.items()})
    assert says in found.sentence(
        0, 0, [one for one in found.at(700) if one.head == 0 and one.layer == 0], [], step=700
    )


def test_a_document_of_some_heads_counts_these_alone(tmp_path: Path) -> None:
    late = [0, 0, 0, 0.8, 0.8, 0.8, 0.8, 0.8]
    found = named(tmp_path, previous=course({1: [0.9] * 8, 2: late, 3: [0.8] * 8}), self=course({5: [0.7] * 8}))
    [group] = findings_document(found, 700, [(0, 2), (1, 0)])["groups"]
    assert group["heads"] == [[0, 2]]
    assert (group["sentence"], group["since"]) == ("1 previous-token head since step 300", 300)
    [whole, _] = findings_document(found, 700, [*((0, head) for head in range(4)), (1, 1)])["groups"]
    assert whole["sentence"] == "3 previous-token heads: the earliest from the start, the latest since step 300"


def test_a_kind_that_gave_way_to_a_narrower_one_is_not_lost(tmp_path: Path) -> None:
    local = [0, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6]
    sharper = [0, 0, 0, 0, 0.6, 0.6, 0.6, 0.6]
    found = named(tmp_path, local=course({0: local, 1: local[:5] + [0.1] * 3}), previous=course({0: sharper}))
    assert [(one.head, one.kind, one.until) for one in found.lost(700)] == [(1, "local", 500)]
    assert [(one.head, one.kind) for one in found.happenings if one.what == "lost"] == [(1, "local")]


def test_what_was_had_for_a_moment_or_is_left_by_a_hair_is_not_told_as_lost(tmp_path: Path) -> None:
    [limits] = [(kind.on, kind.off) for kind in KINDS if kind.name == "local"]
    assert limits == (0.5, 0.4)
    moment = [0.1, 0.6, 0.1, 0.1, 0.1, 0.6, 0.1, 0.1]
    hair = [0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.38, 0.38]
    gone = [0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.38, 0.2]
    found = named(tmp_path, local=course({0: moment, 1: hair, 2: gone}))
    assert [(one.head, one.until) for one in found.lost(700)] == [(2, 600)]
    assert {one.head for one in found.happenings if one.what == "lost"} == {0, 1, 2}  # events have all
