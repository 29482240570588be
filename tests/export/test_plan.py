"""What a command line chooses of a run."""

from pathlib import Path

import pytest

from tb_attnviz.ahead.plan import PlanError
from tb_attnviz.export.plan import Plan, plan, spread
from tb_attnviz.projection.projection import Projection
from tb_attnviz.run import open_run


def planned(run_directory: Path, **words: object) -> Plan:
    usual = {"steps": "all", "layers": "all", "heads": "all", "detail": "all", "projections": [Projection()]}
    rest = {"dims": [2], "sequences": None, "trust": False}
    return plan("run", open_run(run_directory), **{**usual, **rest, **words})  # type: ignore[arg-type]


def test_steps_are_spread_evenly_in_their_logarithm() -> None:
    powers = [0, *(2**i for i in range(11))]
    assert spread([*range(1025)], 3)[0::2] == (0, 1024)
    assert 16 <= spread([*range(1025)], 3)[1] <= 64  # evenly: log(1 + 1024) / 2 is log(32)
    assert spread(powers, 12) == tuple(powers)
    assert spread(powers, 100) == tuple(powers)
    assert spread(powers, 1) == (1024,)
    assert spread([500, 600], 2) == (500, 600)


def test_a_number_is_how_many_and_a_list_is_which(run_directory: Path) -> None:
    assert planned(run_directory, steps="2").steps == (0, 300)
    assert planned(run_directory, steps="100,300").steps == (100, 300)
    assert planned(run_directory, steps="100,").steps == (100,)
    assert planned(run_directory, steps="50:250").steps == (100, 200)
    with pytest.raises(PlanError, match="at least 1"):
        planned(run_directory, steps="0")
    with pytest.raises(PlanError, match="no step 150: there are 4 steps, from 0 to 300"):
        planned(run_directory, steps="150,300")


def test_heads_keep_their_names_and_get_places_in_the_page(run_directory: Path) -> None:
    chosen = planned(run_directory, layers="1", heads="2,3", detail="L1H3")
    assert [(head.name, head.page_layer, head.page_head) for head in chosen.heads] == [("L1H2", 0, 0), ("L1H3", 0, 1)]
    assert [head.name for head in chosen.detail] == ["L1H3"]
    assert planned(run_directory, detail="none").detail == ()
    with pytest.raises(PlanError, match="no head L0H0 is in the page"):
        planned(run_directory, layers="1", detail="L0H0")
    with pytest.raises(PlanError, match="a list like L0H1"):
        planned(run_directory, detail="0")


def test_each_projection_comes_in_each_dimension_and_once(run_directory: Path) -> None:
    chosen = planned(run_directory, projections=[Projection(), Projection()], dims=[2, 3])
    assert [(one.method, one.dims) for one in chosen.projections] == [("biplot", 2), ("biplot", 3)]
    assert chosen.previous(0) is None
    assert chosen.previous(300) == 200
