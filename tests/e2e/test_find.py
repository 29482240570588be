"""Finding tokens, seen: a search lit in every head, heads by how clustered it is, boxes, lists, filters, links."""

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Route, expect

from tb_attnviz.events import Layer, ProbeRecord, RunWriter, Samples, Sequence
from tests.conftest import wait_until
from tests.e2e.conftest import Tab, like

LAYER = Layer("blocks.0.attention", 3, 3, 8, 8**-0.5, causal=True)
WORDS = ("the", "cat", "sat", "on", "the", "mat", "mic", "micro", "1905", "05")
PROBE = ProbeRecord(tuple(Sequence(WORDS) for _ in range(12)))
CLUSTERED = 1
FIRST_HUE = (213, 94, 0)
SECOND_HUE = (0, 114, 178)


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two random heads, and between them one in which a word's queries and keys lie together, away from the rest."""
    directory = tmp_path_factory.mktemp("find") / "run"
    writer = RunWriter(str(directory))
    writer.write_probe(PROBE, step=0)
    rng = np.random.default_rng(0)
    size = (LAYER.heads, PROBE.tokens, LAYER.head_dim)
    queries, keys = (rng.normal(size=size).astype(np.float32) for _ in range(2))
    for word, direction in zip(sorted(set(WORDS)), np.linspace(0, 2 * np.pi, 10)[:-1], strict=True):
        tokens = [i for i in range(PROBE.tokens) if WORDS[i % len(WORDS)] == word]
        for vectors in (queries, keys):
            vectors[CLUSTERED, tokens] *= 0.05
            vectors[CLUSTERED, tokens, :2] += 3 * np.array([np.cos(direction), np.sin(direction)], np.float32)
    for step in (0, 100):
        writer.write_checkpoint(step, [(LAYER, Samples(queries, keys))])
    writer.close()
    return directory.parent


def box_of(tab: Tab) -> Locator:
    return tab.frame.get_by_role("combobox", name="Find tokens")


def found(tab: Tab) -> Locator:
    return tab.frame.get_by_role("group", name="Found tokens")


def marked(tab: Tab) -> Locator:
    return tab.head_view.get_by_role("group", name="Marked points")


def cell_pixels(tab: Tab, colour: tuple[int, int, int]) -> list[int]:
    """How many pixels of each head's cell have nearly this colour."""
    pixels = like(tab.pixels(tab.matrix), colour, tolerance=30)
    cells = [tab.cell(0, head) for head in range(LAYER.heads)]
    side = int(cells[1][0] - cells[0][0]) // 2 - 8
    return [int(pixels[int(y) - side : int(y) + side, int(x) - side : int(x) + side].sum()) for x, y in cells]


def drag(tab: Tab, start: tuple[float, float], end: tuple[float, float], *, key: str | None = None) -> None:
    """Over the head view's picture, in pixels from its middle."""
    box = tab.head_view.get_by_role("application", name="Scatterplot").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    if key:
        tab.page.keyboard.down(key)
    tab.page.mouse.move(x + start[0], y + start[1])
    tab.page.mouse.down()
    tab.page.mouse.move(x + end[0], y + end[1], steps=4)
    tab.page.mouse.up()
    if key:
        tab.page.keyboard.up(key)


def marked_points(tab: Tab) -> set[int]:
    """The marked points as the address says them."""
    points: set[int] = set()
    for part in tab.hash().get("marked", "").split("."):
        first, _, last = part.partition("-")
        if first:
            points |= set(range(int(first), int(last or first) + 1))
    return points


