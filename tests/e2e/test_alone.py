"""The tab without TensorBoard around it: by the command, and in a notebook."""

import contextlib
import functools
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import free_port
from tests.e2e.conftest import SECONDS


@contextlib.contextmanager
def showing(directory: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`tb-attnviz show`, and the address that it has said."""
    command = [sys.executable, "-m", "tb_attnviz", "show", str(directory), "--no-browser", *options]
    # What is started in the background does not hear Ctrl-C, nor does what it starts.
    hears_ctrl_c = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, preexec_fn=hears_ctrl_c
    )
    assert process.stdout
    try:
        yield process, process.stdout.readline().split(" ")[0]
    finally:
        process.kill()
        process.wait()


def test_the_command_serves_the_tab_alone_until_ctrl_c(page: Page, shared_logdir: Path) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    port = free_port()
    with showing(shared_logdir, "--port", str(port), "--path-prefix", "/attention") as (process, address):
        assert address == f"http://localhost:{port}/attention/"
        page.emulate_media(color_scheme="dark")
        page.goto(f"{address}#attnviz&p.attnviz.step=200")
        expect(page.get_by_test_id("attnviz")).to_have_attribute("data-ready", "true", timeout=60 * SECONDS)
        expect(page.get_by_role("slider", name="Training step")).to_have_attribute("aria-valuetext", "step 200 of 300")
        assert page.get_by_role("img", name="Attention heads").is_visible()
        assert page.evaluate("document.body.classList.contains('dark-mode')")
        page.wait_for_function("location.hash.includes('p.attnviz.run=run')")  # it is written a moment later
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 0
    assert not complaints


@pytest.mark.full
def test_a_notebook_shows_the_tab_served_by_its_kernel_or_kept_in_its_file(page: Page, shared_logdir: Path) -> None:
    import nbclient
    import nbformat

    cells = [
        f"import tb_attnviz\nrun = tb_attnviz.open_run({str(shared_logdir / 'run')!r})\nrun.show(height=500)",
        "run.show(server=False, steps='3', height=500)",
    ]
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))
    client = nbclient.NotebookClient(notebook, timeout=120)
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
            [output] = cell.outputs
            page.set_content(output["data"]["text/html"])
            tab = page.frame_locator("iframe").get_by_test_id("attnviz")
            expect(tab).to_have_attribute("data-ready", "true", timeout=60 * SECONDS)
            assert page.evaluate("[location.hash, document.body.className]") == ["", ""]
