"""A run that was begun again, on the timeline: the loss of all parts on one axis, and the break between them."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tb_attnviz.events import RunWriter
from tests.conftest import LAYERS, PROBE, make_samples, serving, write_checkpoint
from tests.e2e.conftest import Tab
from tests.e2e.test_timeline import write_scalars

HIGH, LOW = 5.0, 1.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One layer to step 200, two from step 400 to 800; the loss is `HIGH` until step 300, and `LOW` from there."""
    directory = tmp_path_factory.mktemp("parts") / "run"
    writer = RunWriter(str(directory))
    writer.begin(0, PROBE, LAYERS[:1])
    for step in (0, 200):
        writer.write_checkpoint(step, [(LAYERS[0], make_samples(LAYERS[0], seed=step))])
    writer.close()
    writer = RunWriter(str(directory))
    writer.begin(400, PROBE, LAYERS)
    for step in (400, 600, 800):
        write_checkpoint(writer, step)
    writer.close()
    write_scalars(directory, "loss", [(step, HIGH if step < 300 else LOW) for step in range(0, 801, 20)])
    with serving("--load_fast=false", f"--logdir={directory.parent}") as address:
        yield address


@pytest.fixture
def tab(page: Page, server: str) -> Tab:
    return Tab(page, server)


def test_the_loss_of_an_earlier_part_stands_before_the_shown_one_on_one_axis(tab: Tab) -> None:
    tab.open(run="run")
    earlier = tab.frame.get_by_role("button", name="Show run, part 1")
    before, track = earlier.bounding_box(), tab.slider.bounding_box()
    assert before
    assert track
    assert before["width"] == pytest.approx(track["width"], abs=1)  # 400 steps each
    assert before["x"] + before["width"] == pytest.approx(track["x"], abs=1)
    expect(tab.frame.get_by_test_id("scalar-curve")).to_have_attribute("data-points", "41")
    # Points of the path, in css pixels: the jump is in the earlier block, between what the two parts recorded.
    path = earlier.locator("path").get_attribute("d") or ""
    points = [tuple(map(float, pair.replace("h0", "").split(" "))) for pair in path[1:].split("L")]
    (x, top), (last, bottom) = points[0], points[-1]
    assert (x, last) == (pytest.approx(0), pytest.approx(before["width"], abs=1))
    assert bottom - top == pytest.approx(38, abs=0.5)  # from the top of the curve's room to its bottom
    broken = earlier.locator(".broken").bounding_box()
    assert broken
    assert broken["x"] == pytest.approx(before["x"] + before["width"] / 2, abs=1)  # from step 200
    assert broken["width"] == pytest.approx(before["width"] / 2, abs=1)
    expect(earlier).to_have_attribute(
        "title",
        "run, part 1, with another model or probe. Training was begun again "
        "between steps 200 and 400 (hatched). Click to show it.",
    )
    assert tab.complaints == []


def test_a_click_shows_the_other_part_and_back(tab: Tab) -> None:
    tab.open(run="run")
    tab.frame.get_by_role("button", name="Show run, part 1").click()
    tab.ready()
    expect(tab.slider).to_have_attribute("aria-valuetext", "step 200 of 200")
    later = tab.frame.get_by_role("button", name="Show run", exact=True)
    after, track = later.bounding_box(), tab.slider.bounding_box()
    assert after
    assert track
    assert after["x"] == pytest.approx(track["x"] + track["width"], abs=1)
    later.click()
    tab.ready()
    expect(tab.frame.get_by_role("combobox", name="Run")).to_have_value("run")
    assert tab.complaints == []
