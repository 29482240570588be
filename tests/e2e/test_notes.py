"""Notes on heads: a star, a name and a note, in the cell, in the link, in the browser, in a file, in a page."""

import json
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tb_attnviz.cli import main
from tests.e2e.conftest import SECONDS, Tab


def noting(tab: Tab, head: str) -> Locator:
    """The panel of a head's note, opened."""
    tab.head_view.get_by_role("button", name=f"Note on {head}").click()
    return tab.frame.get_by_role("dialog", name=f"Note on {head}")


def test_a_note_is_seen_in_the_cell_and_the_head_view_and_is_there_again(tab: Tab) -> None:
    tab.open(layer=0, head=2)
    panel = noting(tab, "L0 H2")
    panel.get_by_label("★ Star L0 H2").check()
    panel.get_by_role("textbox", name="Name").fill("my copier")
    panel.get_by_role("textbox", name="Note").fill("Ask Ada.\nIt's 100 % sure!")
    panel.get_by_role("textbox", name="Note").blur()
    tab.expect_address(notes="0-2*~my_copier~Ask_Ada.'4It''s_100_%25_sure'1")
    tab.page.keyboard.press("Escape")
    expect(tab.head_view.get_by_text("my copier", exact=True)).to_be_visible()
    expect(tab.frame.locator(".captions")).to_contain_text("★ my copier")
    link = tab.page.evaluate("location.hash")

    tab.page.goto("about:blank")  # a visit without a link: this browser remembers
    tab.open(layer=1, head=1)
    expect(tab.frame.locator(".captions")).to_contain_text("★ my copier")
    listed = noting(tab, "L1 H1").get_by_role("list", name="Heads with notes")
    listed.get_by_role("button", name="★ L0 H2 · my copier").click()
    expect(tab.head_view.get_by_role("heading", name="Layer 0 · Head 2")).to_be_visible()

    panel = noting(tab, "L0 H2")  # removed again, and kept nowhere
    panel.get_by_label("★ Star L0 H2").uncheck()
    panel.get_by_role("textbox", name="Name").fill("")
    panel.get_by_role("textbox", name="Note").fill("")
    panel.get_by_role("textbox", name="Note").blur()
    tab.expect_address(notes=None)
    assert tab.page.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('tb-attnviz.notes'))") == []

    tab.page.goto("about:blank")  # somebody else, who was sent the link
    tab.visit("&" + link.removeprefix("#attnviz&"))
    tab.ready()
    expect(tab.head_view.get_by_text("my copier", exact=True)).to_be_visible()
    expect(noting(tab, "L0 H2").get_by_role("textbox", name="Note")).to_have_value("Ask Ada.\nIt's 100 % sure!")


def test_notes_are_saved_and_loaded_and_come_along_in_a_page(
    tab: Tab, logdir: Path, tmp_path: Path, offline: Page
) -> None:
    tab.open(layer=1, head=4)
    panel = noting(tab, "L1 H4")
    panel.get_by_role("textbox", name="Name").fill("the <b>best</b>")
    with tab.page.expect_download() as download:
        panel.get_by_role("button", name="Save as a file").click()
    assert download.value.suggested_filename == "run_notes.json"
    file = tmp_path / "notes.json"
    download.value.save_as(file)
    assert json.loads(file.read_text())["heads"] == [{"layer": 1, "head": 4, "name": "the <b>best</b>"}]

    panel.get_by_role("textbox", name="Name").fill("")
    expect(panel.get_by_role("button", name="Save as a file")).to_be_disabled()
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{}")
    panel.get_by_label("Load a file").set_input_files(wrong)
    expect(panel.get_by_role("alert")).to_contain_text("holds no notes on heads")
    panel.get_by_label("Load a file").set_input_files(file)
    expect(panel.get_by_role("textbox", name="Name")).to_have_value("the <b>best</b>")
    panel.get_by_role("textbox", name="Name").fill("")

    page = tmp_path / "page.html"
    options = ["--steps", "300,", "--layers", "1", "--heads", "4", "--notes", str(file), "--workers", "1"]
    assert main(["export", str(logdir / "run"), "-o", str(page), *options]) == 0
    offline.goto(f"file://{page}#attnviz&p.attnviz.layer=0&p.attnviz.head=0")
    expect(offline.get_by_test_id("attnviz")).to_have_attribute("data-ready", "true", timeout=60 * SECONDS)
    view = offline.get_by_role("region", name="Head view")
    expect(view.get_by_text("the <b>best</b>", exact=True)).to_be_visible()
    view.get_by_role("button", name="Note on L1 H4").click()
    expect(offline.get_by_role("dialog", name="Note on L1 H4")).to_contain_text("Not kept when this page is left")
