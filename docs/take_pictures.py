"""Takes the pictures of the README and of the tour again, from the runs of the demos: `make pictures`, after the demos.

A picture is an address: what it shows is in the link to it. Heads are chosen by what was recorded of them.
"""

import dataclasses
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

import tb_attnviz

RUNS = Path(__file__).parents[1] / "demo" / "runs"
IMAGES = Path(__file__).parent / "images"
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
INTRODUCED = "localStorage.setItem('tb-attnviz.introduced', '1')"  # the hint for first visits stays away
README, TOUR = (1680, 945), (1440, 810)


@dataclasses.dataclass(frozen=True)
class Shot:
    """One picture: `state` is what the address says."""

    name: str
    run: str
    state: Mapping[str, object]
    size: tuple[int, int] = TOUR
    scheme: str = "light"


def newest_run(demo: str) -> tb_attnviz.Run:
    names = sorted(path for path in RUNS.glob(f"{demo}-*"))
    if not names:
        raise SystemExit(f"there is no run of the demo {demo!r} to take pictures of: record it with make demo*")
    return tb_attnviz.open_run(names[-1])


def strongest(run: tb_attnviz.Run, figure: str) -> tuple[int, int]:
    """Layer and head with the highest figure at the newest step."""
    index = int(np.nanargmax(run.health()[figure][-1]))
    for layer, described in enumerate(run.layers):
        if index < described.heads:
            return layer, index
        index -= described.heads
    raise AssertionError("health names more heads than the layers have")


def opened(place: tuple[int, int]) -> dict[str, object]:
    return {"layer": place[0], "head": place[1]}


def induction() -> Iterator[Shot]:
    run = newest_run("induction")
    name, first, last = Path(run.directory).name, run.steps[0], run.steps[-1]
    head = opened(strongest(run, "induction"))
    sequence = next(i for i, one in enumerate(run.probe.sequences) if one.repeat)
    repeat = run.probe.sequences[sequence].repeat
    assert repeat is not None
    token = {"sequence": sequence, "token": repeat.start + repeat.period + 2}
    reading = {"tint": "induction", **head, **token}
    for scheme in ("light", "dark"):
        yield Shot(f"tab-{scheme}", name, {**reading, "cells": "attention"}, README, scheme)
    yield Shot("head", name, {"cells": "attention", "tint": "induction", **head, "large": "cell"})
    yield Shot("matrix", name, {"tint": "induction"})
    yield Shot("cells", name, {"cells": "attention", "tint": "none"})
    yield Shot("sorted", name, {"tint": "induction", "arrange": "induction", "border": "entropy", "pinned": "1-3.0-0"})
    yield Shot("trails", name, {**head, "tint": "none", "step": run.steps[len(run.steps) // 3], **token, "trail": 16})
    yield Shot("onion", name, {**head, "tint": "none", "against": name, "against_step": first, "way": "overlay"})
    yield Shot(
        "difference",
        name,
        {**head, "tint": "induction", "against": name, "against_step": first, "way": "difference", "frame": last},
    )
    yield Shot("map", name, {**reading, "form": "map", "tint": "previous"}, scheme="dark")


def minilm() -> Iterator[Shot]:
    run = newest_run("minilm")
    name = Path(run.directory).name
    yield Shot("search", name, {"find": "the, is", "tint": "search", "arrange": "search"})
    yield Shot("position", name, {"colour": "position", "tint": "none"})
    tsne = {"projection": "tsne", "colour": "false_neighbours", "heads": "L1"}
    yield Shot("tsne", name, {**opened(strongest(run, "next")), **tsne})


def vision() -> Iterator[Shot]:
    run = newest_run("vision")
    name = Path(run.directory).name
    yield Shot("directions", name, {"cells": "offsets", "tint": "none"})
    yield Shot("patches", name, {"tint": "distance"})
    yield Shot("image", name, {"tint": "distance", "layer": 0, "head": 2, "sequence": 6, "token": 28})


SUBJECTS = {"induction": induction, "minilm": minilm, "vision": vision}


@contextmanager
def tensorboard() -> Iterator[str]:
    """The address of one that serves the demos' runs."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"http://localhost:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(RUNS), "--port", address.rsplit(":", 1)[1]]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"{address}/data/plugins_listing").close()
                break
            except OSError:
                time.sleep(0.2)
        else:
            raise SystemExit("TensorBoard did not start")
        yield address
    finally:
        server.terminate()
        server.wait()


def take(browser: Browser, address: str, shot: Shot) -> None:
    width, height = shot.size
    page = browser.new_page(viewport={"width": width, "height": height})
    page.add_init_script(INTRODUCED)
    state = {"run": shot.run, "cells": "points", **shot.state}
    keys = "".join(f"&p.attnviz.{key}={urllib.parse.quote(str(value))}" for key, value in state.items())
    page.goto(f"{address}/?darkMode={str(shot.scheme == 'dark').lower()}#attnviz{keys}")
    app = page.frame_locator("iframe:visible").get_by_test_id("attnviz")
    expect(app).to_have_attribute("data-ready", "true", timeout=600_000)
    with tempfile.NamedTemporaryFile(suffix=".png") as whole:
        page.screenshot(path=whole.name)
        few = (
            Image.open(whole.name)
            .convert("RGB")
            .quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        )
        few.save(IMAGES / f"{shot.name}.png", optimize=True)
    page.close()


def main() -> None:
    wanted = sys.argv[1:] or list(SUBJECTS)
    shots = [shot for subject in wanted for shot in SUBJECTS[subject]()]
    with tensorboard() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for shot in shots:
            take(browser, address, shot)
            print(shot.name, flush=True)
        browser.close()


if __name__ == "__main__":
    main()
