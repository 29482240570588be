"""Findings in an exported page: those of its heads, under the numbers that they have there, with their evidence."""

import json
from typing import Any

from tb_attnviz.export import recomputed
from tb_attnviz.export.plan import plan
from tb_attnviz.projection.projection import Projection
from tb_attnviz.run import Run
from tests.findings.conftest import PLACES


def in_page(run: Run, *, heads: str, detail: str) -> dict[str, Any]:
    options: dict[str, Any] = {"steps": "1200", "layers": "all", "sequences": None, "trust": False}
    chosen = plan("run", run, heads=heads, detail=detail, projections=[Projection()], dims=(2,), **options)
    [(name, data)] = list(recomputed.findings(chosen, 1200))
    assert name == "findings-1200"
    found: dict[str, Any] = json.loads(data)
    return found


def test_heads_are_numbered_as_in_the_page(built: Run) -> None:
    layer, copy = PLACES["copy"]
    induction = PLACES["induction"][1]
    document = in_page(built, heads=f"{induction},{copy}", detail=f"L{layer}H{induction}")
    titles = [(one["layer"], one["head"], one["title"]) for one in document["heads"]]
    assert titles == [(0, 0, "induction"), (0, 1, "duplicate")]
    assert {(one["layer"], one["head"]) for one in document["events"]} == {(0, 0), (0, 1)}
    assert {tuple(head) for group in document["groups"] for head in group["heads"]} == {(0, 0), (0, 1)}
    [finding] = document["heads"][1]["findings"]
    assert finding["partner"] is None  # not in the page; the sentence names it
    assert "attends as L0 H8 does" in finding["sentence"]
    assert "evidence" not in finding  # its attention is not in the page
    shown = document["heads"][0]["findings"][0]["evidence"]
    expected = built.evidence(next(one for one in built.findings(1200) if one.kind == "induction"), 1200)
    assert expected is not None
    assert shown["sentence"] == expected.sentence
