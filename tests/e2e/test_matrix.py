"""The head matrix: heads sorted, filtered, pinned and marked, one space from all heads to one."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, Request, expect

import tb_attnviz
from tb_attnviz.alerts import MAX_LOGIT, Watch
from tb_attnviz.events import Layer, ProbeRecord, RunWriter, Samples, Sequence
from tb_attnviz.events.probe_record import Side
from tests.conftest import LAYERS, PROBE, serving, wait_until, write_checkpoint
from tests.e2e.conftest import Pixels, Tab, like

QUERY, KEY = (0, 158, 115), (204, 121, 167)
WORDS = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot")


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log directory with an encoder and a decoder with cross-attention, layers of differing heads, 16 × 64 heads."""
    directory = tmp_path_factory.mktemp("shapes")
    names = ["encoder.block.{}.layer.0.SelfAttention"] * 2
    names += ["decoder.block.{}.layer.0.SelfAttention", "decoder.block.{}.layer.1.EncDecAttention"] * 2
    _write(directory / "t5", [(name.format(number), 4) for number, name in enumerate(names)])
    _write(directory / "swin", [(f"stages.{number}.attention", heads) for number, heads in enumerate((3, 6, 12))])
    _write(directory / "large", [(f"layers.{number}.attention", 64) for number in range(16)])
    return directory


@pytest.fixture(scope="module")
def shapes_server(shapes: Path) -> Iterator[str]:
    with serving("--load_fast=false", f"--logdir={shapes}") as address:
        yield address


@pytest.fixture
def shapes_tab(page: Page, shapes_server: str) -> Iterator[Tab]:
    tab = Tab(page, shapes_server)
    yield tab
    assert tab.complaints == []


def _write(directory: Path, layers: list[tuple[str, int]]) -> None:
    """Two checkpoints of heads whose order by entropy turns around from the first to the second."""
    writer = RunWriter(str(directory))
    other = Sequence(WORDS) if any("EncDec" in name for name, _ in layers) else None
    sequences = tuple(Sequence(words, key_tokens=other) for words in (WORDS, WORDS[::-1]))
    writer.write_probe(ProbeRecord(sequences), step=0)
    heads = sum(count for _, count in layers)
    entropy = np.random.default_rng(7).permutation(np.linspace(0.1, 0.9, heads))
    for step in (0, 100):
        rng = np.random.default_rng(3)
        described = []
        for name, count in layers:
            vectors = rng.normal(size=(2, count, 12, 4)).astype(np.float32)
            side: Side = "key_tokens" if "EncDec" in name else "tokens"
            layer = Layer(name, count, count, 4, 0.5, causal=False, keys_of=side)
            described.append((layer, Samples(vectors[0] * (1 + step / 200), vectors[1])))
        writer.write_checkpoint(step, described)
        writer.write_health(step, {"entropy": (entropy if step == 0 else 1 - entropy).astype(np.float32)})
    writer.close()


def application(tab: Tab) -> Locator:
    return tab.frame.get_by_role("application", name="Matrix of heads")


def bar(tab: Tab) -> Locator:
    return tab.frame.get_by_role("toolbar", name="How the heads are arranged")


def heard(tab: Tab) -> str:
    """What a screen reader hears of the head that the keys are at."""
    return application(tab).locator("[aria-live]").inner_text()


def walked(tab: Tab, key: str, times: int) -> list[str]:
    """The heads that a key leads over, as they are heard: "L0 H3", …"""
    found = []
    for _ in range(times):
        application(tab).press(key)
        wait_until(lambda: heard(tab) != (found[-1] if found else ""), seconds=60)
        found.append(heard(tab))
    return [_name(text) for text in found]


def _name(text: str) -> str:
    layer, head = text.split(" · ")[:2]
    return f"{layer.replace('Layer ', 'L')} {head.replace('Head ', 'H')}"


