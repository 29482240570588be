"""Who feeds the opened head: links over the matrix that follow the step, and a list that leads to the other heads."""

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from tb_attnviz.events import RunWriter
from tests.conftest import LAYERS, PROBE, write_checkpoint
from tests.e2e.conftest import Tab
from tests.test_connections import HEADS, KEYS, OTHER, SOURCE, TARGET, write_connections


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """L0 H2 and, less, L0 H1 feed the keys of L1 H3; the run `without` recorded no connections."""
    directory = tmp_path_factory.mktemp("connections")
    writer = RunWriter(str(directory / "run"))
    writer.write_probe(PROBE, step=0)
    for step, (strong, weak) in KEYS.items():
        write_checkpoint(writer, step)
        keys = np.full((HEADS, HEADS), np.nan)
        keys[: LAYERS[0].heads, LAYERS[0].heads :] = 0
        keys[SOURCE, TARGET], keys[OTHER, TARGET] = strong, weak
        write_connections(writer, step + 1, keys)  # a step with figures, without samples
    writer.close()
    without = RunWriter(str(directory / "without"))
    without.write_probe(PROBE, step=0)
    write_checkpoint(without, 0)
    without.close()
    return directory


def width(tab: Tab, link: str) -> float:
    """Css pixels of the arc to or from a head."""
    return float(tab.frame.locator(f'svg.connections [data-link="{link}"] .line').get_attribute("stroke-width") or 0)


def connected(tab: Tab) -> Locator:
    return tab.head_view.get_by_role("group", name="Connections of this head")


def test_who_feeds_a_head_is_drawn_and_listed_and_follows_the_step(tab: Tab) -> None:
    tab.open(run="run", layer=1, head=3, step=300)
    said = connected(tab).get_by_role("button")
    # Step 300 is one before that at which the last connections were recorded: those of 201 hold.
    expect(said).to_have_count(2)
    expect(said.first).to_have_accessible_name("Fed by L0 H2, keys 75 %")
    expect(said.last).to_have_accessible_name("Fed by L0 H1, keys 25 %")
    expect(said.first).to_have_attribute("title", re.compile(r"3\.00 logits a query .* since step 201"))
    expect(connected(tab).get_by_text("at step 201")).to_be_in_viewport(ratio=1)
    late = width(tab, "0 2"), width(tab, "0 1")
    assert late[0] > 2 * late[1] > 0
    tab.press_on_slider("ArrowLeft")  # step 200: connections of 101
    expect(said.first).to_have_accessible_name("Fed by L0 H2, keys 63 %")
    assert width(tab, "0 2") < late[0]
    tab.press_on_slider("Home")
    expect(said).to_have_count(0)
    expect(tab.frame.locator("svg.connections")).to_have_count(0)
    expect(connected(tab)).to_contain_text("was not recorded yet")
    # a mark goes with the name that was pointed at
    before = tab.pixels(tab.matrix)
    tab.press_on_slider("End")
    connected(tab).get_by_role("button", name="Fed by L0 H2").hover()
    tab.press_on_slider("Home")
    expect(connected(tab).get_by_role("button")).to_have_count(0)
    assert (np.abs(tab.pixels(tab.matrix) - before).max(axis=-1) > 32).sum() == 0


def test_nothing_of_them_is_cut_off_in_a_narrow_view_and_a_link_leads_to_the_other_head_and_back(tab: Tab) -> None:
    tab.open(run="run", layer=1, head=3, step=300, panel=340)
    whole = connected(tab).bounding_box()
    assert whole
    parts = [connected(tab).get_by_text("at step 201"), *connected(tab).get_by_role("button").all()]
    assert len(parts) == 3
    for part in parts:
        box = part.bounding_box()
        assert box
        assert box["y"] + box["height"] <= whole["y"] + whole["height"] + 0.5
        assert box["x"] + box["width"] <= whole["x"] + whole["width"] + 0.5
    connected(tab).get_by_role("button", name="Fed by L0 H2").click()
    expect(tab.head_view.get_by_role("heading", name="Layer 0 · Head 2")).to_be_visible()
    back = connected(tab).get_by_role("button")
    expect(back).to_have_count(1)
    expect(back).to_have_accessible_name("Feeds L1 H3, keys 75 %")
    back.click()
    tab.expect_address(layer=1, head=3)


def test_a_head_that_nobody_feeds_says_so_and_a_run_that_recorded_none_says_nothing(tab: Tab) -> None:
    tab.open(run="run", layer=1, head=0, step=300)
    expect(connected(tab)).to_contain_text("No other head stands out")
    tab.open(run="without", layer=1, head=3)
    expect(tab.head_view.get_by_role("heading", name="Layer 1 · Head 3")).to_be_visible()
    expect(connected(tab)).to_have_count(0)
    expect(tab.frame.locator("svg.connections")).to_have_count(0)
