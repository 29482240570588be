"""Load and days: many clients scrub through a log directory of many runs while checkpoints arrive.

    python -m benchmarks.load --minutes 30 --write
    python -m benchmarks.load --minutes 1 --clients 20 --runs 30 --checkpoints 300 --gigabytes 1

One run is live, and gets `checkpoints` of them over the time; its samples files take `gigabytes` together, sparse.
What TensorBoard has in memory, its threads and its descriptors are to stay as they are once the clients have begun.
How long its other tabs wait is set beside how long they wait while as many clients ask, at the same pace, for something
that costs nothing: TensorBoard answers each request in a thread of one process.
"""

import argparse
import contextlib
import dataclasses
import json
import random
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks import page
from benchmarks.server import Neighbour, Usage, tensorboard, usage
from tb_attnviz.events import Layer, ProbeRecord, RunWriter, Samples
from tb_attnviz.events import Sequence as Text
from tests.conftest import wait_until

HEADS, LAYERS, TOKENS, D = 12, 4, 64, 16
STEPS_OF_OTHERS = 5
LOOKS = 60  # at what TensorBoard has
PAUSE = 0.05  # seconds between an answer and the next request of a client
BARE = "data/environment"  # a handler of TensorBoard's own that looks nothing up


@dataclasses.dataclass(frozen=True)
class Load:
    seconds: float
    clients: int
    runs: int
    checkpoints: int
    gigabytes: float