def by_entropy(directory: Path, step: int) -> list[str]:
    """Names of all heads, the one with the greatest entropy first, as the run has them."""
    run = tb_attnviz.open_run(directory)
    names = [f"L{layer} H{head}" for layer, described in enumerate(run.layers) for head in range(described.heads)]
    values = run.health()["entropy"][run.health_steps.index(step)]
    return [names[index] for index in np.argsort(-values, kind="stable")]


def drawn(pixels: Pixels) -> int:
    # Not so far from their colours that the grey rims of letters count.
    return sum(int(like(pixels, colour, tolerance=35).sum()) for colour in (QUERY, KEY))


def test_heads_are_sorted_at_the_step_at_which_the_user_sorts(shapes_tab: Tab, shapes: Path) -> None:
    tab = shapes_tab.open(run="t5", step=0)
    before = tab.pixels(tab.matrix)
    bar(tab).get_by_role("combobox", name="Arrange heads by").select_option("entropy")
    tab.ready()
    expect(tab.matrix).to_have_accessible_name("Attention heads: 24 heads by entropy, step 0")
    assert (tab.pixels(tab.matrix) != before).any()
    application(tab).focus()
    assert walked(tab, "ArrowRight", 24) == by_entropy(shapes / "t5", 0)
    # Each cell tells the figure that it is sorted by, as the run has it
    values = tb_attnviz.open_run(shapes / "t5").health()["entropy"][0]
    tab.frame.get_by_role("combobox", name="Tint").select_option("none")
    expect(tab.frame.locator(".caption").first).to_contain_text(f"{100 * max(values):.0f} %")
    # Another step moves no cell; then the order is outdated, and a click sorts again
    captions = tab.frame.locator(".caption").all_inner_texts()
    tab.press_on_slider("End")
    names = [caption.split("\n")[0] for caption in captions]
    assert [text.split("\n")[0] for text in tab.frame.locator(".caption").all_inner_texts()] == names
    bar(tab).get_by_role("button", name="Sort again").click()
    tab.ready()
    expect(bar(tab).get_by_role("button", name="Sort again")).to_be_hidden()
    tab.expect_address(step=None, sorted=None)
    tab.page.reload()
    tab.ready()
    application(tab).focus()
    assert walked(tab, "ArrowRight", 5) == by_entropy(shapes / "t5", 100)[:5]
    bar(tab).get_by_role("button", name="Greatest first").click()
    tab.ready()
    tab.expect_address(order="up")
    tab.page.reload()
    tab.ready()
    application(tab).focus()
    assert walked(tab, "ArrowRight", 3) == by_entropy(shapes / "t5", 100)[:-4:-1]


def test_alike_heads_stand_together(tab: Tab, logdir: Path) -> None:
    tab.open(step=200)
    bar(tab).get_by_role("combobox", name="Arrange heads by").select_option(label="Alike together")
    tab.ready()
    expect(tab.matrix).to_have_accessible_name("Attention heads: 10 heads by likeness to each other, step 200")
    run = tb_attnviz.open_run(logdir / "run")
    names = [f"L{layer} H{head}" for layer, described in enumerate(run.layers) for head in range(described.heads)]
    application(tab).focus()
    assert walked(tab, "ArrowRight", 10) == [names[head] for head in run.head_order(200)]
    tab.expect_address(arrange="together", order=None)


