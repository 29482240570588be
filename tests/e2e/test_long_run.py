"""A run with more figures than the tab holds whole: over a million numbers, of which it asks for what it shows."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from tb_attnviz.events import Layer, ProbeRecord, RunWriter, Samples, Sequence
from tests.conftest import wait_until
from tests.e2e.conftest import Tab

LAYERS = tuple(Layer(f"blocks.{number}.attention", 36, 36, 4, 0.5, causal=True) for number in range(4))
HEADS, STEPS = 144, range(0, 6000, 10)
NAMES = ("entropy", "induction", "sink", *(f"figure_{number}" for number in range(11)))
FORMED = 36  # L1 H0 attends as an induction head from step 2,000 on
PAD = 9.0  # css pixels from the timeline's end to its first step


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("long")
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((36, 4, 4), np.float32)
    writer = RunWriter(str(directory / "run"))
    writer.begin(0, ProbeRecord((Sequence(tuple("abcd")),)), LAYERS)
    for step in STEPS:
        if step % 2000 == 0 or step == STEPS[-1]:
            writer.write_checkpoint(step, [(layer, Samples(vectors, vectors)) for layer in LAYERS])
        figures = {name: rng.uniform(0.2, 0.3, HEADS).astype(np.float32) for name in NAMES}
        figures["induction"] = np.zeros(HEADS, np.float32)
        figures["induction"][FORMED] = step >= 2000
        writer.write_health(step, figures)
    writer.close()
    return directory


def test_a_head_that_formed_is_seen_and_its_values_are_exact(tab: Tab) -> None:
    assert len(NAMES) * HEADS * len(STEPS) > 2**20
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    tab.open(tint="induction", strip="shown", layer=1, head=0)
    strip = tab.frame.get_by_role("application", name="Heads over steps")
    box = strip.locator("canvas").bounding_box()
    assert box
    hint = strip.locator(".hint")
    rows = itertools.cycle(np.arange(box["y"] + 1, box["y"] + box["height"], 0.5).tolist())

    def over_the_head(step: int) -> bool:
        tab.page.mouse.move(box["x"] + PAD + (box["width"] - 2 * PAD) * step / STEPS[-1], next(rows))
        return "L1 H0" in (hint.text_content() or "") if hint.count() else False

    for step, value in ((1000, "induction 0 %"), (4000, "induction 100 %")):
        wait_until(lambda step=step: over_the_head(step), seconds=60)  # a row of pixels stands for several heads
        expect(hint).to_contain_text(value)
    assert any("health_range" in url for url in asked)
    assert not any("/health?" in url for url in asked)


def test_the_route_for_scripts_says_what_is_too_much(tab: Tab) -> None:
    answer = tab.page.request.get(f"{tab.address}/data/plugin/attnviz/health?run=run&since={STEPS[-3]}")
    while answer.status == 202:
        answer = tab.page.request.get(answer.url)
    found = json.loads(answer.body())
    assert found["steps"] == list(STEPS[-2:])
    assert found["figures"]["induction"][0][FORMED] == 1
