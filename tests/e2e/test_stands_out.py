"""What stands out, above the matrix: nothing of it is ever cut, in any window."""

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from tb_attnviz.alerts import MAX_LOGIT, Watch
from tb_attnviz.events import RunWriter
from tests.conftest import LAYERS, PROBE, write_checkpoint
from tests.e2e.conftest import Tab, held

WIDTHS = [700, 900, 1280, 1680]
KINDS = ["Fixed distance or induction", "Previous token", "Itself", "First token", "Next token"]
ALERT = "L1 H1 unhealthy since step 100: largest logit 132, above 100"


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a head of each of five kinds; at its last two steps an alert stands as well."""
    directory = tmp_path_factory.mktemp("stands_out")
    writer, watch = RunWriter(str(directory / "run")), Watch([MAX_LOGIT])
    writer.write_probe(PROBE, step=0)
    for step in (0, 100, 200):
        write_checkpoint(writer, step)
        figures = {name: np.zeros(10, np.float32) for name in ("induction", "previous", "self", "sink", "next")}
        for head, figure in enumerate(figures.values()):
            figure[head] = 0.9
        figures["self"][1] = 0.9  # of two kinds
        figures["sink"][8] = 0.9 if step < 200 else 0
        figures["next"][9] = 0.9 if step < 100 else 0
        figures["duplicate"] = np.where(np.arange(10) == 6, 0.9 if step > 0 else 0, 0).astype(np.float32)
        max_logit = np.full(10, 7, np.float32)
        max_logit[5] = 132 if step > 0 else 7  # 4 heads of layer 0 before it
        writer.write_health(step, {**figures, "max_logit": max_logit})
        writer.write_alerts(watch.look(step, LAYERS, {"max_logit": max_logit}))
    writer.close()
    return directory


def line(tab: Tab) -> Locator:
    return tab.frame.get_by_role("group", name="What stands out at this step")


def expect_whole(within: Locator) -> None:
    """All that one sees of a line lies within it, and no text is longer than its place."""
    box = within.bounding_box()
    assert box
    for control in within.get_by_role("button").all():
        found = control.bounding_box()
        assert found
        assert found["x"] >= box["x"]
        assert found["x"] + found["width"] <= box["x"] + box["width"] + 0.5
        assert found["y"] >= box["y"] - 0.5
        assert found["y"] + found["height"] <= box["y"] + box["height"] + 0.5
        assert control.evaluate(
            "all => all.scrollWidth <= all.clientWidth + 1 && all.scrollHeight <= all.clientHeight + 1"
        )


def test_kinds_that_do_not_fit_are_behind_a_button_that_opens_all(tab: Tab) -> None:
    tab.open(step=0)
    every = line(tab).get_by_role("button", name="All that stands out")
    told = tab.frame.get_by_role("dialog", name="All that stands out")
    for width in WIDTHS:
        tab.resize(width, 720)
        expect(every).to_have_text("All kinds")
        expect_whole(line(tab))
        assert line(tab).bounding_box()["height"] == 34  # type: ignore[index]
        expect(line(tab)).to_contain_text("L0 H0 from the start")  # since when, without a click
        shown = [kind for kind in KINDS if line(tab).get_by_text(kind, exact=True).is_visible()]
        assert shown
        assert len(shown) == len(KINDS) or width < 1680
        every.click()
        for number in range(len(KINDS)):
            expect(told.get_by_role("button", name=f"Open L{number // 4} H{number % 4},").first).to_be_visible()
        expect(told.get_by_role("heading", name="2 heads attending to the token itself")).to_be_visible()
        second = told.get_by_role("listitem").filter(has_text="also previous token")
        expect(second).to_have_text(re.compile("L0 H1 90 % from the start · also previous token"))
        tab.page.keyboard.press("Escape")
        expect(told).to_be_hidden()


def test_the_reason_of_an_alert_is_read_whole(tab: Tab) -> None:
    tab.open()
    said = line(tab).get_by_role("status")
    for width in WIDTHS:
        tab.resize(width, 720)
        expect(said).to_have_text(ALERT)
        expect(said.get_by_role("button")).to_be_in_viewport(ratio=1)
        expect_whole(line(tab))


def test_alerts_open_the_list_of_alerts_and_all_events_are_a_click_away(tab: Tab) -> None:
    tab.open()
    tab.frame.get_by_role("button", name="Events, 1 alert").click()
    events = tab.frame.get_by_role("dialog", name="Events, 1 alert")
    expect(events.get_by_role("listitem")).to_have_count(1)
    expect(events.get_by_role("listitem")).to_contain_text("largest logit 132, above 100")
    events.get_by_role("button", name=re.compile(r"^All \d+ events$")).click()
    expect(events.get_by_role("img", name="formed").first).to_be_visible()
    expect(events.get_by_role("img", name="alert")).to_have_count(1)


def test_names_of_the_next_step_are_there_before_it_is_shown(tab: Tab) -> None:
    with tab.page.expect_response(re.compile(r"/findings\?.*step=0\b")):  # the one before, as it may come next
        tab.open(step=100)
    with held(tab, re.compile("/findings")):
        tab.slider.press("Home")
        expect(line(tab).get_by_role("button", name="Open L0 H1, previous token")).to_be_visible()


def test_names_that_are_on_their_way_are_said_to_be(tab: Tab) -> None:
    with held(tab, re.compile("/findings")):
        tab.visit("&p.attnviz.step=0")
        expect(line(tab).get_by_text("Naming heads…")).to_be_visible()
    expect(line(tab).get_by_text("Naming heads…")).to_have_count(0)
    expect(line(tab).get_by_role("button", name="Open L0 H1, previous token")).to_be_visible()


def test_alerts_are_counted_once_all_of_them_are_known(tab: Tab) -> None:
    with held(tab, re.compile("/findings")):
        tab.visit("&p.attnviz.step=100")
        button = tab.frame.get_by_role("button", name="Events, not all known yet")
        expect(button).to_have_text("▲ alerts…")
        expect(line(tab).get_by_text("unhealthy")).to_have_count(0)  # all of it comes at once
        before = tab.matrix.bounding_box()
        button.click()
        events = tab.frame.get_by_role("dialog", name="Events")
        expect(events).to_contain_text("The heads are still being looked at: more may come.")
        expect(events.get_by_role("listitem")).to_contain_text("largest logit 132, above 100")
    expect(tab.frame.get_by_role("button", name="Events, 1 alert")).to_have_text("▲ 1 alert")
    expect(line(tab).get_by_role("status")).to_contain_text("L1 H1 unhealthy since step 100")
    tab.ready()
    assert before == tab.matrix.bounding_box()


def test_a_head_of_two_kinds_has_both_in_its_cell_and_in_its_sentence(tab: Tab) -> None:
    tab.open(step=100)
    captions = tab.frame.locator(".captions")
    expect(captions.get_by_text("previous token · itself", exact=True)).to_be_visible()
    tab.resize(700, 720)
    expect(captions.get_by_text("previous, 1 more", exact=True)).to_be_visible()
    tab.click_cell(0, 1)
    said = "L0 H1 (previous token) attends to the token before, 90 % in all texts, and attends to the token itself, "
    expect(tab.head_view).to_contain_text(said)


def test_a_head_of_which_an_alert_stands_says_so_first_and_its_chart_is_marked(tab: Tab) -> None:
    tab.open(step=200)
    expect(tab.frame.locator(".captions .wrong").get_by_text("unhealthy").first).to_be_visible()
    tab.click_cell(1, 1)
    expect(tab.head_view).to_contain_text("L1 H1 is unhealthy since step 100: largest logit 132, above 100.")
    expect(tab.frame.get_by_role("tooltip")).to_have_count(0)  # other heads lie under the pointer now
    marked = tab.head_view.locator("figure.alerted")
    expect(marked).to_have_text([re.compile(r"^\s*Max logit")])
    expect(marked).to_have_attribute("title", re.compile("Red: unhealthy since step 100."))
    tab.press_on_slider("Home")
    expect(marked).to_have_count(0)
    expect(tab.head_view).to_contain_text("L1 H1 does nothing that has a name.")


def test_a_kind_that_was_lost_is_told_and_leads_to_where_it_was_lost(tab: Tab) -> None:
    tab.open(step=100)
    lost = line(tab).get_by_role("button", name="Open L1 H4, no longer first token since step 200")
    expect(lost).to_have_count(0)
    tab.press_on_slider("End")
    tab.resize(1680, 720)
    expect(lost).to_have_text("L1 H4 first token")
    expect(line(tab)).to_contain_text("since step 200 and others")
    last = line(tab).get_by_role("button", name=re.compile("^Open L")).last  # behind what stands, and a line
    assert last.get_attribute("aria-label") == lost.get_attribute("aria-label")
    assert lost.evaluate("lost => getComputedStyle(lost.closest('.kind')).borderLeftWidth") == "1px"
    lost.click()
    expect(tab.head_view).to_contain_text("L1 H4 does nothing that has a name; no longer first token since step 200.")
    line(tab).get_by_role("button", name="All that stands out").click()
    told = tab.frame.get_by_role("dialog", name="All that stands out")
    expect(told).to_contain_text("No longer what they were")
    expect(told.get_by_role("listitem").filter(has_text="L1 H4 no longer first token since step 200")).to_have_count(1)
    told.get_by_role("button", name="Open L1 H5, no longer next token").click()  # what is clicked is told on
    went = line(tab).get_by_role("button", name="Open L1 H5, no longer next token since step 100")
    expect(went).to_have_text("L1 H5 next token")
    expect(line(tab).get_by_text("moved to step 100", exact=True)).to_be_visible()
    tab.expect_address(step=100, layer=1, head=5)
    tab.press_on_slider("End")
    expect(went).to_have_count(0)
    expect(line(tab).get_by_text("and others", exact=True)).to_be_visible()