def test_a_filter_shows_few_heads_and_a_click_shows_all(shapes_tab: Tab, shapes: Path) -> None:
    tab = shapes_tab.open(run="t5", step=0)
    names = bar(tab).get_by_role("textbox", name="Show only heads of this name")
    names.fill("L4-5, EncDec")
    tab.ready()
    expect(tab.matrix).to_have_attribute("data-visible-heads", "12")  # layers 3, 4, 5
    expect(bar(tab).get_by_role("status")).to_have_text("12 of 24\u00a0heads shown")
    assert tab.frame.locator(".rows .layer").all_inner_texts() == ["L4", "L3", "L5"]
    names.fill("no such head")
    tab.ready()
    expect(tab.matrix).to_have_attribute("data-visible-heads", "0")
    wait_until(lambda: drawn(tab.pixels(tab.matrix)) == 0, seconds=60)  # the cells have shrunk away
    bar(tab).get_by_role("button", name="Show all heads").click()
    expect(tab.matrix).to_have_attribute("data-visible-heads", "24")
    # by value, as the recorder wrote it
    bar(tab).get_by_role("button", name="Figures of all heads").click()
    histogram = tab.frame.get_by_role("application", name="Entropy of all heads")
    for _ in range(4):
        histogram.press("Shift+ArrowLeft")
    tab.ready()
    most = float(tab.hash_of("range").removeprefix("entropy...."))
    entropy = tb_attnviz.open_run(shapes / "t5").health()["entropy"]
    assert most == pytest.approx(np.min(entropy) + 20 / 24 * np.ptp(entropy), rel=0.01)
    count = int((entropy[0] <= most).sum())
    assert 0 < count < 24
    expect(bar(tab).get_by_role("status")).to_have_text(f"{count} of 24\u00a0heads shown")
    tab.page.reload()
    tab.ready()
    expect(tab.matrix).to_have_attribute("data-visible-heads", str(count))


def test_modules_stand_apart_and_any_shape_fits(shapes_tab: Tab, page: Page) -> None:
    tab = shapes_tab.open(run="t5")
    headings = [tab.frame.get_by_text(title, exact=True) for title in ("Encoder", "Decoder", "Decoder cross-attention")]
    tops = [(heading.bounding_box() or {})["y"] for heading in headings]
    assert tops == sorted(tops)
    assert tab.frame.locator(".rows .layer").all_inner_texts() == ["L0", "L1", "L2", "L4", "L3", "L5"]
    page.goto("about:blank")  # or the tab would follow the address
    tab.open(run="swin")
    expect(tab.matrix).to_have_attribute("data-visible-heads", "21")
    tab.click_cell(1, 5)
    expect(tab.head_view.get_by_role("heading", name="Layer 1 · Head 5")).to_be_visible()
    page.goto("about:blank")
    tab.open(run="large", arrange="entropy")
    expect(tab.matrix).to_have_attribute("data-visible-heads", "1024")
    asked: list[str] = []

    def hear(request: Request) -> None:
        if "/points?" in request.url and "priority=2" not in request.url:  # those are of the next steps, ahead of time
            asked.append(request.url)

    page.on("request", hear)
    bar(tab).get_by_role("combobox", name="Arrange heads by").select_option("name")
    expect(tab.matrix).to_have_accessible_name("Attention heads: 1024 heads by name, step 100")
    tab.ready()
    assert asked == []  # a thousand heads find other places, and that is all
    assert application(tab).locator("*").count() < 600  # a name for each would be too small to be read


def test_pinned_heads_stand_side_by_side_and_follow_the_step(tab: Tab) -> None:
    tab.open(layer=1, head=2)
    tab.head_view.get_by_role("button", name="Pin L1 H2").click()
    application(tab).focus()
    application(tab).press("ArrowRight")
    application(tab).press("p")
    tray = tab.frame.get_by_role("img", name="Pinned heads: L1 H2, L1 H3, step 300")
    expect(tray).to_be_visible()
    newest = tab.ready().pixels(tray)
    half = newest.shape[1] // 2
    assert drawn(newest[:, :half]) > 50
    tab.expect_address(pinned="1-2.1-3")
    tab.press_on_slider("Home")
    first = tab.pixels(tab.frame.get_by_role("img", name="Pinned heads: L1 H2, L1 H3, step 0"))
    assert (first != newest).any()
    tab.page.reload()
    tab.ready()
    pinned = tab.frame.get_by_role("group", name="Pinned heads")
    pinned.get_by_role("button", name="Unpin L1 H2").click()
    expect(pinned.get_by_role("img")).to_have_accessible_name("Pinned heads: L1 H3, step 0")
    box = pinned.bounding_box()
    assert box
    tab.page.mouse.click(box["x"] + 60, box["y"] + 60)
    expect(tab.head_view.get_by_role("heading", name="Layer 1 · Head 3")).to_be_visible()
    bar(tab).get_by_role("button", name="Unpin all heads").click()
    expect(pinned).to_be_hidden()


