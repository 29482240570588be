"""The store: kept for all processes, bounded, the least recently used gone first, and never in anybody's way."""

import logging
import multiprocessing
import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tb_attnviz.projection.store import DiskStore


def entries(directory: Path) -> list[Path]:
    return sorted(path for path in directory.glob("*/*") if path.is_file())


def unused_for(directory: Path, seconds: float) -> None:
    """As if nothing that is kept had been looked at for so long."""
    for path in entries(directory):
        os.utime(path, (time.time() - seconds,) * 2)


@settings(max_examples=30, deadline=None)
@given(contents=st.dictionaries(st.text(max_size=20), st.binary(max_size=300), max_size=8))
def test_what_is_put_is_got_also_by_another_process_later(
    tmp_path_factory: pytest.TempPathFactory, contents: dict[str, bytes]
) -> None:
    directory = tmp_path_factory.mktemp("store")
    store = DiskStore(directory)
    for key, value in contents.items():
        store.put(key, value)
    assert {key: DiskStore(directory).get(key) for key in contents} == contents
    assert DiskStore(directory).get("another key") is None


@settings(max_examples=60, deadline=None)
@given(data=st.data(), value=st.binary(min_size=1, max_size=200))
def test_a_damaged_or_torn_entry_is_dropped(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, value: bytes
) -> None:
    directory = tmp_path_factory.mktemp("store")
    store = DiskStore(directory)
    store.put("key", value)
    [path] = entries(directory)
    whole = path.read_bytes()
    if data.draw(st.booleans(), "torn"):
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    else:
        place, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
    assert store.get("key") is None
    assert not entries(directory)
    store.put("key", value)
    assert store.get("key") == value


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    store = DiskStore(tmp_path, limit_bytes=1000)
    for key in "abc":
        store.put(key, bytes(250))
    unused_for(tmp_path, 60)
    assert store.get("a") is not None
    assert store.get("c") is not None
    store.put("d", bytes(250))
    assert [key for key in "abcd" if store.get(key) is None] == ["b"]


def test_it_stays_below_its_limit_and_knows_its_size(tmp_path: Path) -> None:
    store = DiskStore(tmp_path, limit_bytes=10_000)
    for number in range(100):
        store.put(str(number), bytes(400))
        assert sum(path.stat().st_size for path in entries(tmp_path)) <= 10_000
    assert store.size_bytes == sum(path.stat().st_size for path in entries(tmp_path)) > 5_000
    store.put("large", bytes(10_001))
    assert store.get("large") is None


def test_an_entry_put_again_counts_once(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    for _ in range(3):
        store.put("key", bytes(500))
    assert store.size_bytes == entries(tmp_path)[0].stat().st_size


def test_a_smaller_limit_takes_effect_with_the_first_put(tmp_path: Path) -> None:
    for number in range(10):
        DiskStore(tmp_path).put(str(number), bytes(500))
    DiskStore(tmp_path, limit_bytes=2000).put("last", bytes(500))
    assert len(entries(tmp_path)) <= 3


def test_files_are_not_counted_at_every_put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: counted.append(path) or scandir(path))  # type: ignore[func-returns-value]
    store = DiskStore(tmp_path)
    for number in range(50):
        store.put(str(number), b"value")
    assert counted.count(tmp_path) == 1


def test_unfinished_files_of_dead_processes_are_removed(tmp_path: Path) -> None:
    DiskStore(tmp_path).put("key", b"value")
    [path] = entries(tmp_path)
    for name, age in (("old.part", 7200), ("new.part", 0)):
        path.with_name(name).write_bytes(b"half")
        os.utime(path.with_name(name), (time.time() - age,) * 2)
    DiskStore(tmp_path).put("key", b"value")
    assert sorted(found.name for found in entries(tmp_path)) == sorted([path.name, "new.part"])


@pytest.mark.parametrize("place", ["a file", "read-only"])
def test_where_nothing_can_be_written_nothing_is_kept_and_it_is_said_once(
    tmp_path: Path, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    if place == "a file":
        directory = tmp_path / "file"
        directory.write_text("not a directory")
    else:
        if os.geteuid() == 0:
            pytest.skip("root writes everywhere")
        directory = tmp_path / "locked"
        directory.mkdir(mode=0o500)
    store = DiskStore(directory)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            store.put("key", b"value")
            assert store.get("key") is None
    assert store.size_bytes == 0
    [record] = caplog.records
    assert "TB_ATTNVIZ_CACHE" in record.getMessage()


def test_a_full_disk_costs_what_did_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = DiskStore(tmp_path)
    store.put("before", b"value")

    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full)
        store.put("during", b"value")
    store.put("after", b"value")
    assert [store.get(key) for key in ("before", "during", "after")] == [b"value", None, b"value"]
    assert len(entries(tmp_path)) == 2, "nothing is left of what did not fit"
    assert "No space left" in caplog.text


def test_the_environment_names_the_place_and_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TB_ATTNVIZ_CACHE", str(tmp_path / "there"))
    monkeypatch.setenv("TB_ATTNVIZ_CACHE_BYTES", "12345")
    store = DiskStore()
    assert (store.directory, store.limit_bytes) == (tmp_path / "there", 12345)
    monkeypatch.setenv("TB_ATTNVIZ_CACHE_BYTES", "a lot")
    assert DiskStore().limit_bytes == 4 * 2**30
    assert "not 'a lot'" in caplog.text


def _put_and_get(directory: str, worker: int, wrong: "multiprocessing.Queue[str]") -> None:
    """Keys are shared by all; every value of key `n` is made of n."""
    store = DiskStore(directory, limit_bytes=20_000)
    for turn in range(150):
        key = (turn * (worker + 1)) % 40
        value = store.get(str(key))
        if value is not None and (not value or set(value) != {key}):
            wrong.put(f"{key}: {value[:20]!r}")
        store.put(str(key), bytes([key]) * (300 + 10 * worker))


def test_processes_share_it_without_waiting_for_each_other(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    wrong: multiprocessing.Queue[str] = context.Queue()
    processes = [context.Process(target=_put_and_get, args=(str(tmp_path), worker, wrong)) for worker in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert wrong.empty()
    kept = entries(tmp_path)
    assert not [path for path in kept if path.suffix == ".part"]
    assert 0 < sum(path.stat().st_size for path in kept) <= 20_000 * 1.25
