"""Takes the README's pictures again, from the runs of the demos: `make pictures`, after `make demo`.

The head that is opened is the one with the highest induction figure at the newest step.
"""

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
from playwright.sync_api import expect, sync_playwright

import tb_attnviz

RUNS = Path(__file__).parents[1] / "demo" / "runs"
IMAGES = Path(__file__).parent / "images"
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
SIZE = {"width": 1680, "height": 945}


def newest_run() -> str:
    names = sorted(path.name for path in RUNS.glob("induction-*"))
    if not names:
        raise SystemExit("there is no run to take pictures of: record one with make demo")
    return names[-1]


def head_to_open(run: tb_attnviz.Run) -> tuple[int, int]:
    """Layer and head of the strongest induction head."""
    index = int(np.nanargmax(run.health()["induction"][-1]))
    for layer, described in enumerate(run.layers):
        if index < described.heads:
            return layer, index
        index -= described.heads
    raise AssertionError("health names more heads than the layers have")


def sequence_to_show(run: tb_attnviz.Run) -> tuple[int, int]:
    """The first repeated sequence, and a token of its second period."""
    for index, sequence in enumerate(run.probe.sequences):
        if sequence.repeat:
            return index, sequence.repeat.start + sequence.repeat.period + 2
    raise SystemExit("the run's probe has no repeated sequence: record it with make demo")


def serve(port: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(RUNS), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(100):
        try:
            urllib.request.urlopen(f"http://localhost:{port}/data/plugins_listing").close()
            return server
        except OSError:
            time.sleep(0.2)
    raise SystemExit("TensorBoard did not start")


def main() -> None:
    name = newest_run()
    run = tb_attnviz.open_run(RUNS / name)
    (layer, head), (sequence, token) = head_to_open(run), sequence_to_show(run)
    state = f"run={name}&tint=induction&layer={layer}&head={head}&sequence={sequence}&token={token}"
    keys = "".join(f"&p.attnviz.{pair}" for pair in state.split("&"))
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    server = serve(port)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            for scheme in ("light", "dark"):
                page = browser.new_page(viewport=SIZE)
                page.add_init_script("localStorage.setItem('tb-attnviz.introduced', '1')")  # no hint over the picture
                page.goto(f"http://localhost:{port}/?darkMode={str(scheme == 'dark').lower()}#attnviz{keys}")
                app = page.frame_locator("iframe:visible").get_by_test_id("attnviz")
                expect(app).to_have_attribute("data-ready", "true", timeout=120_000)
                page.screenshot(path=IMAGES / f"tab-{scheme}.png")
                page.close()
            browser.close()
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
