"""Text of a run never acts on a terminal."""

import io
import os
from pathlib import Path

import pytest

from tb_attnviz.cli import main
from tb_attnviz.events import Alert, AlertRecord, Layer, ProbeRecord, RunWriter, Samples, Sequence
from tb_attnviz.terminal import plain, plain_traceback, show
from tests.conftest import make_samples

HOSTILE = "\x1b]0;owned\x07\x1b[2J\n\r\x9b31m\u202eevil\u2028"


def is_harmless(text: str) -> bool:
    return all(c == "\n" or c.isprintable() for c in text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("blocks.0 – Schlüssel 注意 😀", "blocks.0 – Schlüssel 注意 😀"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\nb\r\tc\0", r"a\nb\r\tc\x00"),
        ("\x9b2J", r"\x9b2J"),
        ("\u202egnp.exe\u2066", r"\u202egnp.exe\u2066"),
        ("half \udcff", r"half \udcff"),
    ],
)
def test_plain_text_has_no_codes(text: str, expected: str) -> None:
    assert plain(text) == expected


def test_lines_are_one_line_each() -> None:
    out = io.StringIO()
    show("a\nb", HOSTILE + "\ud800", file=out)
    assert out.getvalue().count("\n") == 2
    assert is_harmless(out.getvalue())
    assert is_harmless(plain_traceback(ValueError(HOSTILE)))


@pytest.mark.parametrize(
    ("encoding", "expected"), [("latin-1", b"4 \\u2192 5 \xd7 6\n"), ("utf-8", "4 → 5 × 6\n".encode())]
)
def test_letters_that_a_terminal_has_not_are_spelled(encoding: str, expected: bytes) -> None:
    said = io.BytesIO()
    out = io.TextIOWrapper(said, encoding=encoding)
    show("4 → 5 × 6", file=out)
    assert said.getvalue() == expected


@pytest.fixture
def logdir(tmp_path: Path) -> Path:
    """A run whose every name is hostile, beside one that cannot be read."""
    layer = Layer(HOSTILE, 2, 2, 3, 1.0, causal=False)
    name = os.fsencode("run \x1b[2J\n") + b"\xff"
    directory = os.fsdecode(os.path.join(os.fsencode(tmp_path), name))
    os.makedirs(directory)
    writer = RunWriter(directory)
    writer.begin(0, ProbeRecord((Sequence(("a", HOSTILE)),)), (layer,))
    samples = make_samples(layer, seed=0)
    for step in (0, 1):
        writer.write_checkpoint(step, [(layer, Samples(samples.queries[:, :2], samples.keys[:, :2]))])
    writer.write_alerts(AlertRecord(0, (Alert(0, "r", HOSTILE, True, 1.0, HOSTILE, ()),), active=1))
    writer.close()
    (tmp_path / "bad\x1b[2J").mkdir()
    broken = RunWriter(str(tmp_path / "bad\x1b[2J"))
    broken.begin(0, ProbeRecord((Sequence(("a",), kind=HOSTILE * 100),)), (layer,))
    broken.close()
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ["inspect", "{logdir}"],
        ["inspect", "{logdir}", "--json"],
        ["inspect", "{logdir}/\x1b[2J"],
        ["project", "{logdir}", "--projections", "pca", "--workers", "1"],
        ["project", "{logdir}", "--run", "\x1b[2J"],
        ["export", "{logdir}", "-o", "{logdir}/page.html"],
        ["export", "{logdir}", "-o", "{logdir}/page.html", "--run", "bad\x1b[2J"],
    ],
)
def test_commands_print_nothing_that_a_terminal_acts_on(
    logdir: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    main([word.format(logdir=logdir) for word in command])
    printed = capsys.readouterr()
    assert is_harmless(printed.out + printed.err)
    assert printed.out + printed.err
