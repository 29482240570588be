"""What is said while pictures are made."""

import io

import pytest

from tb_attnviz.ahead.progress import Progress, describe, duration


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_rate_and_time_left() -> None:
    assert describe(0, 1234, 3.0) == "0 of 1,234 pictures"
    assert describe(100, 1100, 50.0) == "100 of 1,100 pictures, 2.0 a second, 8 min 20 s left"
    assert describe(3, 5, 60.0) == "3 of 5 pictures, 3.0 a minute, 40 s left"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59.6, "1 min 0 s"), (3599.7, "1 h 0 min"), (7384, "2 h 3 min")]
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_bar_on_a_terminal() -> None:
    out = Terminal()
    progress = Progress(2, out)
    progress.add()
    progress.close()
    first, half = out.getvalue().removesuffix("\n").split("\r\x1b[K")[1:]
    assert first == "░" * 30 + " 0 of 2 pictures"
    assert half.startswith("█" * 15 + "░" * 15 + " 1 of 2 pictures, ")


def test_a_line_now_and_then_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    progress = Progress(4, out)
    for _ in range(3):
        now[0] += 6.0
        progress.add()
    progress.close()
    assert out.getvalue() == "2 of 4 pictures, 10.0 a minute, 12 s left\n"
