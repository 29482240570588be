"""Which pictures are wanted, in which order, under which keys."""

import dataclasses
from pathlib import Path

import pytest

import tb_attnviz
from tb_attnviz.ahead.plan import Numbers, PlanError, chains
from tb_attnviz.events import RunWriter
from tb_attnviz.projection.pictures import View
from tb_attnviz.projection.projection import Projection
from tests.conftest import LAYERS, PROBE, make_samples
from tests.export.test_plan import planned

ALL = Numbers("all")


def test_a_linear_projection_is_one_chain_a_layer_and_another_one_a_head(run_directory: Path) -> None:
    run = tb_attnviz.open_run(run_directory)
    linear = list(chains("run", run, [Projection(method="pca")], ALL, ALL))
    assert [(chain.layer, chain.view.head) for chain in linear] == [(0, None), (1, None)]
    per_head = list(chains("run", run, [Projection(method="tsne")], ALL, Numbers("1")))
    assert [(chain.layer, chain.view.head) for chain in per_head] == [(1, head) for head in range(6)]
    assert per_head[2].name == "run: layer 1, head 2, tsne in 2-D"


def test_the_newest_step_comes_first_and_keys_are_those_of_the_whole_runs_frame(run_directory: Path) -> None:
    run = tb_attnviz.open_run(run_directory)
    projection = Projection(method="umap", dims=3)
    (chain,) = [c for c in chains("run", run, [projection], Numbers(":250"), Numbers("0")) if c.view.head == 3]
    assert chain.steps == (200, 100, 0)
    asked = View(run.layer_samples(0), (0, 100, 200, 300), projection, 3)
    assert [chain.view.key(step) for step in chain.steps] == [asked.key(step) for step in (200, 100, 0)]


def test_layers_and_heads_are_chosen_as_the_model_counts_them(tmp_path: Path) -> None:
    writer = RunWriter(str(tmp_path / "run"))
    writer.write_probe(PROBE, step=0)
    some = [
        dataclasses.replace(layer, number=number, head_numbers=tuple(range(1, 2 * layer.heads, 2)))
        for number, layer in zip((3, 7), LAYERS, strict=True)
    ]
    writer.write_checkpoint(0, [(layer, make_samples(layer, seed=0)) for layer in some])
    writer.close()
    run = tb_attnviz.open_run(tmp_path / "run")
    chosen = list(chains("run", run, [Projection(method="tsne")], ALL, Numbers("7")))
    assert [(chain.layer, chain.view.head) for chain in chosen] == [(1, head) for head in range(6)]
    assert chosen[2].name == "run: layer 7, head 5, tsne in 2-D"
    exported = planned(tmp_path / "run", layers="7", heads="3:5")
    assert [(head.name, head.layer, head.head) for head in exported.heads] == [("L7H3", 1, 1), ("L7H5", 1, 2)]
    with pytest.raises(PlanError, match="no layer 1: there are 2 layers, from 3 to 7"):
        planned(tmp_path / "run", layers="1")
    with pytest.raises(PlanError, match="no head 0: there are 4 heads, from 1 to 7"):
        planned(tmp_path / "run", heads="0")


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("all", [0, 5, 10, 20]),
        ("newest", [20]),
        ("5:10", [5, 10]),
        ("6:", [10, 20]),
        (":6", [0, 5]),
        ("10,0", [0, 10]),
        ("20", [20]),
    ],
)
def test_numbers(text: str, numbers: list[int]) -> None:
    assert Numbers(text).of([0, 5, 10, 20], "step") == numbers


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("7", "no step 7: there are 4 steps, from 0 to 20"),
        ("11:19", "no step lies in 11:19: there are 4 steps, from 0 to 20"),
        ("some", "steps must be all, newest, A:B or a list like 0,100, not 'some'"),
        ("1:2:3", "steps must be all, newest, A:B or a list like 0,100, not '1:2:3'"),
    ],
)
def test_numbers_that_are_none(text: str, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        Numbers(text).of([0, 5, 10, 20], "step")
