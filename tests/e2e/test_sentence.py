"""The sentence view, seen: lines and heat maps of a head, what is left out of them, what they are held against."""

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

import tb_attnviz
from tb_attnviz.array_types import Float32
from tb_attnviz.events import Layer, ProbeRecord, RunWriter, Samples, Sequence
from tests.conftest import wait_until
from tests.e2e.conftest import Tab

LAYER = Layer("blocks.0.attention", 3, 3, 8, 8**-0.5, causal=True, values=True)
LONG = 512
PROBE = ProbeRecord(
    (Sequence(("[CLS]", "the", "sky", "is", "blue", "[SEP]")), Sequence(tuple(f"word{i}" for i in range(LONG))))
)
STEPS = (0, 100, 200)


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three heads that drift over three steps, and a sequence of 512 tokens."""
    directory = tmp_path_factory.mktemp("sentence") / "run"
    writer = RunWriter(str(directory))
    writer.write_probe(PROBE, step=0)
    rng = np.random.default_rng(0)
    size = (LAYER.heads, PROBE.tokens, LAYER.head_dim)
    norms = rng.lognormal(size=size[:2]).astype(np.float32)
    start, end = ([rng.normal(size=size).astype(np.float32) for _ in range(2)] for _ in range(2))
    for step in STEPS:
        share = np.float32(step / STEPS[-1])
        queries, keys = (a * (1 - share) + b * share for a, b in zip(start, end, strict=True))
        writer.write_checkpoint(step, [(LAYER, Samples(3 * queries, keys, value_norms=norms))])
    writer.close()
    return directory.parent


def attention(logdir: Path, step: int, head: int, sequence: int | str) -> Float32:
    weights: Float32 = tb_attnviz.open_run(logdir / "run").attention(step, 0, head, sequence)  # type: ignore[arg-type]
    return weights


def weighted(logdir: Path, step: int, head: int) -> Float32:
    """The attention on the first sequence, weighted by the norms of its values: by hand."""
    n = len(PROBE.sequences[0].tokens)
    norms = tb_attnviz.open_run(logdir / "run").samples(step, 0).value_norms
    assert norms is not None
    fetched = attention(logdir, step, head, 0) * norms[head, :n]
    weights: Float32 = fetched / fetched.sum(axis=1, keepdims=True)
    return weights


def the_map(tab: Tab, name: str = "Heat map") -> Locator:
    return tab.sentence_view.get_by_role("application", name=name)


def hover_pair(tab: Tab, chart: Locator, query: int, key: int, *, click: bool = False) -> None:
    canvas = chart.locator("canvas")
    expect(canvas).to_have_attribute("data-cell", re.compile(r"\d"))
    box = chart.bounding_box()
    assert box
    cell, left, top = (float(canvas.get_attribute(f"data-{name}") or "nan") for name in ("cell", "left", "top"))
    x, y = box["x"] + left + (key + 0.5) * cell, box["y"] + top + (query + 0.5) * cell
    tab.page.mouse.move(x, y)
    if click:
        tab.page.mouse.click(x, y)


def test_a_sentence_opens_where_attention_is_sharpest(tab: Tab, logdir: Path) -> None:
    tab.open(layer=0, head=1, step=200)
    tab.head_view.get_by_role("button", name="Sentences").press("Enter")
    tab.ready()
    weights = attention(logdir, 200, 1, 0)[3:5, 1:5]  # of words that have a choice, to words
    best = 3 + int(weights.max(axis=1).argmax())
    tab.expect_address(sequence=0, token=best)
    expect(tab.sentence_view.get_by_role("button", name=f"query {best}:")).to_have_attribute("aria-pressed", "true")


def test_no_control_leaves_the_view(tab: Tab) -> None:
    tab.open(layer=0, head=1, sequence=0, token=1)
    for width in (1024, 1280, 1680):
        room = tab.resize(width, 900).sentence_view.bounding_box()
        assert room
        controls = tab.sentence_view.locator("button, select, input").all()
        assert len(controls) > 20  # a button a query and a key, and the tools
        for control in controls:
            box = control.bounding_box()
            if box and box["y"] < room["y"] + room["height"]:
                assert room["x"] <= box["x"]
                assert box["x"] + box["width"] <= room["x"] + room["width"] + 1, control.get_attribute("aria-label")


def test_weights_count_by_the_values_that_they_fetch(tab: Tab, logdir: Path) -> None:
    tab.open(layer=0, head=1, sequence=0, token=4)
    switch = tab.sentence_view.get_by_role("button", name="Weigh by the lengths of the values")
    before = tab.pixels(tab.sentence_view)
    with tab.more("sequence"):
        expect(switch).to_have_attribute("aria-pressed", "false")
        switch.press("Enter")
    for key in range(5):
        tab.expect_weight("key", key, 100 * weighted(logdir, 200, 1)[4, key])
    assert (tab.pixels(tab.sentence_view) != before).any(), "the lines follow"
    tab.expect_address(weight="values")
    tab.page.reload()
    tab.ready()
    with tab.more("sequence"):
        expect(switch).to_have_attribute("aria-pressed", "true")
    tab.expect_weight("key", 2, 100 * weighted(logdir, 200, 1)[4, 2])
    tab.press_on_slider("Home")
    tab.expect_weight("key", 2, 100 * weighted(logdir, 0, 1)[4, 2])
    with tab.more("sequence"):
        switch.click()
    tab.expect_weight("key", 2, 100 * attention(logdir, 0, 1, 0)[4, 2])
    tab.frame.get_by_role("combobox", name="Colour").select_option("value_norm")
    tab.ready()
    tab.expect_address(colour="value_norm")


def test_special_and_first_tokens_are_hidden_and_the_rest_renormalised(tab: Tab, logdir: Path) -> None:
    tab.open(layer=0, head=1, sequence=0, token=4)
    weights = attention(logdir, 200, 1, 0)
    tab.expect_weight("key", 2, 100 * weights[4, 2])
    with tab.more("sequence") as panel:
        panel.get_by_role("button", name="Hide special tokens").click()
    expect(tab.sentence_view.get_by_role("button", name="key 0: [CLS], left out")).to_be_visible()
    for key in range(1, 5):
        tab.expect_weight("key", key, 100 * weights[4, key] / weights[4, 1:5].sum())
    with tab.more("sequence") as panel:
        panel.get_by_role("button", name="Hide special tokens").click()
        panel.get_by_role("button", name="Hide the first token").click()
    tab.expect_weight("key", 3, 100 * weights[4, 3] / weights[4, 1:].sum())
    tab.expect_address(hide="first")


def test_tokens_are_clicked_off_and_come_back(tab: Tab, logdir: Path) -> None:
    tab.open(layer=0, head=1, sequence=0, token=4)
    weights = attention(logdir, 200, 1, 0)
    view = tab.sentence_view
    view.get_by_role("button", name="key 1: the").click(modifiers=["Alt"])
    tab.page.mouse.move(0, 0)
    left = [0, 2, 3, 4]
    for key in left:
        tab.expect_weight("key", key, 100 * weights[4, key] / weights[4, left].sum())
    expect(view.get_by_role("button", name="query 4: blue", exact=True)).to_have_attribute("aria-pressed", "true")
    view.get_by_role("button", name="key 3: is").hover()
    view.get_by_role("button", name="Leave out is").click()
    expect(view.get_by_role("button", name="key 3: is, left out")).to_be_visible()
    tab.expect_address(off="1.3")
    tab.page.reload()
    tab.ready()
    expect(view.get_by_role("button", name="key 3: is, left out")).to_be_visible()
    view.get_by_role("button", name="2 off").click()
    tab.page.mouse.move(0, 0)
    tab.expect_weight("key", 1, 100 * weights[4, 1])
    view.get_by_role("button", name="query 4: blue", exact=True).press("x")
    expect(view.get_by_role("button", name="query 4: blue, left out")).to_be_visible()


def test_only_the_strongest_keys_are_drawn_and_a_line_says_its_pair_and_weight(tab: Tab, logdir: Path) -> None:
    tab.open(layer=0, head=1, sequence=0, token=4)
    weights = attention(logdir, 200, 1, 0)
    lines = tab.sentence_view.locator("canvas")
    expect(lines).to_have_attribute("data-lines", str((weights >= 0.02).sum()))
    with tab.more("sequence") as panel:
        panel.get_by_role("combobox", name="Keys drawn for each query").select_option("top 1")
    expect(lines).to_have_attribute("data-lines", "6")
    with tab.more("sequence") as panel:
        panel.get_by_role("slider", name="Least weight").fill("50")
    expect(lines).to_have_attribute("data-lines", str((weights.max(axis=1) >= 0.5).sum()))
    tab.expect_address(top="1", least="50")
    box = tab.sentence_view.locator("canvas").bounding_box()
    assert box
    tab.page.mouse.move(box["x"] + 12, box["y"] + 10)  # the first query sees itself alone
    expect(tab.sentence_view.locator(".tip")).to_have_text("[CLS] → [CLS] 100 %")


def test_the_keyboard_walks_through_a_sentence_and_a_map_says_its_pairs_and_selects(tab: Tab, logdir: Path) -> None:
    tab.open(layer=0, head=1, sequence=0, token=0)
    selected = tab.sentence_view.get_by_role("button", name="query 0: [CLS]", exact=True)
    expect(selected).to_have_attribute("aria-pressed", "true")
    selected.focus()
    for key, name in (("ArrowDown", "query 1: the"), ("ArrowRight", "key 1: the"), ("End", "key 5: [SEP]")):
        tab.page.keyboard.press(key)
        selected = tab.sentence_view.get_by_role("button", name=name, exact=True)
        expect(selected).to_be_focused()
    tab.sentence_view.get_by_role("button", name="Map").click()
    weights = attention(logdir, 200, 1, 0)
    chart = the_map(tab)
    for query, key in ((4, 2), (5, 5), (1, 0)):
        hover_pair(tab, chart, query, key)
        words = PROBE.sequences[0].tokens
        expect(tab.sentence_view).to_contain_text(f"query {query} “{words[query]}” → key {key} “{words[key]}”")
        shown = tab.sentence_view.locator("figcaption b").inner_text()
        assert float(shown.rstrip(" %")) == pytest.approx(100 * weights[query, key], abs=0.6)
    hover_pair(tab, chart, 3, 1, click=True)
    tab.expect_address(token="3", form="map")
    chart.focus()
    tab.page.mouse.move(0, 0)
    chart.press("ArrowDown")
    expect(tab.sentence_view).to_contain_text("query 4 “blue” → key 3 “is”")
    chart.press("Enter")
    tab.expect_address(token="4")


def test_a_pinned_step_and_a_pinned_head_are_compared(tab: Tab, logdir: Path) -> None:
    tab.open(layer=0, head=1, sequence=0, token=4, step=100)
    held = tab.sentence_view.get_by_role("group", name="Compare with this")
    held.get_by_role("button", name="step", exact=True).click()
    tab.press_on_slider("End")
    now, then = attention(logdir, 200, 1, 0), attention(logdir, 100, 1, 0)
    for key in range(5):
        tab.expect_weight("key", key, 100 * (now - then)[4, key])
    tab.sentence_view.get_by_role("button", name="Pinned").click()
    tab.expect_weight("key", 2, 100 * then[4, 2])
    held.get_by_role("button", name="head", exact=True).click()
    tab.frame.get_by_role("button", name="Next head").click()
    tab.ready()
    tab.sentence_view.get_by_role("button", name="Difference").click()
    other = attention(logdir, 200, 2, 0)
    for key in range(5):
        tab.expect_weight("key", key, 100 * (other - now)[4, key])
    tab.sentence_view.get_by_role("button", name="Map").click()
    for name in ("L0 H2 · step 200", "step 100", "L0 H1", "shown − L0 H1"):
        expect(tab.sentence_view.locator("figcaption").get_by_text(name, exact=True)).to_be_visible()
    hover_pair(tab, the_map(tab, "Heat map of attention, shown − L0 H1"), 4, 3)
    then = attention(logdir, 100, 2, 0)
    expected = [100 * x[4, 3] for x in (other, then, now, other - now)]

    def shown() -> list[float]:
        texts = tab.sentence_view.locator("figcaption b").all_inner_texts()
        return [float(text.rstrip(" %").replace("−", "-") or "nan") for text in texts]

    wait_until(lambda: shown() == pytest.approx(expected, abs=0.6), seconds=60)
    tab.expect_address(pins="s100_0-1", form="map")
    tab.page.reload()
    tab.ready()
    expect(tab.sentence_view.locator("figcaption")).to_have_count(4)
    tab.sentence_view.get_by_role("button", name="Unpin step 100").click()
    expect(tab.sentence_view.locator("figcaption")).to_have_count(3)


def test_the_mean_over_all_sequences_by_position(tab: Tab, logdir: Path) -> None:
    tab.open(layer=0, head=1, sequence=0, token=4)
    tab.sentence_view.get_by_role("button", name="Mean of all").click()
    tab.ready()
    mean = attention(logdir, 200, 1, "mean")
    last = LONG - 2  # where the fifth of 6 tokens, the last but one, meets that of the long sequence
    for key in range(LONG - 4, LONG):
        tab.expect_weight("key", key, 100 * mean[last, key])
    chosen = tab.sentence_view.get_by_role("button", name=f"query {last}: −2")
    expect(chosen).to_have_attribute("aria-pressed", "true")
    other = tab.sentence_view.get_by_role("button", name=f"query {LONG - 9}: −9")  # no token of the sequence
    other.click()
    expect(other).to_have_attribute("aria-pressed", "true")
    tab.expect_address(mean="1", token="4")


# How far it has been scrolled in the end, and how many nodes there were in any of the frames on the way.
SCROLLED = """async element => {
  let nodes = 0;
  for (let i = 0; i < 60; i++) {
    element.scrollTop = 150 * i;
    await new Promise(requestAnimationFrame);
    nodes = Math.max(nodes, element.querySelectorAll('*').length);
  }
  return [element.scrollTop, nodes];
}"""


def test_of_512_tokens_those_in_view_are_there(tab: Tab) -> None:
    """A frame costs the same however long the sequence is."""
    tab.open(layer=0, head=1, sequence=1, token=3)
    lines = tab.sentence_view.get_by_role("group", name="Tokens of the sequence")
    scrolled, nodes = lines.evaluate(SCROLLED)
    assert scrolled > 8000
    assert nodes < 400
    tab.sentence_view.get_by_role("button", name="Map").click()
    chart = the_map(tab)
    chart.focus()
    for _ in range(9):
        chart.press("+")
    scrolled, nodes = chart.evaluate(SCROLLED)
    assert scrolled > 3000
    assert nodes < 10
    expect(tab.sentence_view).to_be_in_viewport(ratio=0.99)


def test_a_pin_that_cannot_be_read_leaves_the_rest(tab: Tab) -> None:
    tab.page.route("**/attention?*step=100*", lambda route: route.fulfill(status=404, json={"error": "It is gone."}))
    tab.open(layer=0, head=1, sequence=0, token=4, pins="s100", shows="shown")
    expect(tab.sentence_view.get_by_role("alert")).to_contain_text("It is gone.")
    expect(tab.sentence_view.get_by_role("button", name="key 2: sky,")).to_be_visible()
    tab.sentence_view.get_by_role("button", name="Unpin step 100").click()
    expect(tab.sentence_view.get_by_role("alert")).to_have_count(0)
    tab.complaints.clear()  # the browser tells of every 404


def test_the_mean_says_what_it_is_over(tab: Tab) -> None:
    tab.open(layer=0, head=1, sequence=0, token=4, mean=1)
    lengths = [len(sequence.tokens) for sequence in PROBE.sequences]
    expect(tab.sentence_view).to_contain_text(
        f"mean of {len(lengths)} sequences of {min(lengths)}–{max(lengths)} tokens: the first half "
        "counted from the start, the rest from the end (−1 is the last); the middle is of the longest alone"
    )
