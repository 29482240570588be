"""Real TensorBoards, asked over HTTP: both loaders, a path prefix, several log directories; and the plugin alone."""

import io
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import werkzeug.test
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins.base_plugin import TBContext
from werkzeug.test import TestResponse

from tb_attnviz.events import Alert, AlertedHead, AlertRecord
from tb_attnviz.plugin.plugin import AttnVizPlugin
from tests.conftest import serving, wait_until, write_run

SERVERS = {
    "python loader": ("--load_fast=false", "--logdir={logdir}"),
    "fast loader": ("--load_fast=true", "--logdir={logdir}"),
    "path prefix": ("--load_fast=false", "--path_prefix=/some/prefix", "--logdir={logdir}"),
    "logdir spec": ("--load_fast=false", "--logdir_spec=named:{logdir}"),
}

ALERT = Alert(100, "max_logit", "max_logit", True, 100, "max_logit is ∞", (AlertedHead(1, 2, float("inf")),), "above")


Ask = Callable[..., TestResponse]


class Client:
    def __init__(self, address: str) -> None:
        self.base = f"{address}/data/plugin/attnviz/"
        self.address = address

    def get(
        self, route: str, headers: dict[str, str] | None = None, post: bytes | None = None, **parameters: object
    ) -> tuple[int, Any, Any]:
        """Status, body (JSON or array), headers; a 202 is asked again until it is answered. `post`: by POST."""
        url = self.base + route + ("?" + urllib.parse.urlencode(parameters) if parameters else "")
        for _ in range(200):
            status, body, answered = fetch(url, headers or {}, post)
            if status != 202:
                return status, body, answered
            assert json.loads(body).keys() == {"state", "done", "total"}
            time.sleep(0.1)
        raise TimeoutError(url)

    def json(self, route: str, **parameters: object) -> Any:
        status, body, _ = self.get(route, **parameters)
        assert status == 200, body
        return json.loads(body)

    def array(self, route: str, **parameters: object) -> Any:
        status, body, _ = self.get(route, **parameters)
        assert status == 200, body
        return np.load(io.BytesIO(body))


def fetch(url: str, headers: dict[str, str], post: bytes | None = None) -> tuple[int, bytes, Any]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, post, headers), timeout=30) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers


def load(logdir: Path) -> AttnVizPlugin:
    """The plugin as TensorBoard's Python loader would have it."""
    multiplexer = EventMultiplexer(tensor_size_guidance={"attnviz": 0})
    multiplexer.AddRunsFromDirectory(str(logdir))
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, str(logdir))
    return AttnVizPlugin(TBContext(logdir=str(logdir), flags=SimpleNamespace(logdir_spec=""), data_provider=provider))


def asking(plugin: AttnVizPlugin) -> Ask:
    """Asks a route; again while it is being made, unless `once`."""

    def ask(route: str, *, once: bool = False, headers: dict[str, str] | None = None, **query: Any) -> TestResponse:
        client = werkzeug.test.Client(plugin.get_plugin_apps()[f"/{route}"])
        end = time.monotonic() + 60
        while True:
            answer = client.get(f"/{route}", query_string=query, headers=headers)
            if once or answer.status_code != 202 or time.monotonic() > end:
                return answer
            time.sleep(0.02)  # the processor is for who makes it

    return ask


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own."""
    monkeypatch.setenv("TB_ATTNVIZ_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def plugin(run_directory: Path, cache: Path) -> Iterator[AttnVizPlugin]:
    """Of the log directory above `run_directory`."""
    plugin = load(run_directory.parent)
    yield plugin
    plugin._jobs.close()


@pytest.fixture
def ask(plugin: AttnVizPlugin) -> Ask:
    return asking(plugin)


@pytest.fixture(scope="session")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("logs")
    writer = write_run(directory / "run", range(0, 400, 100))
    writer.write_alerts(AlertRecord(100, (ALERT,), active=1))
    writer.close()
    return directory


@pytest.fixture(scope="session", params=SERVERS)
def client(request: pytest.FixtureRequest, logdir: Path) -> Iterator[Client]:
    with serving(*(argument.format(logdir=logdir) for argument in SERVERS[request.param])) as address:
        client = Client(address)
        wait_until(lambda: steps(client) == [0, 100, 200, 300], seconds=60)
        yield client


# What every server answers alike is asked of one of them.
one_server = pytest.mark.parametrize("client", [next(iter(SERVERS))], indirect=True)


def steps(client: Client) -> list[int]:
    runs = client.json("runs")["runs"]
    return runs[0]["steps"] if runs else []


@pytest.fixture
def run(client: Client) -> str:
    [entry] = client.json("runs")["runs"]
    return str(entry["run"])
