"""What opens from a button: in real Chromium, which places it (CSS anchor positioning) and closes it (Popover API)."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Tab

PANELS = {
    "Clusteredness of hits",
    "Compare",
    "Filter tokens",
    "Help",
    "Legend of query / key",
    "Borders and curves of the cells",
    "Settings of Biplot",
    "Export",
}
# Where a button and its open panel are, the window, and how many panels are open at once.
PLACES = """button => {
  const box = (e) => (({ left, top, right, bottom }) => ({ left, top, right, bottom }))(e.getBoundingClientRect());
  return { button: box(button), panel: box(button.popoverTargetElement), width: innerWidth, height: innerHeight,
    name: button.popoverTargetElement.ariaLabel, open: document.querySelectorAll('.panel:popover-open').length };
}"""


@pytest.mark.parametrize(("width", "height"), [pytest.param(1280, 720, marks=pytest.mark.full), (640, 320)])
def test_every_panel_stands_by_its_button_and_gives_the_focus_back(
    tab: Tab, page: Page, width: int, height: int
) -> None:
    tab.open(find="/e/")
    expect(tab.frame.get_by_role("button", name="Most clustered: L")).to_be_visible()
    page.set_viewport_size({"width": width, "height": height})
    tab.ready()
    buttons = tab.frame.locator("button[popovertarget]:visible")
    found = set()
    for i in range(buttons.count()):
        button = buttons.nth(i)
        button.focus()
        page.keyboard.press("Enter")
        expect(button).to_have_attribute("aria-expanded", "true")
        seen: dict[str, Any] = button.evaluate(PLACES)
        found.add(seen["name"])
        at, panel = seen["button"], seen["panel"]
        assert seen["open"] == 1, seen
        assert panel["top"] == pytest.approx(at["bottom"] + 4, abs=1), seen
        assert 0 <= panel["left"] < panel["right"] <= seen["width"] + 0.5, seen
        assert panel["bottom"] <= seen["height"] + 0.5, seen
        aligned = abs(panel["left"] - at["left"]) < 1 or abs(panel["right"] - at["right"]) < 1
        pushed = panel["left"] < 1 or panel["right"] > seen["width"] - 1
        assert aligned or pushed, seen
        page.keyboard.press("Tab")  # into the panel, where it has anything to press
        page.keyboard.press("Escape")
        expect(button).to_have_attribute("aria-expanded", "false")
        expect(button).to_be_focused()
    assert found == PANELS


def test_a_panel_without_controls_gives_the_focus_back_too(tab: Tab, page: Page) -> None:
    tab.open(layer=0, head=1)
    trust = tab.head_view.get_by_role("group", name="How far this picture can be believed").get_by_role("button")
    trust.press("Enter")
    panel = tab.frame.get_by_role("dialog", name="How far this picture can be believed")
    expect(panel).to_have_attribute("tabindex", "0")  # set just after it has opened
    page.keyboard.press("Tab")
    expect(panel).to_be_focused()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(trust).to_be_focused()


def test_a_panel_opens_where_there_is_room_for_all_of_it(tab: Tab, page: Page) -> None:
    page.set_viewport_size({"width": 640, "height": 320})
    tab.open(layer=0, head=1, cells="attention")
    button = tab.frame.get_by_role("button", name="Settings of Biplot")
    button.press("Enter")
    panel = tab.frame.get_by_role("dialog", name="Settings of Biplot")
    expect(panel).to_be_visible()
    assert panel.evaluate("panel => panel.scrollHeight <= panel.clientHeight + 1")
