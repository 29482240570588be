"""What is shown belongs to what the heading says: while numbers are on their way, and under a resting pointer."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import FloatRect, Locator, expect

import tb_attnviz
from tests.conftest import wait_until
from tests.e2e.conftest import Tab, held

ATTENTION = re.compile(r"/attnviz/attention\?")


def told(tab: Tab) -> list[str]:
    """The tokens that are said to have a weight."""
    buttons = tab.sentence_view.get_by_role("button")
    labels = buttons.evaluate_all("all => all.map(button => button.getAttribute('aria-label') ?? '')")
    return [label for label in labels if re.match(r"(query|key) \d.*%$", label)]


def percent(logdir: Path, step: int, layer: int, head: int, key: int) -> float:
    return float(100 * tb_attnviz.open_run(logdir / "run").attention(step, layer, head, 0)[1, key])


def lines(tab: Tab) -> Locator:
    return tab.head_view.get_by_role("img", name="Attention lines of sequence 0")


def test_a_heads_attention_never_stands_under_another_heads_name(tab: Tab, logdir: Path) -> None:
    tab.open(layer=1, head=2, sequence=0, token=1)
    tab.expect_weight("key", 2, percent(logdir, 300, 1, 2, 2))
    with held(tab, ATTENTION):
        tab.head_view.get_by_role("button", name="Previous head").click()
        expect(tab.sentence_view.get_by_role("status")).to_have_text("Attention of L1 H1 at step 300 is on its way")
        assert told(tab) == []
        expect(lines(tab)).to_have_accessible_name("Attention lines of sequence 0: 0")
    expect(tab.sentence_view.get_by_role("status")).to_have_count(0)
    tab.expect_weight("key", 2, percent(logdir, 300, 1, 1, 2))


def test_another_steps_attention_is_dimmed_and_named(tab: Tab, logdir: Path) -> None:
    tab.open(layer=1, head=2, sequence=0, token=1)
    picture = tab.sentence_view.locator(".picture")
    with held(tab, ATTENTION):
        tab.slider.focus()
        tab.slider.press("Home")
        expect(tab.sentence_view.get_by_role("status")).to_have_text("Still step 300: step 0 is on its way")
        assert told(tab) == []
        expect(picture).to_have_css("opacity", "0.4")
        expect(lines(tab)).to_have_accessible_name(re.compile("still of step 300"))
        expect(lines(tab)).to_have_css("opacity", "0.4")
    expect(picture).to_have_css("opacity", "1")
    tab.expect_weight("key", 2, percent(logdir, 0, 1, 2, 2))


def test_attention_that_failed_leaves_nothing_behind(tab: Tab) -> None:
    tab.open(layer=1, head=2, sequence=0, token=1)
    tab.page.route(ATTENTION, lambda route: route.fulfill(status=404, json={"error": "Those samples are gone."}))
    tab.head_view.get_by_role("button", name="Previous head").click()
    expect(tab.sentence_view.get_by_role("alert")).to_contain_text("Those samples are gone.")
    assert told(tab) == []
    expect(lines(tab)).to_have_accessible_name("Attention lines of sequence 0: 0")
    tab.page.unroute(ATTENTION)
    tab.head_view.get_by_role("button", name="Next head").click()
    expect(tab.sentence_view.get_by_role("alert")).to_have_count(0)
    tab.ready()
    assert told(tab)
    tab.complaints.clear()  # the answer that was made to fail


@pytest.mark.parametrize("view", ["matrix", pytest.param("head", marks=pytest.mark.full)])
def test_a_tooltip_tells_what_is_under_the_pointer_now(tab: Tab, view: str) -> None:
    tab.open(layer=1, head=2) if view == "head" else tab.open()
    name = "Matrix of heads" if view == "matrix" else "Scatterplot"
    plot = tab.frame.get_by_role("application", name=name)
    box = plot.bounding_box()
    assert box
    seen = 0
    for share in (0.35, 0.5, 0.6):
        x, y = box["x"] + share * box["width"], box["y"] + 0.55 * box["height"]
        tab.page.mouse.move(x - 3, y)
        tab.page.mouse.move(x, y)
        for _ in range(3):
            tab.page.mouse.wheel(0, -160)
            tab.ready()
            tab.settle()
            resting = tooltips(tab)
            tab.page.mouse.move(x + 0.4, y)
            tab.page.mouse.move(x, y)
            tab.settle()
            assert resting == tooltips(tab)
            seen += resting != []
        plot.press("0")
        tab.ready()
    if view == "matrix":
        assert seen > 0


def test_what_comes_with_the_pointer_covers_neither_the_cell_nor_its_value(tab: Tab) -> None:
    tab.open()
    box = tab.matrix.bounding_box()
    assert box
    for head in (0, 5):  # at the left, and at the right where there is no room behind it
        x, y = tab.cell(1, head)
        half = 0.93 * (tab.cell(1, 1)[0] - tab.cell(1, 0)[0]) / 2
        tab.page.mouse.move(box["x"] + x - 3, box["y"] + y)
        tab.page.mouse.move(box["x"] + x, box["y"] + y)
        told = tab.frame.get_by_role("tooltip").bounding_box()
        pin = tab.frame.get_by_role("button", name=f"Pin L1 H{head}").bounding_box()
        values = [value.bounding_box() for value in tab.frame.locator(".caption").get_by_text("entropy").all()]
        assert told
        assert pin
        beside = told["x"] + told["width"] <= box["x"] + x - half or told["x"] >= box["x"] + x + half
        assert beside
        assert values
        assert not any(value and overlap(value, pin) for value in values)


def overlap(a: FloatRect, b: FloatRect) -> bool:
    across = min(a["x"] + a["width"], b["x"] + b["width"]) - max(a["x"], b["x"])
    down = min(a["y"] + a["height"], b["y"] + b["height"]) - max(a["y"], b["y"])
    return across > 0 and down > 1


def test_a_tooltip_goes_when_the_heads_are_sorted_anew(tab: Tab) -> None:
    tab.open()
    x, y = tab.cell(1, 0)
    box = tab.matrix.bounding_box()
    assert box
    tab.page.mouse.move(box["x"] + x - 3, box["y"] + y)
    tab.page.mouse.move(box["x"] + x, box["y"] + y)
    wait_until(lambda: "Layer 1 · Head 0" in " ".join(tooltips(tab)), seconds=60)
    # By the keyboard, the pointer rests.
    tab.frame.get_by_role("combobox", name="Arrange heads by").focus()
    tab.frame.get_by_role("combobox", name="Arrange heads by").select_option("name")
    tab.ready()
    resting = tooltips(tab)
    tab.page.mouse.move(box["x"] + x + 0.4, box["y"] + y)
    tab.page.mouse.move(box["x"] + x, box["y"] + y)
    tab.settle()
    assert resting == tooltips(tab)


def tooltips(tab: Tab) -> list[str]:
    return tab.frame.get_by_role("tooltip").all_inner_texts()


@pytest.mark.parametrize("view", ["head", "matrix"])
def test_another_steps_points_are_dimmed_and_named(tab: Tab, view: str) -> None:
    with held(tab, re.compile(r"/attnviz/points\?(.*&)?step=0(&|$)")):
        tab.open(cells="points", **({"layer": 1, "head": 2} if view == "head" else {}))
        plot = tab.frame.get_by_role("application", name="Scatterplot" if view == "head" else "Matrix of heads")
        picture = plot.get_by_role(
            "img", name="Queries and keys of Layer 1 · Head 2" if view == "head" else "Attention heads"
        )
        late = plot.get_by_role("status").get_by_text("Still step 300: step 0 is on its way")
        dimmed = plot.locator("canvas").first
        tab.slider.focus()
        tab.slider.press("Home")
        expect(late).to_be_visible()
        expect(picture).to_have_accessible_name(re.compile("step 300"))
        expect(dimmed).to_have_css("opacity", "0.35")
    expect(late).to_have_count(0)
    expect(picture).to_have_accessible_name(re.compile("step 0"))
    expect(dimmed).to_have_css("opacity", "1")
