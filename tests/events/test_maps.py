"""Small maps: what they hold survives 8 bits, they are thinned with age, and one that is lost costs itself."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tensorboard.compat.proto.event_pb2 import Event

import tb_attnviz
from tb_attnviz.events import (
    AttentionMap,
    FormatError,
    LayerMaps,
    MapsLocation,
    RunWriter,
    SamplesLocation,
    encode_maps,
    read_maps,
    steps_of_maps,
)
from tb_attnviz.events.arrays import add_array
from tb_attnviz.events.records import frame, unframe
from tb_attnviz.run import NotRecordedError, maps
from tests.conftest import LAYERS, PROBE


def attention_map(heads: int, length: int, *, seed: int = 0) -> AttentionMap:
    """Of random causal attention [heads, length, length], by the definitions of docs/format.md, one loop at a time."""
    logits = np.random.default_rng(seed).normal(scale=3, size=(heads, length, length))
    weights = np.exp(logits) * np.tril(np.ones((length, length)))
    weights /= weights.sum(axis=2, keepdims=True)
    bins = min(length, 32)
    edges = [b * length // bins for b in range(bins + 1)]
    pooled = np.zeros((heads, bins, bins))
    for i in range(bins):
        for j in range(bins):
            block = weights[:, edges[i] : edges[i + 1], edges[j] : edges[j + 1]]
            pooled[:, i, j] = block.sum(axis=2).mean(axis=1)
    offsets = np.stack([np.diagonal(weights, -o, 1, 2).mean(axis=1) for o in range(length - 1, -1, -1)], axis=1)
    first = weights[:, :32, :32]
    single = [np.asarray(array, np.float32) for array in (first, pooled, offsets)]
    return AttentionMap((length, length), *single, offsets_from=(1 - length,))


def maps_of(seed: int) -> list[LayerMaps]:
    """Of both LAYERS."""
    return [
        {"text": attention_map(layer.heads, 40, seed=seed), "repeated": attention_map(layer.heads, 10, seed=seed + 1)}
        for layer in LAYERS
    ]


def assert_close(found: AttentionMap, wanted: AttentionMap) -> None:
    assert (found.lengths, found.offsets_from) == (wanted.lengths, wanted.offsets_from)
    for part in ("first", "pooled", "offsets"):
        read, meant = getattr(found, part), getattr(wanted, part)
        largest = np.nanmax(np.where(np.isnan(meant), 0, meant).reshape(len(meant), -1), axis=1)
        largest = largest.reshape(-1, *(1,) * (meant.ndim - 1))
        # half a code: (c ± 0.5)² − c² = ± c + 0.25 in units of largest / 254²
        error = (np.sqrt(np.maximum(meant, 0) / np.where(largest > 0, largest, 1)) * 254 + 0.26) / 254**2 * largest
        np.testing.assert_array_equal(np.isnan(read), np.isnan(meant))
        assert np.all((np.abs(read - meant) <= error * 1.01) | np.isnan(meant)), part


def recorded(directory: Path, steps: range, max_bytes: int | None = None) -> Path:
    writer = RunWriter(str(directory), max_bytes=max_bytes)
    writer.begin(steps[0], PROBE, LAYERS)
    for step in steps:
        writer.write_health(step, {"sink": np.zeros(10, np.float32)}, maps=maps_of(step))
    writer.close()
    return directory


def test_they_come_back_within_half_a_code(tmp_path: Path) -> None:
    run = tb_attnviz.open_run(recorded(tmp_path, range(0, 20, 10)))
    assert run.map_steps == [0, 10]
    assert run.map_kinds == ("text", "repeated")
    for step in run.map_steps:
        for layer, wanted in enumerate(maps_of(step)):
            found = run.maps(step, layer)
            assert found.keys() == wanted.keys()
            for kind, of_kind in found.items():
                assert_close(of_kind, wanted[kind])
    np.testing.assert_allclose(run.maps(0, 0)["text"].pooled.sum(axis=2), 1, atol=0.05)


def test_patches_heads_that_are_not_finite_and_empty_ones(tmp_path: Path) -> None:
    first = np.zeros((3, 4, 4), np.float32)
    first[0] = np.nan
    first[1, 2, 3] = 1
    offsets = np.random.default_rng(0).random((3, 3, 3)).astype(np.float32)
    offsets[2, 0, 0] = np.nan
    received = first[:, :2, :2]
    image = AttentionMap((4, 4), first, first, offsets, offsets_from=(-1, -1), received=received)
    writer = RunWriter(str(tmp_path))
    writer.begin(0, PROBE, LAYERS)
    writer.write_health(0, {"sink": np.zeros(10, np.float32)}, maps=[{"2 × 2": image}, {}])
    run = tb_attnviz.open_run(tmp_path)
    assert_close(run.maps(0, 0)["2 × 2"], image)
    np.testing.assert_array_equal(run.maps(0, 0)["2 × 2"].received, received)
    assert run.map_kinds == ("2 × 2",)
    assert run.maps(0, 1) == {}
    with pytest.raises(NotRecordedError, match="no layer 2"):
        run.maps(0, 2)


def test_their_bytes_are_known_beforehand(tmp_path: Path) -> None:
    """5,120 heads: 5 MB a step for each of the two square maps."""
    size = sum(len(encode_maps(maps, step=0)) for maps in maps_of(0))
    [path] = (recorded(tmp_path, range(1)) / "plugins" / "attnviz-figures" / "maps").iterdir()
    assert size <= path.stat().st_size < size + 50
    codes = 10 * (2 * 32 * 32 + 40 + 2 * 10 * 10 + 10)
    assert codes <= size < codes + 10 * 3 * 4 * 2 + 1500


def test_a_map_that_is_too_large_is_refused() -> None:
    large = np.zeros((1, 33, 32), np.float32)
    with pytest.raises(ValueError, match=r"sides of \(33, 32, 32, 32\): give at most 32"):
        encode_maps({"text": AttentionMap((33, 32), large, large[:, :32], large[:, 0], (0,))}, step=0)


def test_older_ones_are_thinned_and_figures_are_not(tmp_path: Path) -> None:
    one = sum(len(encode_maps(maps, step=0)) for maps in maps_of(0)) + 50
    run = tb_attnviz.open_run(recorded(tmp_path, range(0, 400, 10), max_bytes=8 * one))
    maps = tmp_path / "plugins" / "attnviz-figures" / "maps"
    assert sum(path.stat().st_size for path in maps.iterdir()) <= 8 * one
    assert run.health_steps == list(range(0, 400, 10))
    left = sorted(int(path.name.split("-")[1]) for path in maps.iterdir())
    assert run.map_steps == left
    for step in run.health_steps:
        if step in left:
            assert run.maps(step, 0)
        else:
            with pytest.raises(NotRecordedError, match=f"of step {step} were thinned"):
                run.maps(step, 0)
    assert (left[0], left[-1]) == (0, 390)
    with pytest.raises(NotRecordedError, match="no figures at step 5"):
        run.maps(5, 0)


def test_damage_and_swapped_files_are_told(tmp_path: Path) -> None:
    run = tb_attnviz.open_run(recorded(tmp_path, range(0, 20, 10)))
    first, second = sorted((tmp_path / "plugins" / "attnviz-figures" / "maps").iterdir())
    whole = first.read_bytes()
    for at in range(60, len(whole), 37):
        first.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(FormatError, match=f"maps of step 0 in {first.name} cannot be read"):
            _ = [run.maps(0, layer) for layer in range(2)]
    first.write_bytes(second.read_bytes())
    with pytest.raises(FormatError, match="it is not what was recorded at this step"):
        run.maps(0, 0)


def test_two_figures_files_that_are_swapped_cost_nothing(tmp_path: Path) -> None:
    for steps in (range(2), range(2, 4)):
        recorded(tmp_path, steps)
    before = tb_attnviz.open_run(tmp_path)
    one, other = sorted((tmp_path / "plugins" / "attnviz-figures").glob("figures-*.events"))
    one.rename(tmp_path / "kept")
    other.rename(one)
    (tmp_path / "kept").rename(other)
    run = tb_attnviz.open_run(tmp_path)
    assert (run.map_steps, run.damaged) == ([0, 1, 2, 3], [])
    assert run.records.newest.first_steps == before.records.newest.first_steps == {1: 0, 2: 2}
    for step in run.map_steps:
        np.testing.assert_array_equal(run.maps(step, 0)["text"].pooled, before.maps(step, 0)["text"].pooled)


def test_their_folder_is_listed_again_only_where_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tb_attnviz.open_run(recorded(tmp_path, range(3)))
    folder = tmp_path / "plugins" / "attnviz-figures" / "maps"
    os.utime(folder, (1_600_000_000, 1_600_000_000))
    listings = []

    def counted(directory: str) -> set[tuple[int, int]]:
        listings.append(directory)
        return steps_of_maps(directory)

    monkeypatch.setattr(maps, "steps_of_maps", counted)
    assert [run.map_steps for _ in range(5)] == [[0, 1, 2]] * 5
    assert len(listings) == 1
    next(folder.glob("maps-000000001-*")).unlink()
    assert [run.map_steps for _ in range(2)] == [[0, 2]] * 2  # within a tick of the clock another may go
    assert len(listings) == 3


WRONG: dict[str, npt.NDArray[Any]] = {
    "text/lengths": np.zeros((), np.int32),
    "text/offsets_from": np.array([5], np.int32),
    "text/first": np.zeros((4, 40), np.uint8),
    "text/pooled": np.zeros((4, 1, 40), np.uint8),
    "text/offsets": np.zeros((4, 79), np.int16),
    "text/first_scale": np.zeros(5, np.float32),
    "text/offsets_scale": np.zeros((4, 1), np.float32),
    "text/pooled_scale": np.full(4, np.inf, np.float32),
}
SAYS = {"text/pooled_scale": "a scale of 'text' is not finite"}  # of the others that they do not fit


@pytest.mark.parametrize("name", WRONG)
def test_arrays_that_do_not_fit_are_refused_whoever_wrote_them(tmp_path: Path, name: str) -> None:
    recorded(tmp_path, range(1))
    [path] = (tmp_path / "plugins" / "attnviz-figures" / "maps").iterdir()
    event = Event.FromString(unframe(encode_maps(maps_of(0)[0], step=0)))
    sound = [value for value in event.summary.value if value.tag != name]
    del event.summary.value[:]
    event.summary.value.extend(sound)
    add_array(event, name, WRONG[name])
    record = frame(event.SerializeToString())
    path.write_bytes(record)
    location = MapsLocation(path.name, (SamplesLocation(0, len(record), record[-4:].hex()),), ("text",))
    says = SAYS.get(name, "the arrays of 'text' do not fit")
    with pytest.raises(FormatError, match=rf"maps of step 0 in .* cannot be read: {says}"):
        read_maps(str(tmp_path), location, 0, 0)
