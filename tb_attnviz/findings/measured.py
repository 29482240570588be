"""Measured: every measure of every head over the steps, put together from what is known of each step.

What maps and samples say of a step is kept in the store under a key of the step's own: of a run that grows only what is
new is read. Of very many steps every second, fourth, … is measured, always the same ones as the run grows.
"""

import dataclasses
import functools
import hashlib
import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tb_attnviz import comparison
from tb_attnviz.array_types import Float32
from tb_attnviz.comparison import RecordedLayer
from tb_attnviz.events import FiguresLocation, FormatError, MapsLocation, files, read_figures, read_maps
from tb_attnviz.events.records import CorruptRecordError, TornRecordError
from tb_attnviz.findings.from_figures import expected, from_figures
from tb_attnviz.findings.from_maps import from_maps
from tb_attnviz.findings.from_passes import costs, from_connections, from_costs
from tb_attnviz.findings.from_samples import from_samples
from tb_attnviz.findings.kinds import FOLLOWS, Kind, kinds_with
from tb_attnviz.findings.recorded import Recorded
from tb_attnviz.projection.ports import Report, Store, unreported
from tb_attnviz.recompute import TooLargeError

_VERSION = 2  # of what is measured
_UNREADABLE = (OSError, FormatError, CorruptRecordError, TornRecordError, files.NotRegularError)
_HEALTH = "health/"
_MOST_STEPS = 256
_FEWEST_SAMPLED = 8
_MOST_WEIGHTS = 2**32  # attention weights that are computed for all steps together: a few minutes


@dataclasses.dataclass(frozen=True)
class Measured:
    """Measures over `steps`, each float32 [steps, heads], NaN where a step does not tell.

    `names`: "share/<measure>" is what people are told, "over/<measure>" what rules look at, "offset/…" says where;
    "figure/<name>" is a health figure itself.
    """

    steps: tuple[int, ...]
    heads: int
    values: dict[str, Float32]
    sampled: tuple[int, ...]  # steps whose samples were measured
    lost: dict[int, str] = dataclasses.field(default_factory=dict)  # step → why its figures or maps cannot be read

    @functools.cached_property
    def kinds(self) -> tuple[Kind, ...]:
        """All that heads can be here."""
        over = sorted(name.removeprefix("over/") for name in self.values if name.startswith(f"over/{FOLLOWS}"))
        return kinds_with(over)

    def get(self, name: str) -> Float32:
        found = self.values.get(name)
        return np.full((len(self.steps), self.heads), np.nan, np.float32) if found is None else found

    def held(self, name: str) -> Float32:
        """The same, where a step does not tell the last that did before."""
        return carried(self.get(name))

    def told(self, name: str, head: int, row: int) -> tuple[float, int]:
        """The last value of `head` that is known at `row`, and the row that it is of; NaN at `row` where none is."""
        of_all = self.values.get(name)
        if of_all is None or not np.isnan(of_all[row, head]):
            return (float("nan") if of_all is None else float(of_all[row, head])), row
        values = of_all[: row + 1, head]
        known = np.flatnonzero(~np.isnan(values))
        return (float(values[known[-1]]), int(known[-1])) if known.size else (float("nan"), row)


def carried(values: Float32) -> Float32:
    """`values` [steps, …] with what is not known filled from the step before."""
    found = values.copy()
    for row in range(1, len(found)):
        found[row] = np.where(np.isnan(found[row]), found[row - 1], found[row])
    return found


def measured(recorded: Recorded, store: Store, report: Report) -> Measured:
    """Reads what `store` has not yet, and puts it there. A step that cannot be read tells nothing.

    Raises files.UnreachableError: what is away for a while would be missed for good.
    """
    mapped, sampled = thinned(recorded.maps, _MOST_STEPS), thinned(sorted(recorded.checkpoints), _most(recorded))
    by_step: dict[int, dict[str, Float32]] = {}
    by_chance = expected(recorded)
    cost: dict[int, Float32] = {}
    lost: dict[int, str] = {}
    for step in sorted(recorded.figures):
        arrays = _arrays(recorded.figures[step], step, lost)
        figures = _figures(arrays, len(recorded.heads))
        if figures:
            by_step[step] = from_figures(recorded, figures, by_chance) | from_connections(arrays, len(recorded.heads))
            if (of_step := costs(arrays, len(recorded.heads))) is not None:
                cost[step] = of_step
    for step, measures in from_costs(cost).items():
        by_step[step] |= measures
    total = len(mapped) + len(sampled)
    for done, step in enumerate(mapped):
        report(done, total)
        by_step.setdefault(step, {}).update(_of_maps(recorded, step, store, lost))
    first = sampled[0] if sampled else None
    for done, step in enumerate(sampled):
        report(len(mapped) + done, total)
        assert first is not None
        by_step.setdefault(step, {}).update(_of_samples(recorded, step, first, store))
    steps = tuple(sorted(by_step))
    heads = len(recorded.heads)
    names = dict.fromkeys(name for of_step in by_step.values() for name in of_step)
    unknown = np.full(heads, np.nan, np.float32)
    values = {name: np.stack([by_step[step].get(name, unknown) for step in steps]) for name in names}
    return Measured(steps, heads, values, tuple(sampled), lost)


