"""Layers whose queries and keys are of different tokens, seen: both sides of a T5, and grids of their own."""

import csv
import itertools
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect
from transformers import T5Config, T5Model

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, Probe
from tb_attnviz.cli import main
from tb_attnviz.events import Grid, Layer, ProbeRecord, RunWriter, Samples, Sequence
from tests.e2e.conftest import SECONDS, Tab, like

ENGLISH = [["the", "cat", "sat", "</s>"], ["a", "dog", "saw", "the", "river", "there", "</s>"], ["birds", "</s>"]]
GERMAN = [["<pad>", "die", "Katze"], ["<pad>", "ein", "Hund", "sah", "the"], ["<pad>", "Vögel", "dort", "oben"]]
WORDS = {word: i for i, word in enumerate(dict.fromkeys(["<pad>", *itertools.chain(*ENGLISH, *GERMAN)]))}
ENCODER, DECODER, CROSS = 0, 2, 3  # layers of a T5 with two blocks on each side
HIT = (213, 94, 0)


def ids(rows: list[list[str]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask, [sequences, longest]."""
    longest = max(map(len, rows))
    padded = [[WORDS[word] for word in row] + [0] * (longest - len(row)) for row in rows]
    return torch.tensor(padded), torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A T5 that drifts over two steps, and a hierarchical image model on two grids."""
    directory = tmp_path_factory.mktemp("sides")
    torch.manual_seed(0)
    config = T5Config(vocab_size=64, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, initializer_factor=2.0)
    model = T5Model(config).eval()
    (encoder, mask), (decoder, decoder_mask) = ids(ENGLISH), ids(GERMAN)
    inputs = {
        "input_ids": encoder,
        "attention_mask": mask,
        "decoder_input_ids": decoder,
        "decoder_attention_mask": decoder_mask,
    }
    with AttentionRecorder(
        model, Probe(inputs, GERMAN, key_tokens=ENGLISH), logdir=str(directory / "t5"), rules=(), on_error="raise"
    ) as recorder:
        for step in (0, 100):
            recorder.record(step)
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.add_(0.1 * parameter.std() * torch.randn_like(parameter))
    write_grids(directory / "grids")
    return directory


def write_grids(directory: Path) -> None:
    fine, coarse = Grid(4, 4), Grid(2, 2)
    probe = ProbeRecord(tuple(Sequence(fine.tokens, kind="image", grid=fine) for _ in range(8)))
    options = {"heads": 2, "kv_heads": 2, "head_dim": 4, "scale": 0.5, "causal": False}
    layers = (Layer("stages.0", **options), Layer("stages.1", **options, query_grid=coarse, key_grid=coarse))
    writer = RunWriter(str(directory))
    writer.write_probe(probe, step=0)
    rng = np.random.default_rng(0)
    samples = [
        Samples(*(rng.normal(size=(2, 8 * grid.size, 4)).astype(np.float32) for _ in range(2)))
        for grid in (fine, coarse)
    ]
    writer.write_checkpoint(0, zip(layers, samples, strict=True))
    writer.close()


def names(tab: Tab, side: str) -> list[str]:
    """The tokens on one side of the sentence view, as a screen reader hears them."""
    buttons = tab.sentence_view.get_by_role("group", name="Tokens of the sequence").get_by_role("button", name=side)
    return [(button.get_attribute("aria-label") or "").split(": ")[1].split(",")[0] for button in buttons.all()]


def hits_in(tab: Tab, layer: int, head: int) -> int:
    """Pixels in a cell that have the colour of the search's hits."""
    x, y = tab.cell(layer, head)
    side = int(tab.cell(layer, 1)[0] - tab.cell(layer, 0)[0]) // 2 - 6
    found = like(tab.pixels(tab.matrix), HIT, tolerance=30)
    return int(found[int(y) - side : int(y) + side, int(x) - side : int(x) + side].sum())


def test_cross_attention_in_the_sentence_view(tab: Tab, logdir: Path) -> None:
    tab.open(run="t5", layer=CROSS, head=1, sequence=1, token=2)
    expect(tab.head_view).to_contain_text("cross-attention: decoder tokens attend to encoder tokens")
    expect(tab.sentence_view).to_contain_text("queries: decoder tokens")
    expect(tab.sentence_view).to_contain_text("keys: encoder tokens")
    assert names(tab, "query") == GERMAN[1]
    assert names(tab, "key") == ENGLISH[1]

    weights = tb_attnviz.open_run(logdir / "t5").attention(100, CROSS, 1, 1)
    assert weights.shape == (5, 7)
    query, key = 2, int(weights[2].argmax())
    told = f"{100 * weights[query, key]:.{0 if weights[query, key] >= 0.0995 else 1}f} %"
    expect(tab.sentence_view.get_by_role("button", name=f"key {key}: {ENGLISH[1][key]}, {told}")).to_be_visible()
    lines = tab.sentence_view.locator("canvas")
    box = lines.bounding_box()
    assert box
    tab.page.mouse.move(
        box["x"] + box["width"] / 2, box["y"] + 10 * (query + key + 1)
    )  # half way, between its two rows
    expect(tab.sentence_view).to_contain_text(f"{GERMAN[1][query]} → {ENGLISH[1][key]} {told}")

    tab.sentence_view.get_by_role("button", name="key 6: </s>").click(modifiers=["Alt"])  # of the encoder alone
    expect(tab.sentence_view.get_by_role("button", name="key 6: </s>, left out")).to_be_visible()
    tab.expect_address(off="1-6")
    expect(tab.sentence_view.get_by_role("button", name="left out")).to_have_count(1)
    tab.sentence_view.get_by_role("button", name="key 4: river").click()
    tab.expect_address(token="4k", list="key_tokens")
    tab.sentence_view.get_by_role("button", name="Map").click()
    chart = tab.sentence_view.get_by_role("application", name="Heat map")
    chart.press("ArrowRight")
    expect(tab.sentence_view).to_contain_text("query 0 “<pad>” → key 5 “there”")
    for _ in range(5):  # to the last query: there are fewer of them than keys
        chart.press("ArrowDown")
    expect(tab.sentence_view.locator("[aria-live]")).to_have_text(
        re.compile(r"query 4 “the” → key 5 “there”: [\d.]+ %")
    )

    tab.sentence_view.get_by_role("button", name="Lines").click()
    tab.sentence_view.get_by_role("button", name="head", exact=True).click()
    drawn = tab.sentence_view.get_by_role("group", name="Which is drawn")
    expect(drawn).to_be_visible()
    tab.click_cell(DECODER, 2)
    expect(tab.sentence_view).to_contain_text("L3 H1 attends among other tokens")
    expect(drawn).to_be_hidden()


def test_other_heads_show_the_same_token_where_they_have_it(tab: Tab) -> None:
    tab.open(run="t5", layer=CROSS, head=1, sequence=1, token="4k", list="key_tokens")
    selected = lambda name: expect(tab.sentence_view.get_by_role("button", name=name, exact=True)).to_have_attribute(  # noqa: E731
        "aria-pressed", "true"
    )
    selected("key 4: river")
    tab.click_cell(ENCODER, 2)
    selected("key 4: river")
    assert names(tab, "query") == ENGLISH[1]
    tab.click_cell(DECODER, 2)  # which has none of the encoder's tokens
    selected("key 0: <pad>")
    tab.click_cell(CROSS, 0)
    selected("key 4: river")


def test_a_search_lights_both_sides_and_the_matrix_keeps_parts_apart(tab: Tab, logdir: Path, tmp_path: Path) -> None:
    tab.open(run="t5", find="river", cells="points")
    headings = [tab.frame.get_by_text(name, exact=True) for name in ("Encoder", "Decoder", "Decoder cross-attention")]
    for heading in headings:
        expect(heading).to_be_visible()
    expect(tab.frame.get_by_role("group", name="Found tokens")).to_contain_text("1 token in 1 sequence")
    assert hits_in(tab, ENCODER, 1) > 0
    assert hits_in(tab, CROSS, 1) > 0
    assert hits_in(tab, DECODER, 1) == 0

    tab.frame.get_by_role("button", name="Export").press("Enter")
    with tab.page.expect_download() as download:
        tab.frame.get_by_role("button", name="Points of all heads, step 100 as CSV").click()
    download.value.save_as(tmp_path / "points.csv")
    with (tmp_path / "points.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if (row["layer"], row["head"]) == (str(CROSS), "1")]
    expected = tb_attnviz.open_run(logdir / "t5").project("biplot", CROSS, 1, dims=2)[-1]
    np.testing.assert_allclose([[float(row["x"]), float(row["y"])] for row in rows], expected, atol=1e-4)
    assert [row["token"] for row in rows] == [*itertools.chain(*GERMAN, *ENGLISH)]


def test_grids_of_their_own(tab: Tab) -> None:
    tab.open(run="grids", layer=0, head=0, sequence=2, token=11)  # row 2, column 3 of 4 × 4
    expect(tab.head_view).to_contain_text("self-attention among 4 × 4 patches")
    tab.click_cell(1, 1)
    expect(tab.head_view).to_contain_text("self-attention among 2 × 2 patches")
    expect(tab.frame.get_by_role("region", name="Image view")).to_contain_text("patch row 1, column 1")
    scatter = tab.head_view.get_by_role("application", name="Scatterplot")
    assert like(tab.pixels(scatter), (0, 158, 115)).sum() > 50


def test_an_exported_page_has_both_sides(logdir: Path, offline: Page, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    options = ["--layers", f"{ENCODER},{CROSS}", "--detail", f"L{CROSS}H1", "--dims", "2", "--workers", "1"]
    assert main(["export", str(logdir / "t5"), "-o", str(path), *options]) == 0
    page, complaints = offline, list[str]()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{path.as_uri()}#p.attnviz.layer=1&p.attnviz.head=1&p.attnviz.sequence=1&p.attnviz.token=2")
    expect(page.get_by_test_id("attnviz")).to_have_attribute("data-ready", "true", timeout=60 * SECONDS)
    view = page.get_by_role("region", name="Sentence view")
    expect(view.get_by_role("button", name="query 2: Hund")).to_have_attribute("aria-pressed", "true")
    expect(view.get_by_role("button", name="key 5: there")).to_be_visible()
    assert complaints == []
