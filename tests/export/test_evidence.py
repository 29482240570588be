"""Which evidence of a finding a page has, and that what it leaves out is told from what is not there."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from tb_attnviz import open_run
from tb_attnviz.events import RunWriter
from tb_attnviz.export.recomputed import findings
from tests.conftest import LAYERS
from tests.export.test_plan import planned


def test_evidence_that_a_page_does_not_hold_is_left_out(writer: RunWriter, run_directory: Path) -> None:
    previous = np.full(sum(layer.heads for layer in LAYERS), 0.3, np.float32)
    previous[:2] = 0.8
    writer.write_health(300, {"previous": previous})
    [named] = [one for one in open_run(run_directory).findings(300) if (one.head, one.kind) == (1, "previous")]
    expected = open_run(run_directory).evidence(named, 300)
    assert expected is not None

    def told(**words: object) -> list[dict[str, Any]]:
        [(_, piece)] = findings(planned(run_directory, layers="0", detail="L0H1", **words), 300)
        heads = json.loads(piece)["heads"][:2]
        return [one for head in heads for one in head["findings"] if one["kind"] == "previous"]

    other, own = told()
    assert "evidence" not in other
    assert own["evidence"]["sequence"] == expected.sequence
    assert all("evidence" not in finding for finding in told(sequences=0))
