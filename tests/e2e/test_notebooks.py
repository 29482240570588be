"""The notebooks of docs/notebooks run from the first cell to the last, and say what their text says."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import SECONDS

NOTEBOOKS = Path(__file__).parents[2] / "docs" / "notebooks"


def executed(name: str, directory: Path) -> Any:
    import nbclient
    import nbformat

    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=1200, resources={"metadata": {"path": str(directory)}}).execute()
    return notebook


def printed(notebook: Any) -> str:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return "".join(output.text for output in outputs if output.get("name") == "stdout")


def expect_tab(notebook: Any, page: Page) -> None:
    """The last cell shows the tab, without a server."""
    output = [cell for cell in notebook.cells if cell.cell_type == "code"][-1].outputs[-1]
    page.set_content(output["data"]["text/html"])
    tab = page.frame_locator("iframe").get_by_test_id("attnviz")
    expect(tab).to_have_attribute("data-ready", "true", timeout=60 * SECONDS)


@pytest.mark.full
def test_a_decoder_learns_induction(tmp_path: Path, page: Page) -> None:
    notebook = executed("induction", tmp_path)
    said = printed(notebook)
    assert re.search(r"L1 H\d looks up what followed the present token last time", said), said
    assert re.search(r"L0 H\d attends to the token before", said), said
    assert re.search(r"L0 H\d feeds the keys of L1 H\d", said), said
    expect_tab(notebook, page)


@pytest.mark.full
def test_what_the_heads_of_minilm_do(tmp_path: Path, page: Page) -> None:
    notebook = executed("minilm", tmp_path)
    said = printed(notebook)
    difference = re.search(r"the largest difference in 72 heads: (\S+)", said)
    assert difference, said
    assert float(difference[1]) < 5e-4
    assert re.search(r"layer 0: \S+, \S+, previous token", said), said
    expect_tab(notebook, page)


@pytest.mark.full
def test_a_vision_transformer_learns_digits(tmp_path: Path, page: Page) -> None:
    notebook = executed("digits", tmp_path)
    said = printed(notebook)
    right = re.search(r"(\d+)% of the held-out digits are right", said)
    assert right, said
    assert int(right[1]) > 80
    exactly = [float(figure) for figure in re.findall(r"(\S+) exactly", said)]
    assert len(exactly) == 12
    assert max(exactly) == max(exactly[:4]) > 0.2  # it needs heads of the first layer
    expect_tab(notebook, page)
