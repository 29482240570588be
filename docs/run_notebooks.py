"""Runs the notebooks of docs/notebooks again and keeps what they say: `make notebooks`.

A frame with the tab would make a notebook some megabytes large. In its place the notebook keeps a picture of the frame.
"""

import base64
import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbclient
import nbformat
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

NOTEBOOKS = Path(__file__).parent / "notebooks"
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
SIZE = (1200, 640)  # of the frame's surroundings, in pixels


def run(path: Path) -> Any:
    """The notebook at `path` with new outputs, run in a directory of its own."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as directory:
        where = {"metadata": {"path": directory}}
        nbclient.NotebookClient(notebook, timeout=1800, resources=where, coalesce_streams=True).execute()
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    notebook.metadata.pop("widgets", None)
    return notebook


def picture_of(frame: str, page: Page) -> str:
    """What `frame` (HTML) shows: a PNG, in base64."""
    page.set_content(frame)
    tab = page.frame_locator("iframe").get_by_test_id("attnviz")
    expect(tab).to_have_attribute("data-ready", "true", timeout=600_000)
    tab.get_by_role("button", name="Skip").click()
    expect(tab).to_have_attribute("data-ready", "true", timeout=600_000)
    few = Image.open(io.BytesIO(page.locator("iframe").screenshot())).convert("RGB").quantize(128)
    png = io.BytesIO()
    few.save(png, "PNG", optimize=True)
    return base64.b64encode(png.getvalue()).decode()


def main() -> None:
    wanted = [NOTEBOOKS / f"{name}.ipynb" for name in sys.argv[1:]] or sorted(NOTEBOOKS.glob("*.ipynb"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
        for path in wanted:
            notebook = run(path)
            frames = [one.data for cell in notebook.cells for one in cell.get("outputs", ()) if "data" in one]
            for data in frames:
                if html := data.pop("text/html", None):
                    data.clear()
                    data["image/png"] = picture_of(html, page)
            nbformat.write(notebook, path)
            print(path.name, flush=True)
        browser.close()


if __name__ == "__main__":
    main()