@dataclasses.dataclass
class Seen:
    """What came of it."""

    usages: list[Usage]
    waits: list[float]  # seconds of each request
    failed: list[str]
    idle_p99: float
    bare_p99: float
    loaded_p99: float

    @property
    def settled(self) -> list[Usage]:
        """Behind the first third, in which workers begin and caches fill."""
        return self.usages[len(self.usages) // 3 :]


class LiveRun:
    """A training that goes on: figures and samples at each checkpoint."""

    def __init__(self, directory: Path, padding: int = 0) -> None:
        self._layers = tuple(Layer(f"blocks.{i}.attention", HEADS, HEADS, D, 0.25, causal=True) for i in range(LAYERS))
        self._writer = RunWriter(str(directory))
        self._samples = directory / "plugins" / "attnviz"
        self._padding = padding
        self._rng = np.random.default_rng(0)
        self._writer.begin(0, ProbeRecord((Text(tuple(map(str, range(TOKENS)))),)), self._layers)

    def record(self, step: int) -> None:
        vectors = self._rng.standard_normal((2, LAYERS, HEADS, TOKENS, D), np.float32)
        layers = [(layer, Samples(vectors[0, i], vectors[1, i])) for i, layer in enumerate(self._layers)]
        checkpoint = self._writer.write_checkpoint(step, layers)
        if self._padding:
            with (self._samples / checkpoint.file).open("ab") as file:
                file.truncate(file.tell() + self._padding)
        self._writer.write_health(step, {"entropy": self._rng.random(LAYERS * HEADS, np.float32)})

    def close(self) -> None:
        self._writer.close()


class Client:
    """Somebody who scrubs: mostly in the live run, through its steps and layers."""

    def __init__(self, address: str, names: list[str], seed: int) -> None:
        self._address = address
        self._base = f"{address}/data/plugin/attnviz"
        self._names = names
        self._random = random.Random(seed)
        self.waits: list[float] = []
        self.failed: list[str] = []

    def scrub(self, ended: threading.Event) -> None:
        steps: dict[str, list[int]] = {}
        while not ended.is_set():
            name = self._names[0] if self._random.random() < 0.8 else self._random.choice(self._names)
            if name not in steps or self._random.random() < 0.02:
                found = self._get("runs", "steps=spans")
                for entry in json.loads(found)["runs"] if found else []:
                    spans = entry["steps"]  # those with samples, that TensorBoard has read
                    steps[entry["run"]] = [at + i * apart for at, apart, count in spans for i in range(count)]
            elif steps.get(name):
                step, layer = self._random.choice(steps[name]), self._random.randrange(LAYERS)
                place = f"run={name}&step={step}&layer={layer}&frame={step}&fit=newest"
                self._get("points", f"{place}&projection=biplot&dims=2")
            ended.wait(PAUSE)

    def rest(self, ended: threading.Event) -> None:
        """The same without a look at anything."""
        while not ended.is_set():
            with urllib.request.urlopen(f"{self._address}/{BARE}", timeout=60) as answer:
                answer.read()
            ended.wait(PAUSE)

    def _get(self, route: str, query: str) -> bytes | None:
        """What is answered in the end: a client asks again while it is computed."""
        begun = time.perf_counter()
        for _ in range(200):
            try:
                with urllib.request.urlopen(f"{self._base}/{route}?{query}", timeout=60) as answer:
                    body: bytes = answer.read()
                    if answer.status == 200:
                        self.waits.append(time.perf_counter() - begun)
                        return body
            except urllib.error.HTTPError as error:
                self.failed.append(f"{route}?{query}: {error.code}, {error.read(1000).decode(errors='replace')}")
                return None
            except OSError as error:
                self.failed.append(f"{route}?{query}: {error}")
                return None
            time.sleep(0.1)
        self.failed.append(f"{route}?{query}: not made after {time.perf_counter() - begun:.0f} s")
        return None


def bear(load: Load) -> Seen:
    """A TensorBoard over `load.runs` runs, for `load.seconds`."""
    with tempfile.TemporaryDirectory() as directory:
        logs = Path(directory)
        names = ["live", *(f"run{number}" for number in range(1, load.runs))]
        for name in names[1:]:
            run = LiveRun(logs / name)
            for step in range(STEPS_OF_OTHERS):
                run.record(step)
            run.close()
        live = LiveRun(logs / "live", int(load.gigabytes * 1e9 / max(load.checkpoints, 1)))
        live.record(0)
        with tensorboard("--load_fast=false", f"--logdir={logs}") as (address, process):
            return _under(load, address, process, names, live)


def _under(load: Load, address: str, process: Path, names: list[str], live: LiveRun) -> Seen:
    neighbour = Neighbour(address)
    wait_until(lambda: _listed(address) == len(names), seconds=600)
    idle = neighbour.ask(min(5.0, load.seconds / 4))
    clients = [Client(address, names, seed) for seed in range(load.clients)]
    with neighbour.asking(), _busy([client.rest for client in clients]):
        time.sleep(min(15.0, load.seconds / 4))
    bare = neighbour.p99
    usages: list[Usage] = []
    with neighbour.asking(), _busy([client.scrub for client in clients]):
        begun, written = time.monotonic(), 1
        while (past := time.monotonic() - begun) < load.seconds:
            while written < load.checkpoints * past / load.seconds:
                live.record(written)
                written += 1
            if past >= load.seconds * len(usages) / LOOKS:
                usages.append(usage(process))
            time.sleep(0.02)
    live.close()
    waits = [wait for client in clients for wait in client.waits]
    failed = [sentence for client in clients for sentence in client.failed]
    return Seen(usages, waits, failed, idle, bare, neighbour.p99)


@contextlib.contextmanager
def _busy(works: Sequence[Callable[[threading.Event], None]]) -> Iterator[None]:
    """Each in a thread of its own while the block runs, behind which it is told to end."""
    ended = threading.Event()
    threads = [threading.Thread(target=work, args=(ended,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _listed(address: str) -> int:
    with urllib.request.urlopen(f"{address}/data/plugin/attnviz/runs?steps=spans") as answer:
        return len(json.loads(answer.read())["runs"])


def described(load: Load, seen: Seen) -> str:
    first, last = seen.settled[0], seen.settled[-1]
    rows = []
    for name in ("megabytes", "threads", "descriptors"):
        found = getattr(first, name), getattr(last, name), max(getattr(each, name) for each in seen.usages)
        rows.append([name, *(f"{value:.0f}" for value in found)])
    waits = np.percentile(seen.waits, (50, 99)) if seen.waits else (np.nan, np.nan)
    what = (
        f"{load.clients} clients, {load.runs} runs, {load.checkpoints:,} checkpoints arriving, "
        f"{load.gigabytes:g} GB of samples, {load.seconds / 60:g} minutes. {len(seen.waits):,} answers, "
        f"{len(seen.failed)} failed; a client waits {waits[0]:.2f} s (median), {waits[1]:.2f} s (99th percentile, "
        f"workers starting among them). `/data/runs`, 99th percentile: {1000 * seen.idle_p99:.0f} ms idle, "
        f"{1000 * seen.loaded_p99:.0f} ms meanwhile, and {1000 * seen.bare_p99:.0f} ms while as many clients asked, "
        f"at the same pace, for `/{BARE}`, which looks nothing up: {seen.loaded_p99 / seen.bare_p99:.1f} times that."
    )
    header = ["TensorBoard has", "after a third of the time", "at the end", "at most"]
    return f"{page.machine('tensorboard', 'numpy')}. {what}\n\n{page.table(header, rows)}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--checkpoints", type=int, default=10_000, help="that arrive meanwhile")
    parser.add_argument("--gigabytes", type=float, default=5, help="that the live run's samples take, sparse")
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    given = parser.parse_args()
    load = Load(60 * given.minutes, given.clients, given.runs, given.checkpoints, given.gigabytes)
    seen = bear(load)
    text = described(load, seen)
    print(text, *seen.failed[:5], sep="\n")
    if given.write:
        page.write("load", text)


if __name__ == "__main__":
    main()
