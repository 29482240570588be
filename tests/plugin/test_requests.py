"""What anybody may ask: one sentence for each request that cannot be answered, and none holds a thread."""

import contextlib
import logging
import socket
import threading
from collections.abc import Iterator

import pytest
from werkzeug.serving import make_server
from werkzeug.test import Client

from tb_attnviz.events.files import UnreachableError
from tb_attnviz.plugin import reading
from tb_attnviz.plugin.plugin import AttnVizPlugin
from tests.plugin.conftest import asking

POINTS = {"run": "run", "step": 100, "layer": 0, "head": 0, "projection": "biplot", "dims": 2}
BODY = b'{"points": [0, 1, 2]}'


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # no browser
        ({"Origin": "http://localhost"}, 200),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "https://tb.example", "Sec-Fetch-Site": "same-origin"}, 200),  # behind a proxy
        ({"Origin": "http://tb.example", "X-Forwarded-Host": "tb.example, inner"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[::1"}, 403),  # no address at all
        ({"Origin": "http://[localhost]"}, 403),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Origin": "http://localhost:8080"}, 403),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": ""}, 403),
        ({"Origin": ""}, 403),
    ],
)
def test_a_page_of_another_site_may_not_post(plugin: AttnVizPlugin, headers: dict[str, str], status: int) -> None:
    client = Client(plugin.get_plugin_apps()["/points"])
    answer = client.post("/points", query_string=POINTS, data=BODY, headers=headers)
    assert (answer.status_code if status == 403 else 200) == status
    assert status == 200 or "a page of another site asked for this" in answer.json["error"]
    assert status == 403 or answer.status_code in (200, 202)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"points":' + b"[" * 100_000,
        b'{"points":' + b'{"a":' * 100_000,
        b'{"points":[' + b"[" * 900 + b"]" * 900 + b"]}",
        b'{"points":[' + b"9" * 5000 + b"]}",
        b'{"points":[' + b"9" * 4000 + b"]}",
        b'{"points":["' + b"\\u001b" * 1000 + b'"]}',
        b'{"points":[NaN]}',
        b"\x00" * 1000,
    ],
)
def test_a_body_that_cannot_be_gets_one_sentence_and_no_trace(
    plugin: AttnVizPlugin, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    answer = Client(plugin.get_plugin_apps()["/points"]).post("/points", query_string=POINTS, data=data)
    assert answer.status_code == 400
    assert len(answer.json["error"]) < 300
    assert not caplog.records


@pytest.mark.parametrize("ending", ["closed", "held"])
@pytest.mark.parametrize(
    "sent",
    [
        b"Content-Length: 1000\r\n\r\n{",
        b"Content-Length: 99999999999\r\n\r\n{",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{",
    ],
)
def test_a_body_that_does_not_come_gets_one_sentence_and_no_trace(
    plugin: AttnVizPlugin, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, sent: bytes, ending: str
) -> None:
    monkeypatch.setattr(reading, "PATIENCE_SECONDS", 0.5)
    answer = exchanged(plugin, "POST", sent, closed=ending == "closed")
    assert b" 400 " in answer.splitlines()[0]
    assert b"the body" in answer
    assert not errors(caplog)


@pytest.mark.parametrize(
    ("method", "sent", "status"),
    [
        ("GET", b"Content-Length: 1000\r\n\r\n{", 404),
        ("GET", b"Transfer-Encoding: chunked\r\n\r\n5\r\n{", 404),
        ("GET", b"\r\nand more", 404),
        ("PUT", b"Content-Length: 1000\r\n\r\n{", 400),
        ("POST", b"Origin: https://evil.example\r\nContent-Length: 1000\r\n\r\n{", 403),
        ("POST", b'Content-Length: 15\r\n\r\n{"points":[99]} and more', 400),
    ],
)
def test_what_comes_behind_a_request_is_not_waited_for(
    plugin: AttnVizPlugin,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    method: str,
    sent: bytes,
    status: int,
) -> None:
    """TensorBoard's server reads on until the client hangs up, and one that does not would hold a thread."""
    monkeypatch.setattr(reading, "PATIENCE_SECONDS", 0.5)
    answer = exchanged(plugin, method, sent, closed=False, step=100 if method == "POST" else 7)
    assert int(answer.split()[1]) == status
    assert not errors(caplog)


@pytest.mark.parametrize(
    ("error", "status", "sentence", "logged"),
    [
        (FileNotFoundError(2, "No such file", "samples-000000100-00ff.events"), 404, "the samples of this step are", 0),
        (FileNotFoundError(2, "No such file", "/usr/bin/python3"), 503, "could not be computed (FileNotFoundError)", 1),
        (UnreachableError("SlowDown: try later"), 503, "does not answer (SlowDown: try later): ask again", 0),
    ],
)
def test_why_there_is_no_picture_is_told_as_it_is(
    plugin: AttnVizPlugin,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: OSError,
    status: int,
    sentence: str,
    logged: int,
) -> None:
    def refused(*_: object, **__: object) -> bytes:
        raise error

    monkeypatch.setattr(plugin._jobs, "result", refused)
    answer = asking(plugin)("points", **POINTS)
    assert (answer.status_code, sentence in answer.json["error"]) == (status, True)
    assert len(errors(caplog)) == logged


def exchanged(plugin: AttnVizPlugin, method: str, sent: bytes, *, closed: bool, step: int = 100) -> bytes:
    """All that is answered until the server hangs up. `closed`: nothing more will be sent; or it may yet be."""
    with served(plugin) as port, socket.create_connection(("127.0.0.1", port)) as connection:
        query = "&".join(f"{name}={value}" for name, value in {**POINTS, "step": step}.items())
        connection.sendall(f"{method} /points?{query} HTTP/1.1\r\nHost: localhost\r\n".encode() + sent)
        if closed:
            connection.shutdown(socket.SHUT_WR)
        connection.settimeout(30)
        return b"".join(iter(lambda: connection.recv(4096), b""))


def errors(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.levelno >= logging.ERROR and record.name != "werkzeug"]


@contextlib.contextmanager
def served(plugin: AttnVizPlugin) -> Iterator[int]:
    """The route of points alone, over a real socket: its port."""
    server = make_server("127.0.0.1", 0, plugin.get_plugin_apps()["/points"], threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()