def test_a_search_is_typed_suggested_counted_and_lit_in_every_head(tab: Tab) -> None:
    tab.open()
    assert cell_pixels(tab, FIRST_HUE) == [0, 0, 0]
    tab.frame.get_by_role("application", name="Matrix of heads").focus()
    tab.page.keyboard.press("/")
    expect(box_of(tab)).to_be_focused()
    frequent = tab.frame.get_by_role("listbox", name="Frequent tokens")
    expect(frequent.get_by_role("option").first).to_have_accessible_name("the 24")
    tab.page.keyboard.type("mi")
    expect(frequent.get_by_role("option")).to_have_count(2)
    for key in ("ArrowDown", "ArrowDown"):
        tab.page.keyboard.press(key)
    expect(frequent.get_by_role("option", name="micro 12")).to_have_attribute("aria-selected", "true")
    tab.page.keyboard.press("Enter")
    expect(box_of(tab)).to_have_value("micro ")
    expect(found(tab).get_by_text("12 tokens in 12 sequences")).to_be_visible()
    tab.page.keyboard.type("/^[0-9]+$/")
    expect(found(tab).get_by_text("36 tokens in 12 sequences")).to_be_visible()
    tab.ready()
    assert min(cell_pixels(tab, FIRST_HUE)) > 0
    assert min(cell_pixels(tab, SECOND_HUE)) > 0
    found(tab).get_by_role("button", name="Remove micro", exact=True).click()
    expect(box_of(tab)).to_have_value("/^[0-9]+$/")
    tab.ready()
    assert max(cell_pixels(tab, SECOND_HUE)) == 0  # the only term has the first hue

    tab.frame.get_by_role("button", name="Find tokens").click()
    box_of(tab).fill("cat /(/")
    expect(found(tab).get_by_role("alert")).to_have_text("/(/ is no regular expression: Unterminated group.")
    expect(found(tab).get_by_text("12 tokens in 12 sequences")).to_be_visible()
    for key in ("Escape", "Escape"):
        box_of(tab).press(key)
    expect(box_of(tab)).to_have_value("")
    expect(found(tab)).to_be_hidden()


def test_the_head_that_groups_by_meaning_is_the_most_clustered_one(tab: Tab) -> None:
    tab.open(find="the cat")
    found(tab).get_by_role("button", name=f"Most clustered: L0 H{CLUSTERED}").click()
    heads = tab.frame.get_by_role("dialog", name="Clusteredness of hits").get_by_role("listitem").get_by_role("button")
    expect(heads).to_have_count(LAYER.heads)
    labels = [(head.get_attribute("aria-label") or "").split(": ") for head in heads.all()]
    values = {name: float(value) for name, value in labels}
    assert values.pop(f"L0 H{CLUSTERED}") > 0.95
    assert all(abs(value - 0.5) < 0.1 for value in values.values())
    heads.first.click()
    expect(tab.head_view.get_by_role("heading", name=f"Layer 0 · Head {CLUSTERED}")).to_be_visible()


def test_boxes_mark_add_and_remove_and_the_bar_stays_in_a_narrow_view(tab: Tab) -> None:
    tab.open(layer=0, head=0)
    tab.head_view.get_by_role("application", name="Scatterplot").focus()
    tab.page.keyboard.press("b")
    expect(marked(tab).get_by_role("button", name="Box")).to_have_attribute("aria-pressed", "true")
    box = tab.head_view.get_by_role("application", name="Scatterplot").bounding_box()
    assert box
    edge, top, bottom = box["width"] / 2 - 8, 8 - box["height"] / 2, box["height"] / 2 - 8
    drag(tab, (-edge, top), (0, bottom))
    everything = set(range(2 * PROBE.tokens))
    wait_until(lambda: marked_points(tab), seconds=60)
    left = marked_points(tab)
    assert left < everything
    drag(tab, (0, top), (edge, bottom), key="Shift")
    wait_until(lambda: marked_points(tab) == everything, seconds=60)
    drag(tab, (-edge, top), (0, bottom), key="Alt")
    wait_until(lambda: marked_points(tab) == everything - left, seconds=60)

    tab.page.set_viewport_size({"width": 660, "height": 720})
    wait_until(lambda: (tab.head_view.bounding_box() or {"width": np.inf})["width"] <= 360, seconds=60)
    room = tab.ready().head_view.bounding_box()
    assert room
    for control in [marked(tab), *marked(tab).get_by_role("button").all()]:
        box = control.bounding_box()
        assert box
        assert room["x"] <= box["x"]
        assert box["x"] + box["width"] <= room["x"] + room["width"]


