"""Of our requests one is worked on at a time, unless it waits, or takes long."""

import threading

import pytest

from tb_attnviz.plugin import turns


def others_turn() -> bool:
    """Whether another thread gets the turn."""
    found: list[bool] = []

    def ask() -> None:
        with turns.taken():
            found.append(turns._of_this_thread.has_it)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return found[0]


def test_it_is_one_threads_turn_until_that_waits_or_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 0)
    with turns.taken():
        assert not others_turn()  # and yet it has gone on
        with turns.given_up():
            assert others_turn()
        assert not others_turn()
    assert others_turn()
    with pytest.raises(ZeroDivisionError), turns.taken():
        _ = 1 / 0
    assert others_turn()
