"""Runs written with the real writer, a real TensorBoard that serves them, and a real Chromium to look at it."""

import atexit
import contextlib
import functools
import gc
import os
import re
import shutil
import socket
import struct
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TextIO

# Before NumPy and PyTorch are there, and for every process that a test starts: arrays so small would only wait for
# threads, which wait by spinning, and the tests' processes are as many as the processors.
for _library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

import hypothesis  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
from playwright.sync_api import Browser, Playwright, sync_playwright  # noqa: E402

from tb_attnviz.events import Layer, ProbeRecord, Repeat, RunWriter, Samples, Sequence  # noqa: E402
from tb_attnviz.events.png import image_name  # noqa: E402
from tests.forks import Forks  # noqa: E402

hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]

LAYERS = (Layer("blocks.0.attention", 4, 4, 8, 8**-0.5, causal=True), Layer("blocks.1.attention", 6, 2, 8, 0.3, False))
PROBE = ProbeRecord(
    (
        Sequence(
            ("the", "sky", "is", "blue", "today"),
            labels={
                "part of speech": ("DET", "NOUN", "VERB", "ADJ", "ADV"),
                "year": (1.0, 2.0, float("nan"), 4.0, 5.0),
            },
        ),
        Sequence(tuple("qrstuqrstu"), repeat=Repeat(0, 5)),
        Sequence(("one", "two", "three")),
    )
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """At the end of all tests no processor waits for one that takes long."""
    items.sort(key=lambda item: item.get_closest_marker("first") is None)


def pytest_sessionstart() -> None:
    """Nothing of the modules that are imported now is garbage."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Whoever collects garbage from now on looks through none of the millions of objects that are there to stay."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test, and no TensorBoard that one starts, reads or writes the user's own cache."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TB_ATTNVIZ_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _nothing_stays_compiled() -> Iterator[None]:
    """What a test compiles is not met by the next one of its process: training batches would not be looked at there."""
    yield
    dynamo = sys.modules.get("torch._dynamo.utils")
    if dynamo is not None and dynamo.counters["frames"]["total"] > 0:
        sys.modules["torch"].compiler.reset()
        dynamo.counters.clear()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """The only one of the process: it would not start beside another."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where the browser is: the one without windows, where there is one, needs less of the processor."""
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert path, "the browser's tests need Chromium on the PATH as 'chromium': make chromium"
    return path


@pytest.fixture(scope="session")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    """A browser without a history, for contexts of their own."""
    browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
    yield browser
    browser.close()


def make_samples(layer: Layer, *, seed: int) -> Samples:
    """Random queries and keys of `layer` for PROBE."""
    rng = np.random.default_rng(seed)
    queries = rng.normal(size=(layer.heads, PROBE.tokens, layer.head_dim)).astype(np.float32)
    keys = rng.normal(size=(layer.kv_heads, PROBE.tokens, layer.head_dim)).astype(np.float32)
    return Samples(queries, keys)


def write_checkpoint(writer: RunWriter, step: int) -> None:
    """One checkpoint of LAYERS whose heads drift with the step, and its health figures."""
    layers = []
    for index, layer in enumerate(LAYERS):
        start, end = make_samples(layer, seed=index), make_samples(layer, seed=index + 100)
        share = step / 400
        samples = Samples(
            start.queries * (1 - share) + end.queries * share, start.keys * (1 - share) + end.keys * share
        )
        layers.append((layer, samples))
    writer.write_checkpoint(step, layers)
    heads = sum(layer.heads for layer in LAYERS)
    entropy = np.linspace(1, 0.1, heads, dtype=np.float32) - step / 1000
    writer.write_health(step, {"entropy": entropy, "max_logit": np.full(heads, np.inf, np.float32)})


def write_run(directory: Path, steps: Iterable[int]) -> RunWriter:
    """The writer of a run in `directory` that has its probe, and checkpoints at `steps`."""
    writer = RunWriter(str(directory))
    writer.write_probe(PROBE, step=0)
    for step in steps:
        write_checkpoint(writer, step)
    return writer


def make_png(width: int, height: int, *, shade: int = 128) -> tuple[str, bytes]:
    """A grey image, under the name that its content gives it."""
    pixels = zlib.compress(bytes([0, *[shade] * width]) * height)
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", pixels), (b"IEND", b""))
    png = b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, content) for kind, content in chunks)
    return image_name(png), png


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[RunWriter]:
    """A writer of the run `tmp_path / "run"`, its probe written."""
    run_writer = RunWriter(str(tmp_path / "run"))
    run_writer.write_probe(PROBE, step=0)
    yield run_writer
    run_writer.close()


@pytest.fixture
def run_directory(writer: RunWriter, tmp_path: Path) -> Path:
    """A run with checkpoints at steps 0, 100, 200, 300."""
    for step in range(0, 400, 100):
        write_checkpoint(writer, step)
    return tmp_path / "run"


@functools.cache
def _forks() -> Forks:
    forks = Forks(
        "tensorboard.default", "tensorboard.main_lib", "tensorboard.program", "tb_attnviz.plugin.plugin", "loky"
    )
    atexit.register(forks.close)
    return forks


@contextlib.contextmanager
def serving(*arguments: str, port: int = 0) -> Iterator[str]:
    """A real TensorBoard with these arguments, at `port` or one that is free; gives its address, ends it afterwards."""
    server = _forks().start("tensorboard.main", "--port", str(port), "--reload_interval", "1", *arguments)
    limit = threading.Timer(120, server.kill)
    limit.start()
    try:
        address = _address_said_by(server.output)
        limit.cancel()
        yield address
    finally:
        limit.cancel()
        server.end()


def _address_said_by(output: TextIO) -> str:
    said = []
    for line in output:
        said.append(line)
        if found := re.search(r"^TensorBoard .* at (http://\S+)/ ", line):
            return found[1]
    raise RuntimeError("TensorBoard ended at once:\n" + "".join(said))


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return int(free.getsockname()[1])


def wait_until(condition: Callable[[], object], *, seconds: float) -> None:
    """Returns once `condition` holds; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s: {condition}")
        time.sleep(0.1)