def thinned(steps: Sequence[int], most: int) -> list[int]:
    """Every 2ᵏ-th of `steps`, as many as `most` allows, and the last one: of a longer run a part of the same ones."""
    stride = 1
    while len(steps) > most * stride:
        stride *= 2
    return sorted({*steps[::stride], *steps[-1:]})


def _most(recorded: Recorded) -> int:
    """How many steps' samples are measured: the fewer, the more attention there is."""
    weights = 0
    for layer in recorded.layers:
        lengths = layer.lengths(recorded.probe)
        weights += layer.heads * sum(n * m for n, m in zip(lengths.queries, lengths.keys, strict=True))
    return int(np.clip(_MOST_WEIGHTS // max(1, 4 * weights), _FEWEST_SAMPLED, _MOST_STEPS))


def _arrays(at: FiguresLocation | dict[str, Float32], step: int, lost: dict[int, str]) -> dict[str, npt.NDArray[Any]]:
    """All arrays of a step by their names; none where it cannot be read, which is put into `lost`."""
    if isinstance(at, dict):
        return {_HEALTH + name: values for name, values in at.items()}
    try:
        return read_figures(at)
    except FormatError as error:
        lost[step] = str(error)
        return {}


def _figures(arrays: dict[str, npt.NDArray[Any]], heads: int) -> dict[str, Float32]:
    named = {name.removeprefix(_HEALTH): values for name, values in arrays.items() if name.startswith(_HEALTH)}
    return {name: values for name, values in named.items() if values.shape == (heads,)}


def _of_maps(recorded: Recorded, step: int, store: Store, lost: dict[int, str]) -> dict[str, Float32]:
    at = recorded.figures[step]
    location = None if isinstance(at, dict) else _maps_location(at)
    if location is None or len(location.layers) != len(recorded.layers):
        return {}
    key = _key("maps", recorded.digest, location.file, [layer.checksum for layer in location.layers])

    def read() -> dict[str, Float32]:
        layers = range(len(location.layers))
        try:
            return _joined([from_maps(recorded, n, read_maps(recorded.directory, location, n, step)) for n in layers])
        except FormatError as error:
            lost[step] = str(error)
            raise

    return _kept(store, key, read)


def _maps_location(at: FiguresLocation) -> MapsLocation | None:
    try:
        return at.maps_location()
    except FormatError:
        return None


def _of_samples(recorded: Recorded, step: int, first: int, store: Store) -> dict[str, Float32]:
    layers, start = recorded.samples_at(step), recorded.samples_at(first)
    try:
        addresses = [one.address() for one in (*layers, *start)]
    except files.UnreachableError:
        raise
    except _UNREADABLE:
        return {}
    return _kept(store, _key("samples", recorded.digest, addresses), lambda: _measure(recorded, layers, start))


def _measure(recorded: Recorded, layers: list[RecordedLayer], start: list[RecordedLayer]) -> dict[str, Float32]:
    each = []
    for layer, before in zip(layers, start, strict=True):
        own, others = (recorded.probe.side(side) for side in (layer.layer.queries_of, layer.layer.keys_of))
        each.append(from_samples(layer, own, others))
        try:
            moved = comparison.change(before, layer, unreported)
        except files.UnreachableError:
            raise
        except _UNREADABLE:  # of the first step: this one is whole
            moved = np.full(layer.layer.heads, np.nan, np.float32)
        each[-1] |= {"share/moved": moved, "over/moved": moved}
    try:
        alike, partner = comparison.nearest(layers)
    except TooLargeError:
        return _joined(each)
    of_partner = np.where(partner < 0, np.nan, partner).astype(np.float32)
    return _joined(each) | {"share/alike": alike, "over/alike": alike, "offset/partner": of_partner}


def _joined(layers: list[dict[str, Float32]]) -> dict[str, Float32]:
    return {name: np.concatenate([of_layer[name] for of_layer in layers]) for name in layers[0]} if layers else {}


def _kept(store: Store, key: str, make: Callable[[], dict[str, Float32]]) -> dict[str, Float32]:
    """What `store` has under `key`, or what is made now; what cannot be read tells nothing, and is tried again."""
    if (known := store.get(key)) is not None:
        with np.load(io.BytesIO(known)) as arrays:
            return {name: arrays[name] for name in arrays.files}
    try:
        made = make()
    except files.UnreachableError:
        raise
    except _UNREADABLE:
        return {}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **made)  # type: ignore[arg-type]
    store.put(key, buffer.getvalue())
    return made


def _key(*parts: object) -> str:
    return hashlib.sha256(repr(("findings", _VERSION, *parts)).encode()).hexdigest()
