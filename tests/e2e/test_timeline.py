"""The timeline, seen: a scalar to steer by, loops, keys, and where the address keeps them."""

import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from tb_attnviz.events import RunWriter
from tests.conftest import PROBE, serving, wait_until, write_checkpoint, write_run
from tests.e2e.conftest import Tab, held

PAD = 9.0  # css pixels from the timeline's end to its first step


def loss(step: int) -> float:
    return 1 + 4 * math.exp(-step / 80)


def write_scalars(directory: Path, tag: str, points: list[tuple[int, float]], *, begun: float = 1000) -> None:
    """A point a second for every step, since `begun`."""
    writer = EventFileWriter(str(directory))
    for step, value in points:
        summary = summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, simple_value=value)])
        writer.add_event(event_pb2.Event(step=step, wall_time=begun + step, summary=summary))
    writer.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Checkpoints at 0, 100, … 400; the loss at every second step up to 500, and a score that falls below 0."""
    directory = tmp_path_factory.mktemp("timeline")
    write_run(directory / "run", range(0, 500, 100)).close()
    write_scalars(directory / "run", "train/loss", [(step, loss(step)) for step in range(0, 502, 2)])
    write_scalars(directory / "run", "score", [(0, -1.0), (200, 2.0), (250, math.nan), (400, 3.0)])
    with serving("--load_fast=false", f"--logdir={directory}", "--path_prefix=/some/prefix") as address:
        yield address


def x_of(tab: Tab, step: int) -> float:
    """Where on the page a step of 0 to 400 lies."""
    box = tab.slider.bounding_box()
    assert box
    return box["x"] + PAD + (box["width"] - 2 * PAD) * step / 400


def middle(tab: Tab) -> float:
    box = tab.slider.bounding_box()
    assert box
    return box["y"] + box["height"] / 2


def test_the_training_loss_runs_above_the_steps_says_its_values_and_steers(tab: Tab) -> None:
    tab.open(layer=0, head=1)
    curve = tab.frame.get_by_test_id("scalar-curve")
    expect(tab.frame.get_by_role("combobox", name="Scalar above the timeline")).to_have_value("train/loss")
    expect(curve).to_have_attribute("data-points", "202")  # those of the checkpoints' span, and the next one
    line, track = curve.bounding_box(), tab.slider.bounding_box()
    assert line
    assert track
    assert (line["x"], line["width"]) == (track["x"], track["width"])  # one axis
    dot = curve.locator("circle").bounding_box()
    assert dot
    assert dot["x"] + dot["width"] / 2 == pytest.approx(x_of(tab, 400), abs=0.6)
    expect(tab.frame.get_by_text("train/loss 1.03", exact=True)).to_be_visible()  # at step 400: 1 + 4 exp(-5)
    tab.press_on_slider("Home")
    expect(tab.frame.get_by_text("train/loss 5.00", exact=True)).to_be_visible()
    tab.page.mouse.move(x_of(tab, 100) + 1, middle(tab) - 40)  # over the curve
    expect(tab.frame.locator(".hint")).to_have_text("100 · 2.15")
    tab.page.mouse.move(x_of(tab, 200) + 1, middle(tab))
    expect(tab.frame.locator(".hint")).to_have_text("200 · 1.33")
    tab.page.mouse.click(x_of(tab, 100), middle(tab) - 40)
    expect(tab.slider).to_have_attribute("aria-valuenow", "100")
    # the keys are written down
    tab.frame.get_by_role("button", name="Help").click()
    expect(tab.frame.get_by_text("loop from here, to here")).to_be_visible()
    tab.page.keyboard.press("Escape")
    expect(tab.frame.get_by_text("loop from here, to here")).to_be_hidden()
    expect(tab.head_view).to_be_visible()


def test_any_scalar_and_a_logarithmic_scale(tab: Tab) -> None:
    tab.open()
    curve = tab.frame.get_by_test_id("scalar-curve").locator("path.line")
    log = tab.frame.get_by_role("button", name="Logarithmic scale")
    expect(curve).to_have_attribute("d", re.compile("^M"))
    linear = curve.get_attribute("d") or ""
    log.click()
    expect(log).to_have_attribute("aria-pressed", "true")
    expect(curve).not_to_have_attribute("d", linear)
    picker = tab.frame.get_by_role("combobox", name="Scalar above the timeline")
    picker.select_option("score")
    expect(log).to_be_disabled()  # it has been below 0
    expect(curve).to_have_attribute("d", re.compile("^M[^M]+M[^M]+$"))  # broken at the NaN
    tab.expect_address(scalar="score", scale="log")
    tab.page.reload()
    tab.ready()
    expect(picker).to_have_value("score")
    picker.select_option("no curve")
    expect(curve).to_have_attribute("d", "")
    tab.expect_address(scalar="none")


def test_a_run_without_scalars_has_no_curve_and_no_error(page: Page, tmp_path: Path) -> None:
    writer = RunWriter(str(tmp_path / "run"))
    writer.write_probe(PROBE, step=0)
    write_checkpoint(writer, 0)
    with serving("--load_fast=false", f"--logdir={tmp_path}") as address:
        page.route("**/data/plugin/scalars/**", lambda route: route.fulfill(status=404, body="no such plugin"))
        tab = Tab(page, address).open()
        expect(tab.frame.get_by_role("combobox", name="Scalar above the timeline")).to_have_count(0)
        expect(tab.frame.get_by_test_id("scalar-curve")).to_have_count(0)
        expect(tab.frame.get_by_role("alert")).to_have_count(0)
        assert tab.complaints == []


def test_a_loop_by_keys_goes_round_and_is_kept(tab: Tab) -> None:
    tab.open().press_on_slider("Home", "ArrowRight")
    tab.slider.press("[")
    tab.press_on_slider("ArrowRight")
    tab.slider.press("]")
    start, end = (tab.frame.get_by_role("slider", name=f"{name} of the loop") for name in ("Start", "End"))
    expect(start).to_have_attribute("aria-valuenow", "100")
    expect(end).to_have_attribute("aria-valuenow", "200")
    tab.frame.get_by_role("combobox", name="Speed").select_option("8/s")
    shown = tab.slider.evaluate_handle(
        """slider => {
            const shown = [];
            const look = () => shown.push(slider.ariaValueNow);
            new MutationObserver(look).observe(slider, {attributeFilter: ["aria-valuenow"]});
            return shown;
        }"""
    )
    tab.slider.press(" ")
    wait_until(lambda: len(shown.json_value()) >= 4, seconds=60)
    tab.slider.press(" ")
    assert shown.json_value()[:4] == ["100", "200", "100", "200"]
    tab.expect_address(loop="100-200", speed="8")
    tab.page.reload()
    tab.ready()
    expect(end).to_have_attribute("aria-valuenow", "200")
    end.focus()
    end.press("ArrowRight")
    expect(end).to_have_attribute("aria-valuenow", "300")
    end.press("Delete")
    expect(end).to_have_count(0)


def test_a_loop_by_pointer(tab: Tab) -> None:
    tab.open()
    mouse = tab.page.mouse
    start, end = (tab.frame.get_by_role("slider", name=f"{name} of the loop") for name in ("Start", "End"))
    tab.page.keyboard.down("Shift")
    mouse.move(x_of(tab, 300), middle(tab))
    mouse.down()
    mouse.move(x_of(tab, 100), middle(tab), steps=4)
    mouse.up()
    tab.page.keyboard.up("Shift")
    expect(start).to_have_attribute("aria-valuenow", "100")
    expect(end).to_have_attribute("aria-valuenow", "300")
    expect(tab.slider).to_have_attribute("aria-valuenow", "400")  # the hand stayed where it was
    bracket = start.bounding_box()
    assert bracket
    assert bracket["x"] + bracket["width"] == pytest.approx(x_of(tab, 100), abs=0.6)
    mouse.move(bracket["x"] + 2, bracket["y"] + 6)
    mouse.down()
    mouse.move(x_of(tab, 200), middle(tab), steps=4)
    mouse.up()
    expect(start).to_have_attribute("aria-valuenow", "200")
    tab.frame.get_by_role("button", name="Loop").click()
    expect(start).to_have_count(0)
    tab.frame.get_by_role("button", name="Loop").click()
    expect(start).to_have_attribute("aria-valuenow", "0")


def test_nothing_jumps_when_the_curve_comes(tab: Tab) -> None:
    curve = tab.frame.get_by_test_id("scalar-curve").locator("path.line")
    with held(tab, re.compile("/data/plugin/scalars/")):
        tab.visit()
        expect(tab.slider).to_be_visible()
        before = tab.slider.bounding_box()
        expect(curve).not_to_have_attribute("d", re.compile("^M"))
    expect(curve).to_have_attribute("d", re.compile("^M"))
    assert tab.slider.bounding_box() == before


def test_a_live_run_is_followed_until_the_user_goes_elsewhere(page: Page, tmp_path: Path) -> None:
    writer = write_run(tmp_path / "run", (0, 100))
    with serving("--load_fast=false", f"--logdir={tmp_path}") as address:
        tab = Tab(page, address).open()
        expect(tab.slider).to_have_attribute("aria-valuenow", "100")
        write_checkpoint(writer, 200)
        expect(tab.slider).to_have_attribute("aria-valuenow", "200")
        following = tab.frame.get_by_text("following", exact=True)
        follow = tab.frame.get_by_role("button", name="Follow")
        expect(following).to_be_visible()
        tab.press_on_slider("ArrowLeft")
        expect(following).to_be_hidden()
        expect(follow).to_be_visible()
        tab.frame.get_by_role("application", name="Matrix of heads").press("End")  # wherever the focus is
        expect(tab.slider).to_have_attribute("aria-valuenow", "200")
        expect(following).to_be_visible()
        tab.press_on_slider("Home")
        follow.click()
        expect(tab.slider).to_have_attribute("aria-valuenow", "200")
        write_checkpoint(writer, 300)
        expect(tab.slider).to_have_attribute("aria-valuenow", "300")
        assert tab.complaints == []
