"""A run that was begun again, on the timeline: the loss of all parts on one axis, and the break between them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

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
    write_scalars(directory, "loss", [(step, HIGH) for step in range(0, 300, 20)])
    write_scalars(directory, "loss", [(step, LOW) for step in range(300, 801, 20)], begun=9000)
    begun_again_as_it_was(directory.parent / "resumed")
    with serving("--load_fast=false", f"--logdir={directory.parent}") as address:
        yield address


def begun_again_as_it_was(directory: Path) -> None:
    """The same layers all along; begun again after step 230."""
    for begin, end in ((0, 300), (300, 500)):
        writer = RunWriter(str(directory))
        writer.begin(begin, PROBE, LAYERS)
        for step in range(begin, end, 100):
            write_checkpoint(writer, step)
        writer.close()
    write_scalars(directory, "loss", [(step, HIGH) for step in range(0, 240, 10)])
    write_scalars(directory, "loss", [(step, LOW) for step in range(240, 401, 10)], begun=9000)


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
    # Points of the path, in css pixels: it is broken in the earlier block, between what the two parts recorded.
    first, second = lines(earlier.locator("path"))
    assert [first[0][0], first[-1][0]] == pytest.approx([0, 280 / 400 * before["width"]], abs=1)
    assert [second[0][0], second[-1][0]] == pytest.approx([300 / 400 * before["width"], before["width"]], abs=1)
    assert {y for _, y in first} == {5}  # the top of the curve's room
    assert {y for _, y in second} == {43}
    broken = earlier.locator(".broken").bounding_box()
    assert broken
    assert broken["x"] == pytest.approx(before["x"] + before["width"] / 2, abs=1)  # from step 200
    assert broken["width"] == pytest.approx(before["width"] / 2, abs=1)
    expect(earlier).to_have_text("Earlier part, of another model or probe: show")
    expect(earlier).to_have_attribute(
        "title",
        "run, part 1, with another model or probe. Training was begun again "
        "between steps 200 and 400 (hatched). Click to show it.",
    )
    assert tab.complaints == []


def lines(path: Locator) -> list[list[tuple[float, ...]]]:
    """The points of each line of a path of straight ones, in css pixels."""
    drawn = (path.get_attribute("d") or "").replace("h0", "").split("M")[1:]
    return [[tuple(map(float, point.split(" "))) for point in line.split("L")] for line in drawn]


def test_the_loss_is_broken_where_training_was_begun_again_with_the_same_model(tab: Tab) -> None:
    tab.open(run="resumed")
    curve = tab.frame.get_by_test_id("scalar-curve")
    first, second = lines(curve.locator(".line"))
    restart = curve.locator(".restarts").get_attribute("d") or ""
    x_of = {step: first[0][0] + step / 230 * (first[-1][0] - first[0][0]) for step in (240, 400)}
    assert [second[0][0], second[-1][0]] == pytest.approx([x_of[240], x_of[400]], abs=1)
    assert float(restart[1:].split(" ")[0]) == pytest.approx(x_of[240], abs=1)
    assert {y for _, y in first} != {y for _, y in second}


def test_a_click_shows_the_other_part_and_back(tab: Tab) -> None:
    tab.open(run="run")
    tab.frame.get_by_role("button", name="Show run, part 1").click()
    tab.ready()
    expect(tab.slider).to_have_attribute("aria-valuetext", "step 200 of 200")
    later = tab.frame.get_by_role("button", name="Show run", exact=True)
    after, track = later.bounding_box(), tab.slider.bounding_box()
    assert after
    assert track
    expect(later).to_have_text("Later part, of another model or probe: show")  # its curve is no second one of this part
    assert after["x"] == pytest.approx(track["x"] + track["width"], abs=1)
    later.click()
    tab.ready()
    expect(tab.frame.get_by_role("combobox", name="Run")).to_have_value("run")
    assert tab.complaints == []