def test_the_list_shows_hits_in_their_sequences_and_opens_them(tab: Tab) -> None:
    tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.open(find="micro")
    found(tab).get_by_role("button", name="List").click()
    lines = tab.frame.get_by_role("listbox", name="Found tokens")
    expect(lines.get_by_role("option").first).to_have_accessible_name(
        "micro, query, key, sequence 0, position 7: the cat sat on the mat mic micro 1905 05"
    )
    tab.frame.get_by_role("button", name="Copy").click()
    expect(tab.frame.get_by_role("button", name="Copied")).to_be_visible()
    table = [line.split("\t") for line in tab.page.evaluate("navigator.clipboard.readText()").splitlines()]
    assert table[0] == ["sequence", "position", "kind", "token", "before", "after"]
    assert table[3] == ["2", "7", "query, key", "micro", "the cat sat on the mat mic", "1905 05"]
    assert len(table) == 13
    lines.focus()
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        tab.page.keyboard.press(key)
    expect(tab.sentence_view.get_by_role("button", name="query 7: micro", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    sequence = tab.sentence_view.get_by_role("spinbutton", name="Sequence")
    expect(sequence).to_have_value("2")
    last = sequence.get_attribute("max")
    for _ in range(2):  # the second time the last one is shown already
        sequence.fill("99")
        sequence.press("Enter")
        expect(sequence).to_have_value(str(last))


def test_thousands_of_lines_are_drawn_as_they_are_scrolled_to(tab: Tab) -> None:
    tab.open(find="/./")
    found(tab).get_by_role("button", name="List").click()
    lines = tab.frame.get_by_role("listbox", name="Found tokens")
    lines.press("End")
    last = lines.get_by_role("option", name=f"sequence {len(PROBE.sequences) - 1}, position 9")
    expect(last).to_be_visible()
    expect(last).to_have_attribute("aria-setsize", str(PROBE.tokens))
    assert lines.get_by_role("option").count() < PROBE.tokens / 2


def test_filters_take_points_away_and_come_back_by_their_link(tab: Tab) -> None:
    def labelled(route: Route) -> None:
        document = route.fetch().json()
        for sequence in document["sequences"]:
            sequence["labels"] = {
                "kind": ["number" if token.isdigit() else "word" for token in sequence["tokens"]],
                "length": [len(token) for token in sequence["tokens"]],
            }
        route.fulfill(json=document)

    tab.page.route("**/attnviz/probe**", labelled)
    tab.open(find="/./", layer=0, head=0)
    everything = cell_pixels(tab, FIRST_HUE)
    tab.frame.get_by_role("button", name="Filter tokens").click()
    panel = tab.frame.get_by_role("dialog", name="Filter tokens")
    panel.get_by_role("textbox", name="Sequences").fill("all")
    panel.get_by_role("textbox", name="Sequences").press("Enter")
    expect(panel.get_by_role("alert")).to_have_text("Numbers from 0 to 11, such as 0-11, 15.")
    panel.get_by_role("textbox", name="Sequences").fill("0-2, 5")
    panel.get_by_role("textbox", name="Sequences").press("Enter")
    expect(panel.get_by_text("40 of 120 tokens")).to_be_visible()
    panel.get_by_role("checkbox", name="number").check()
    expect(panel.get_by_text("8 of 120 tokens")).to_be_visible()
    length = panel.get_by_role("group", name="length").get_by_role("textbox", name="From")
    length.fill("3")
    length.press("Enter")
    expect(panel.get_by_text("4 of 120 tokens")).to_be_visible()
    tab.page.keyboard.press("Escape")
    tab.ready()
    few = cell_pixels(tab, FIRST_HUE)
    assert all(0 < less < 0.6 * more for less, more in zip(few, everything, strict=True))

    tab.expect_address(only="0-2.5")
    tab.page.reload()
    tab.ready()
    assert cell_pixels(tab, FIRST_HUE) == few
    expect(found(tab).get_by_text("4 tokens in 4 sequences")).to_be_visible()
    for only in ("sequences 0-2, 5", "kind number", "length 3 to 5"):
        found(tab).get_by_role("button", name=f"Show all again, not only {only}").click()
    expect(found(tab).get_by_text("120 tokens in 12 sequences")).to_be_visible()
    tab.ready()
    assert cell_pixels(tab, FIRST_HUE) == everything