def test_one_space_from_all_heads_to_one(tab: Tab, page: Page) -> None:
    tab.open()
    x, y = tab.cell(1, 3)
    box = tab.matrix.bounding_box()
    assert box
    page.mouse.dblclick(box["x"] + x, box["y"] + y)
    tab.ready()
    expect(tab.head_view.get_by_role("heading", name="Layer 1 · Head 3")).to_be_visible()
    wait_until(lambda: int(tab.matrix.get_attribute("data-visible-heads") or 10) <= 6, seconds=60)
    expect(application(tab).get_by_text("L1 H3", exact=True)).to_be_visible()
    wait_until(lambda: "view" in tab.hash(), seconds=60)  # it has come to rest
    labels = application(tab).locator(".labels span").all_inner_texts()
    assert {"sky", "blue"} & set(labels)
    boxes = [label.bounding_box() for label in application(tab).locator(".labels span").all()]
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert a
            assert b
            apart = a["x"] + 0.8 * a["width"] <= b["x"] or b["x"] + 0.8 * b["width"] <= a["x"]
            assert apart or abs(a["y"] - b["y"]) >= 12, "two labels cover each other"
    shown = tab.pixels(tab.matrix)
    page.reload()
    tab.ready()
    wait_until(lambda: (np.abs(tab.pixels(tab.matrix) - shown).max(axis=-1) <= 8).mean() > 0.98, seconds=60)
    application(tab).focus()
    application(tab).press("ArrowLeft")
    expect(tab.head_view.get_by_role("heading", name="Layer 1 · Head 2")).to_be_visible()
    application(tab).press("0")
    expect(tab.matrix).to_have_attribute("data-visible-heads", "10")
    tab.ready()
    application(tab).press("Enter")  # the head is open: the view goes on to it
    wait_until(lambda: int(tab.matrix.get_attribute("data-visible-heads") or 10) <= 6, seconds=60)


def test_borders_and_curves_mark_the_cells(tab: Tab) -> None:
    tab.open(tint="entropy")
    x, y = (round(at) for at in tab.cell(1, 1))
    plain = tab.pixels(tab.matrix)
    bar(tab).get_by_role("button", name="Borders and curves of the cells").click()
    dialog = tab.frame.get_by_role("dialog", name="Borders and curves of the cells")
    dialog.get_by_role("combobox", name="Border").select_option("entropy")
    dialog.get_by_role("checkbox", name="Curve of the tint").uncheck()
    tab.page.keyboard.press("Escape")
    tab.ready()
    marked = tab.pixels(tab.matrix)
    # L0 H0 has the greatest entropy: its border is wide and dark. The last head has the least: its own is as it was.
    widths = []
    for layer, head in ((0, 0), (1, 5)):
        x, y = (round(at) for at in tab.cell(layer, head))
        row = marked[y, x : x + 130]
        widths.append(int(((row.sum(axis=-1) < 450) & (np.ptp(row, axis=-1) < 80)).sum()))  # greyer than any point
    assert widths[0] >= 3 > widths[1]
    blue = (26, 115, 232)
    assert like(plain, blue, tolerance=40).sum() > 200
    assert like(marked, blue, tolerance=40).sum() == 0
    tab.expect_address(border="entropy", curves="0")


