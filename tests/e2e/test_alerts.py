"""Alerts, seen: a mark on the step, its sentence, and the way from it to the head."""

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tb_attnviz.alerts import MAX_LOGIT, NON_FINITE, Watch
from tb_attnviz.events import RunWriter
from tests.conftest import LAYERS, PROBE, make_samples, write_checkpoint
from tests.e2e.conftest import Tab

TEXT, RED = "rgb(33, 33, 33)", "rgb(179, 38, 30)"
SENTENCE = "max_logit of layer 1 (blocks.1.attention) head 4 on the probe is 132, over 100"


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose head L1H4 breaks a rule at step 200 of 300, and whose head L0H0 does between steps 0 and 100."""
    directory = tmp_path_factory.mktemp("alerts")
    writer, watch = RunWriter(str(directory / "run")), Watch([MAX_LOGIT, NON_FINITE])
    writer.write_probe(PROBE, step=0)
    for step in range(0, 350, 50):
        if step % 100 == 0:
            write_checkpoint(writer, step)
        max_logit = np.full(10, 7, np.float32)
        max_logit[8] = 132 if step == 200 else 7  # 4 heads of layer 0 before it
        max_logit[0] = 101 if step == 50 else 7
        writer.write_health(step, {"max_logit": max_logit})
        writer.write_alerts(watch.look(step, LAYERS, {"max_logit": max_logit}))
    writer.close()
    begun_again(directory / "run_in_two_parts")
    alert_after_alert(directory / "run_of_alerts")
    norm_leaps(directory / "run_with_an_anomaly")
    return directory


def norm_leaps(directory: Path) -> None:
    """No rule is broken; the norm of the keys of L0 H2 is four times its own past from step 1,200 on."""
    writer = RunWriter(str(directory))
    writer.write_probe(PROBE, step=0)
    norms = np.random.default_rng(0).normal(3, 0.05, (14, 10)).astype(np.float32)
    norms[12:, 2] *= 4
    for step, of_heads in enumerate(norms):
        if step in (0, 12, 13):
            write_checkpoint(writer, 100 * step)
        writer.write_health(100 * step, {"key_norm": of_heads})
    writer.close()


def alert_after_alert(directory: Path) -> None:
    """From step to step another head breaks a rule, and none keeps it again."""
    writer, watch = RunWriter(str(directory)), Watch([MAX_LOGIT])
    writer.write_probe(PROBE, step=0)
    for step in range(0, 400, 100):
        write_checkpoint(writer, step)
        max_logit = np.full(10, 7, np.float32)
        max_logit[1 : 2 + step // 100] = 812
        writer.write_health(step, {"max_logit": max_logit})
        writer.write_alerts(watch.look(step, LAYERS, {"max_logit": max_logit}))
    writer.close()


def begun_again(directory: Path) -> None:
    """A run that goes on at step 200 with other layers."""
    for start, layers in ((0, LAYERS[:1]), (200, LAYERS)):
        writer = RunWriter(str(directory))
        writer.begin(start, PROBE, layers)
        writer.write_checkpoint(start, [(layer, make_samples(layer, seed=0)) for layer in layers])
        if layers == LAYERS:
            write_checkpoint(writer, 300)
        writer.close()


def test_a_mark_stands_above_its_step_says_what_happened_and_leads_there(tab: Tab) -> None:
    tab.open()
    marks = tab.frame.get_by_role("group", name="Alerts").get_by_role("button")
    expect(marks).to_have_count(2)  # what was cleared has none
    mark = tab.frame.get_by_role("button", name="Alert at step 200: max logit", exact=True)
    slider, place = tab.slider.bounding_box(), mark.bounding_box()
    assert slider
    assert place
    assert place["y"] < slider["y"]
    share = (place["x"] + place["width"] / 2 - slider["x"] - 9) / (slider["width"] - 18)
    assert share == pytest.approx(2 / 3, abs=0.005)
    mark.hover()
    expect(tab.frame.get_by_role("tooltip")).to_contain_text(SENTENCE)
    at = lambda step: slider["x"] + 9 + step / 300 * (slider["width"] - 18)  # noqa: E731
    tab.page.mouse.move(at(250), slider["y"] + 20)
    told = tab.frame.get_by_role("tooltip")
    expect(told).to_have_text(re.compile(r"^\s*step 250 △ L1 H4: largest logit 7.00, no longer above 100\s*$"))
    tab.page.mouse.move(at(230), slider["y"] + 20)
    expect(told).to_have_count(0)
    # by the keyboard, too
    tab.slider.focus()
    tab.slider.press("Tab")
    tab.page.keyboard.press("Tab")
    expect(mark).to_be_focused()
    expect(mark).to_have_accessible_description(f"{SENTENCE}: {MAX_LOGIT.meaning} (step 200)")
    tab.page.keyboard.press("Enter")
    expect(tab.head_view.get_by_role("heading", name="Layer 1 · Head 4")).to_be_visible()
    # one between two checkpoints goes to the nearest
    tab.frame.get_by_role("button", name="Alert at step 50").click()
    expect(tab.head_view.get_by_role("heading", name="Layer 0 · Head 0")).to_be_visible()
    expect(tab.slider).to_have_attribute("aria-valuenow", re.compile("^(0|100)$"))


def test_a_click_goes_to_the_step_and_opens_the_head(tab: Tab) -> None:
    tab.open().frame.get_by_role("button", name="Alert at step 200").click()
    expect(tab.slider).to_have_attribute("aria-valuenow", "200")
    expect(tab.head_view.get_by_role("heading", name="Layer 1 · Head 4")).to_be_visible()
    # The page says in words what it is about, as long as it stands.
    said = tab.frame.get_by_role("group", name="What stands out at this step").get_by_role("status")
    expect(said).to_have_text("L1 H4 unhealthy since step 200: largest logit 132, above 100")
    # Its figure over the steps is the first of the charts.
    chart = tab.head_view.get_by_role("group", name="Health over steps").get_by_role("figure").first
    expect(chart).to_contain_text("Max logit")
    expect(chart).to_have_attribute("aria-current", "true")
    expect(chart).to_be_in_viewport(ratio=0.5)
    tab.head_view.get_by_role("button", name="Previous head").click()
    said.get_by_role("button").click()
    tab.frame.get_by_role("button", name="Open L1 H4 at step 200").click()
    expect(tab.head_view.get_by_role("heading", name="Layer 1 · Head 4")).to_be_visible()
    tab.press_on_slider("End")
    expect(said).to_have_count(0)


def test_an_alert_opens_its_figure_the_step_before_and_the_heads_beside_it(tab: Tab) -> None:
    tab.open(step=200)
    said = tab.frame.get_by_role("group", name="What stands out at this step").get_by_role("status")
    said.get_by_role("button").click()
    told = tab.frame.get_by_role("dialog", name="L1 H4 unhealthy since step 200: largest logit 132")
    expect(told).to_contain_text(SENTENCE)
    expect(told.get_by_role("img", name=re.compile("^Max logit over steps"))).to_be_visible()
    expect(told).to_contain_text(re.compile(r"L1 H4 at step 200: 132\s*; at step 150, before it: 7"))
    beside = told.get_by_role("list", name="Heads of its layer").get_by_role("listitem")
    expect(beside).to_have_count(6)
    expect(beside.nth(4)).to_have_attribute("title", "L1 H4: largest logit 7.00 → 132")
    bars = [[bar.bounding_box()["height"] for bar in one.locator("i").all()] for one in beside.all()]  # type: ignore[index]
    assert [[height > 30 for height in of] for of in bars] == [[False, False]] * 4 + [[False, True], [False, False]]
    expect(tab.slider).to_have_attribute("aria-valuenow", "200")  # nothing has moved
    expect(tab.head_view).to_have_count(0)
    told.get_by_role("button", name="Step 100, before it").click()
    expect(tab.slider).to_have_attribute("aria-valuenow", "100")
    expect(tab.head_view.get_by_role("heading", name="Layer 1 · Head 4")).to_be_visible()
    expect(tab.head_view.get_by_role("figure").first).to_contain_text("Max logit")


def test_heads_that_broke_the_same_rule_are_told_in_one_line_and_opened_one_by_one(tab: Tab) -> None:
    tab.open(run="run_of_alerts", step=300)
    said = (
        tab.frame.get_by_role("group", name="What stands out at this step").get_by_role("status").get_by_role("button")
    )
    expect(said).to_have_text(
        ["L1 H0, L0 H3, L0 H2 and 1 more unhealthy since steps 0 to 300; L1 H0: largest logit 812, above 100"]
    )
    said.click()  # each has its own figure and neighbours
    told = tab.frame.get_by_role("dialog", name="L1 H0, L0 H3")
    expect(told).to_contain_text("L1 H0 at step 300: 812")
    told.get_by_role("button", name="Max logit, step 100").click()
    expect(told).to_contain_text("L0 H2 at step 100: 812")
    expect(told).to_contain_text("At step 100: max_logit of layer 0")


def test_all_that_happened_is_one_list_of_links(tab: Tab) -> None:
    tab.open()
    button = tab.frame.get_by_role("button", name="Events, 2 alerts")
    events = tab.frame.get_by_role("dialog", name="Events")
    expect(button).to_have_css("color", TEXT)  # all of it is over
    button.click()
    expect(events.get_by_text("2 alerts, 2 cleared", exact=True)).to_be_visible()
    expect(events.get_by_role("listitem")).to_have_text(
        [
            re.compile(r"^\s*step 250\s*△\s*L1 H4: largest logit 7.00, no longer above 100"),
            re.compile(r"^\s*step 200\s*▲\s*L1 H4: largest logit 132, above 100"),
            re.compile(r"^\s*step 100\s*△\s*L0 H0: largest logit 7.00, no longer above 100"),
            re.compile(r"^\s*step 50\s*▲\s*L0 H0: largest logit 101, above 100"),
        ]
    )
    events.get_by_role("button", name="L1 H4: largest logit 132").click()
    expect(events).to_be_hidden()
    expect(tab.slider).to_have_attribute("aria-valuenow", "200")
    expect(button).to_have_css("color", RED)
    expect(tab.head_view.get_by_role("heading", name="Layer 1 · Head 4")).to_be_visible()
    # By keyboard: the button, its list, an event of a step without a checkpoint, which the next one shows.
    button.press("Enter")
    expect(events).to_be_visible()
    tab.page.keyboard.press("Tab")
    expect(events.get_by_role("button").first).to_be_focused()
    tab.page.keyboard.press("Enter")
    expect(events).to_be_hidden()
    expect(tab.slider).to_have_attribute("aria-valuenow", "300")


@pytest.mark.full
@pytest.mark.in_tensorboard
def test_the_time_series_tab_counts_the_alerts(tab: Tab, page: Page) -> None:
    tab.open()
    page.get_by_role("tab", name="Time Series").click()
    expect(page.get_by_text("attnviz/alerts").first).to_be_visible()
    page.get_by_role("tab", name="Attention").click()
    tab.ready()


def test_a_run_that_was_begun_again_is_broken_off_there(tab: Tab) -> None:
    tab.open(run="run_in_two_parts")
    begun = "Begun again between steps 0 and 200 with another model (1 → 2 layers)"
    told = tab.frame.locator("p span").filter(has_text="Another model (1 → 2 layers)")
    expect(told).to_be_in_viewport(ratio=1)
    hatch = tab.frame.locator("svg.break")
    expect(hatch.locator("title")).to_have_text(begun)
    hatch.hover()  # nothing lies over it
    expect(told).to_have_attribute("title", re.compile(f"^{re.escape(begun)}"))
    expect(told).to_have_attribute("title", re.compile("Not shown: steps 0 to 0, .*1 layers, 4 heads"))
    tab.page.set_viewport_size({"width": 700, "height": 720})  # the sentence is cut, the way to what was before is not
    expect(tab.frame.get_by_role("button", name="Show run_in_two_parts, part 1")).to_be_in_viewport(ratio=1)
    tab.frame.get_by_role("button", name="Events").click()
    expect(tab.frame.get_by_role("dialog", name="Events").get_by_role("listitem")).to_contain_text(
        [re.compile(r"step 200\s*⇄\s*begun again between steps 0 and 200 with another model")]
    )


def test_the_earlier_part_of_a_run_is_shown_when_asked_for(tab: Tab) -> None:
    tab.open(run="run_in_two_parts")
    tab.frame.get_by_role("button", name="Show run_in_two_parts, part 1").click()
    tab.ready()
    chosen = tab.frame.get_by_role("combobox", name="Run")
    expect(chosen).to_have_value("run_in_two_parts, part 1")
    expect(tab.slider).to_have_attribute("aria-valuetext", "step 0 of 0")
    expect(tab.frame.get_by_role("button", name="Play")).to_have_count(0)  # there is nothing to play
    expect(tab.frame.locator(".columns").get_by_text("3", exact=True)).to_be_visible()
    expect(tab.frame.locator(".columns").get_by_text("4", exact=True)).to_have_count(0)
    tab.expect_address(run="run_in_two_parts%2C%20part%201")
    tab.page.reload()
    tab.ready()
    expect(chosen).to_have_value("run_in_two_parts, part 1")
    tab.frame.get_by_role("button", name="Show run_in_two_parts").click()
    tab.ready()
    expect(chosen).to_have_value("run_in_two_parts")
    assert tab.complaints == []


def test_a_head_that_leaves_its_past_and_the_others_is_told_and_all_is_not_said_to_be_well(tab: Tab) -> None:
    tab.open(run="run_with_an_anomaly")
    button = tab.frame.get_by_role("button", name="Events, 1 alert")
    expect(button).to_have_text("▲ 1 alert")
    expect(tab.frame.get_by_text("No alerts")).to_have_count(0)
    mark = tab.frame.get_by_role("group", name="Alerts").get_by_role("button")
    expect(mark).to_have_accessible_name("Alert at step 1,200: unusual head")
    said = tab.frame.get_by_role("group", name="What stands out at this step").get_by_role("status")
    expect(said).to_have_text(
        re.compile(r"^\s*L0 H2 unhealthy since step 1,200: key norm [\d.]+, about [\d.]+ before\s*$")
    )
    button.click()
    told = tab.frame.get_by_role("dialog", name="Events, 1 alert").get_by_role("button").filter(has_text="key norm")
    expect(told).to_contain_text("1,200")
    told.click()
    tab.expect_address(step=1200, layer=0, head=2)
