"""A run in an S3 bucket, from the recorder to TensorBoard: 200 ms a request, and one in ten fails."""

import itertools
import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tb_attnviz
from tb_attnviz.events import RunWriter
from tests.conftest import LAYERS, PROBE, serving, wait_until, write_checkpoint

pytestmark = pytest.mark.full
moto = pytest.importorskip("moto.server", reason="make full installs moto and s3fs")

SECONDS = 0.2
FAILS = 10


class Far:
    """An object store as it is met: late, and now and then too busy."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._numbers = itertools.count(1)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        time.sleep(SECONDS)
        if next(self._numbers) % FAILS == 0:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response("503 Slow Down", [("Content-Type", "application/xml"), ("Connection", "close")])
            return [b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"]
        return self._application(environ, start_response)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty one, for this process and those that it starts."""
    from werkzeug.serving import make_server

    application = moto.DomainDispatcherApplication(moto.create_backend_app)
    server = make_server("127.0.0.1", 0, Far(application), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.port}"
    names = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in {**names, "S3_ENDPOINT": address, "AWS_ENDPOINT_URL": address}.items():
        monkeypatch.setenv(name, value)
    import fsspec

    fsspec.filesystem("s3", skip_instance_cache=True).mkdir("runs")
    yield "s3://runs/logs"  # of a bucket alone TensorBoard makes nothing
    server.shutdown()
    thread.join()


def test_a_run_is_recorded_there_and_served_from_there(bucket: str) -> None:
    writer = RunWriter(f"{bucket}/a")
    writer.begin(0, PROBE, LAYERS)
    for step in (0, 100, 200):
        write_checkpoint(writer, step)
    writer.close()
    run = tb_attnviz.open_run(f"{bucket}/a")
    assert (run.steps, run.damaged) == ([0, 100, 200], [])
    assert np.isfinite(run.samples(200, 1).queries).all()

    with serving("--load_fast=false", f"--logdir={bucket}") as address:

        def get(route: str) -> tuple[int, bytes]:
            with urllib.request.urlopen(f"{address}/data/plugin/attnviz/{route}") as answer:
                return answer.status, answer.read()

        def steps() -> list[list[int]]:
            return [found["steps"] for found in json.loads(get("runs")[1])["runs"]]

        wait_until(lambda: steps() == [[0, 100, 200]], seconds=120)
        points = "points?run=a&step=200&layer=1&projection=biplot&dims=2&fit=newest"
        wait_until(lambda: get(points)[0] == 200, seconds=60)