def test_the_bar_fits_beside_an_opened_head(tab: Tab) -> None:
    tab.open(layer=1, head=2, arrange="entropy", range="entropy..0.2..", pinned="1-2", step=0, sorted=300)
    tools = bar(tab)
    box = tools.bounding_box()
    assert box
    assert box["height"] <= 34
    for name in (
        "Arrange heads by",
        "Greatest first",
        "Sort again",
        "Show all heads",
        "Borders and curves of the cells",
    ):
        role = "combobox" if name.startswith("Arrange") else "button"
        control = tools.get_by_role(role, name=name).bounding_box()
        assert control
        assert control["x"] >= box["x"]
        assert control["x"] + control["width"] <= box["x"] + box["width"], name
    expect(tools).to_be_in_viewport(ratio=1)


def test_what_stands_out_is_named_opened_and_sorted(page: Page, tmp_path: Path) -> None:
    writer, watch = RunWriter(str(tmp_path / "run")), Watch([MAX_LOGIT])
    writer.write_probe(PROBE, step=0)
    for step in range(0, 400, 100):
        write_checkpoint(writer, step)
        induction, previous, max_logit = (np.full(10, value, np.float32) for value in (0.1, 0, 7))
        induction[8] = 0.9 if step >= 200 else 0.1  # 4 heads of layer 0 before it
        induction[1] = 0.5 if step >= 300 else 0.1
        previous[0] = 0.8
        max_logit[5] = 132 if step >= 200 else 7
        writer.write_health(step, {"induction": induction, "previous": previous, "max_logit": max_logit})
        writer.write_alerts(watch.look(step, LAYERS, {"max_logit": max_logit}))
    writer.close()
    with serving("--load_fast=false", f"--logdir={tmp_path}") as address:
        tab = Tab(page, address).open(layer=1, head=4)  # beside an opened head
        page.set_viewport_size({"width": 1680, "height": 800})  # room for all of it beside the alert
        named = tab.frame.get_by_role("group", name="What stands out at this step")
        expect(named).to_contain_text(
            re.compile(
                r"^\s*L1 H1 unhealthy since step 200: largest logit 132, above 100"
                r"\s*Fixed distance or induction\s*L1 H4\s*\+1\s*since steps 200–300"
                r"\s*Previous token\s*L0 H0\s*from the start\s*All.*▲ 1 alert"
            )
        )
        expect(named.get_by_role("button", name="Open L1 H4, fixed distance or induction")).to_have_attribute(
            "title",
            re.compile(r"^L1 H4 [(]fixed distance or induction[)] attends to what followed.* 90 %.*, since step 200"),
        )
        for control in named.get_by_role("button").all():
            expect(control).to_be_in_viewport(ratio=1)
        named.get_by_role("button", name="Open L0 H0, previous token").click()
        expect(tab.head_view.get_by_role("heading", name="Layer 0 · Head 0")).to_be_visible()
        expect(tab.head_view).to_contain_text(
            "L0 H0 (previous token) attends to the token before, 80 % in all texts, from the start."
        )
        named.get_by_role("status").get_by_role("button").click()
        tab.frame.get_by_role("button", name="Open L1 H1 at step 200").click()  # to its step, and the worst head
        expect(tab.slider).to_have_attribute("aria-valuenow", "200")
        expect(tab.head_view.get_by_role("heading", name="Layer 1 · Head 1")).to_be_visible()
        expect(named).not_to_contain_text("+1")  # L0 H1 is still to form
        tab.press_on_slider("Home")
        expect(named).not_to_contain_text("induction")
        tab.press_on_slider("End")
        named.get_by_role("button", name="All that stands out").click()
        told = tab.frame.get_by_role("dialog", name="All that stands out")
        expect(told).to_contain_text("L0 H1 50 % since step 300")
        expect(told).to_contain_text("L0 H0 80 % from the start")
        page.keyboard.press("Escape")
        named.get_by_role("button", name="Sort the heads by fixed distance or induction").click()
        expect(tab.ready().frame.get_by_role("combobox", name="Arrange heads by")).to_have_value("induction")
        tab.frame.get_by_role("button", name="Compare").click()
        tab.frame.get_by_role("combobox", name="Second run").select_option("run")
        expect(named).to_have_count(0)  # the comparison takes its room
        assert tab.complaints == []
