"""From which kind of token to which a head attends: the table of the opened head, as the notebook has it."""

from pathlib import Path

import numpy as np
from playwright.sync_api import Locator, expect

from tb_attnviz.run import open_run
from tests.e2e.conftest import Tab


def cells(table: Locator) -> list[list[str]]:
    return [row.locator("td").all_inner_texts() for row in table.locator("tbody tr").all()]


def test_the_table_says_what_the_notebook_says_follows_the_step_and_sorts(tab: Tab, logdir: Path) -> None:
    run = open_run(logdir / "run")
    tab.open(layer=0, head=1, step=300)
    tab.head_view.get_by_role("button", name="From kind to kind").click()
    panel = tab.frame.get_by_role("dialog", name="From kind to kind")
    table = panel.get_by_role("table")
    expect(table).to_be_visible()
    expect(panel.get_by_role("combobox")).to_have_value("part of speech")
    assert panel.get_by_role("option").all_inner_texts() == ["part of speech"]  # years are numbers, and no kinds

    for step, key in ((300, None), (200, "ArrowLeft")):
        if key:
            tab.slider.evaluate("e => e.focus({ preventScroll: true })")
            tab.page.keyboard.press(key)
            tab.ready()  # the panel stays open
        expected = run.label_attention(step, 0, 1, "part of speech")
        expect(table.locator("tbody th").first).to_have_text(expected.query_labels[0])
        shown = [[float(text.rstrip(" %").replace("–", "nan").lstrip("<")) for text in row] for row in cells(table)]
        np.testing.assert_allclose(shown, 100 * expected.attention, atol=1)

    column = int(np.nanargmax(expected.attention[0]))
    table.get_by_role("button", name=expected.key_labels[column], exact=True).click()
    order = np.argsort(-np.nan_to_num(expected.attention[:, column]), kind="stable")
    names = [expected.query_labels[row] or "(not known)" for row in order]
    expect(table.locator("tbody th")).to_have_text(names)
    expect(table.get_by_role("columnheader", name=f"{expected.key_labels[column]} ↓")).to_have_attribute(
        "aria-sort", "descending"
    )
