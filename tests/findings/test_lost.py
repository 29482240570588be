"""Which kinds heads lost where a training was begun again."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tb_attnviz.events import Layer, ProbeRecord, RunWriter
from tb_attnviz.findings import Happening
from tb_attnviz.run import open_run
from tests.conftest import LAYERS, PROBE

OTHER = dataclasses.replace(PROBE, sequences=PROBE.sequences[:1])


def begun_again(
    directory: Path, had: list[float], has: list[float] | None, *, layers: tuple[Layer, ...], probe: ProbeRecord = PROBE
) -> Happening:
    """The restart of a run whose heads attended to the token before, and do to this share behind it."""
    for step, values, of, shown in ((0, had, LAYERS[:1], PROBE), (200, has, layers, probe)):
        writer = RunWriter(str(directory))
        writer.begin(step, shown, of)
        for at in (step, step + 100):
            figures = {"entropy": np.full(sum(layer.heads for layer in of), 0.5, np.float32)}
            writer.write_health(at, figures | ({} if values is None else {"previous": np.float32(values)}))
        writer.close()
    [found] = [one for one in open_run(directory).events() if one.what in ("restart", "changed model")]
    return found


def test_heads_of_the_same_model_are_compared(tmp_path: Path) -> None:
    found = begun_again(tmp_path, [0.9, 0.9, 0, 0], [0.9, 0, 0.9, 0], layers=LAYERS[:1])
    said = "begun again between steps 100 and 200; lost there: 1 of 2 previous-token heads"
    assert (found.what, found.sentence, found.trouble) == ("restart", said, True)


@pytest.mark.parametrize(
    ("has", "lost"),
    [
        ([0.0] * 6, "; lost there: 3 previous-token heads"),
        ([0.9] + [0] * 5, "; lost there: 2 of 3 previous-token heads"),
        ([0.9] * 3 + [0] * 3, ""),
        (None, ""),  # not measured there
    ],
)
def test_heads_of_another_model_are_counted(has: list[float] | None, lost: str, tmp_path: Path) -> None:
    found = begun_again(tmp_path, [0.9, 0.9, 0.9, 0], has, layers=LAYERS[1:])
    assert found.what == "changed model"
    assert found.sentence.endswith(lost)
    assert ("lost there" in found.sentence, found.trouble) == (bool(lost), bool(lost))


def test_heads_that_another_probe_is_shown_to_are_compared(tmp_path: Path) -> None:
    found = begun_again(tmp_path, [0.9, 0.9, 0, 0], [0, 0.9, 0.9, 0], layers=LAYERS[:1], probe=OTHER)
    assert found.sentence.endswith("with another probe; lost there: 1 of 2 previous-token heads")


def test_a_kind_that_heads_have_had_for_one_step_is_lost_as_the_list_there_has_it(tmp_path: Path) -> None:
    for start, rows in ((0, [[0.0] * 4, [0.9, 0, 0, 0]]), (200, [[0.0] * 4])):
        writer = RunWriter(str(tmp_path))
        writer.begin(start, PROBE, LAYERS[:1])
        for number, values in enumerate(rows):
            figures = {"entropy": np.full(4, 0.5, np.float32), "previous": np.float32(values)}
            writer.write_health(start + 100 * number, figures)
        writer.close()
    [found] = [one for one in open_run(tmp_path).events() if one.what == "restart"]
    assert found.sentence == "begun again between steps 100 and 200; lost there: 1 previous-token head"
