"""Figures: what is known of every head at every step, in a file of its own that TensorBoard never reads.

Each start of a run appends to one file, `plugins/attnviz-figures/figures-<start>.events`, a record a step. A record
holds arrays by their names: `health/entropy` [heads], or whatever a later version has more.
"""

import dataclasses
import functools
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.tensor_pb2 import TensorProto

from tb_attnviz.events import document_shapes, files, records
from tb_attnviz.events.arrays import add_array, add_text, arrays, texts
from tb_attnviz.events.document_shapes import MOST_HEADS
from tb_attnviz.events.documents import FormatError, VersionError, load
from tb_attnviz.events.event_file import growing
from tb_attnviz.events.maps import MapsLocation
from tb_attnviz.events.order import MOST_STARTS, Order, figures_name, start_of_figures, step_and_order
from tb_attnviz.events.own_files import figures_directory, own_path, read_own, samples_directory
from tb_attnviz.events.said import DamagedError, Said, read_document
from tb_attnviz.events.shares import check_share
from tb_attnviz.turns import give_way

Array = npt.NDArray[Any]

HEALTH = "health/"
_ORDER, _PREVIOUS = "order", "previous"
_MOST_FIGURES = 64  # of health: each is held at every step that any of them has
_MOST_RECORD = 2**30  # bytes: a length beyond is damage


@dataclasses.dataclass(frozen=True, slots=True)
class FiguresLocation:
    """The record of one step: `names` are those of its arrays, `maps` the document of the small maps beside them."""

    run_directory: str
    file: str
    offset: int
    length: int
    step: int
    start: int  # that wrote it, whatever the file is called
    names: tuple[str, ...]
    heads: int  # that each health figure is of
    checksum: str
    maps: str | None = None

    def maps_location(self) -> MapsLocation | None:
        """Where the small maps of the step are; None if there were none. Raises FormatError."""
        return None if self.maps is None else MapsLocation.from_document(load(self.maps, "maps", document_shapes.MAPS))


def health_names(names: Iterable[str]) -> list[str]:
    """The health figures among the names of arrays."""
    return [name.removeprefix(HEALTH) for name in names if name.startswith(HEALTH)]


class FiguresFile:
    """Writes the figures of a new start of the run in `run_directory`. Raises OSError."""

    def __init__(self, run_directory: str) -> None:
        directory = figures_directory(run_directory)
        starts = [start_of_figures(name) or 0 for name in files.list_names(directory)]
        samples = map(step_and_order, files.list_names(samples_directory(run_directory)))
        starts += [at[1].start for at in samples if at is not None]  # where the figures were not copied with the run
        self.start = max((start for start in starts if start < MOST_STARTS), default=0) + 1
        while True:
            try:
                self._file = growing(functools.partial(_path, directory, self.start), new=True)
                return
            except FileExistsError:  # another start came between
                self.start += 1

    def is_removed(self) -> bool:
        return self._file.is_removed()

    def add_document(self, kind: str, text: str, *, step: int, wall_time: float) -> None:
        event = Event(step=step, wall_time=wall_time)
        add_text(event, kind, text)
        self._file.add_event(event)

    def add_step(
        self,
        step: int,
        order: Order,
        named: Mapping[str, Array],
        *,
        maps: str | None,
        previous: tuple[int, int] | None,
        wall_time: float,
    ) -> None:
        """The arrays of one step by their names, and the document of its maps.

        `previous`: count and step of the record before it, so that it is missed if it gets lost.
        """
        event = Event(step=step, wall_time=wall_time)
        add_array(event, _ORDER, np.array([order.start, order.count], np.int64))
        if previous is not None:
            add_array(event, _PREVIOUS, np.array(previous, np.int64))
        for name, array in named.items():
            add_array(event, name, array)
        if maps is not None:
            add_text(event, "maps", maps)
        self._file.add_event(event)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class FiguresLog:
    """What the figures files of the run in `run_directory` say, read on from where the last `load` stopped."""

    def __init__(self, run_directory: str) -> None:
        self._run_directory = run_directory
        self._directory = figures_directory(run_directory)
        self._offsets: dict[str, int] = {}
        self._refused: set[str] = set()  # files that could not be opened
        self._names: dict[tuple[str, ...], tuple[str, ...]] = {}  # the same few again and again

    def sizes(self) -> dict[str, int]:
        """The figures files as they are now, with the bytes that they have: others than before, if there is more."""
        listing = sorted(files.list_sizes(self._directory).items())
        return {name: size for name, size in listing if start_of_figures(name) is not None}

    def state(self) -> object:
        """Another one than before, if there may be more: also of a file that may be read again."""
        return self.sizes(), [files.changed(os.path.join(self._directory, name)) for name in sorted(self._refused)]

    def has_shrunk(self) -> bool:
        """Whether a file that was read is gone, or another one by now: what it said does not count any more."""
        sizes = self.sizes()
        return any(sizes.get(name, 0) < offset for name, offset in self._offsets.items())

    def load(self) -> Iterator[Said | DamagedError]:
        """What came since. A torn tail is left for the next `load`. Raises VersionError, files.UnreachableError."""
        for name, size in self.sizes().items():
            if size > self._offsets.get(name, 0):
                try:
                    yield from self._read(name)
                    self._refused.discard(name)
                except VersionError as error:
                    raise VersionError(f"{error} ({name})") from None
                except files.UnreachableError:
                    raise
                except (FormatError, files.NotRegularError, OSError) as error:
                    why = files.reason(error) if isinstance(error, OSError) else error
                    self._refused.add(name)
                    yield DamagedError("start", start_of_figures(name) or 0, f"{name} cannot be read: {why}")

    def _read(self, name: str) -> Iterator[Said | DamagedError]:
        path, offset, step = own_path(self._run_directory, name), self._offsets.get(name, 0), 0
        damage: tuple[object, int, int] | None = None  # what and where it is, and of which step, or of that before
        for start, end, data in records.scan(path, offset, _MOST_RECORD):
            self._offsets[name] = end
            give_way()
            found: list[Said] = []
            try:
                if data is None:
                    raise FormatError("its checksum does not match")
                event = Event.FromString(data)
                step = event.step
                found += self._said(name, start, end - start, event, data)
            except VersionError:
                raise
            except (FormatError, DecodeError) as error:
                if damage is not None:
                    yield _damaged(name, *damage)
                damage = error, start, step
                continue
            if damage is not None:
                told = next((of.previous[1] for of in found if of.previous is not None), damage[2])
                yield _damaged(name, damage[0], damage[1], told)
                damage = None
            yield from found
        if damage is not None:
            yield _damaged(name, *damage)

    def _said(self, name: str, offset: int, length: int, event: Event, data: bytes) -> Iterator[Said]:
        documents = dict(texts(event))
        for kind in ("start", "layers", "end"):
            if kind in documents:
                yield read_document(kind, documents[kind], 0, event.step)
        tensors = {value.tag: value.tensor for value in event.summary.value if value.tag not in documents}
        order = tensors.pop(_ORDER, None)
        if order is None:
            return
        start, count = _two_numbers(order)
        before = tensors.pop(_PREVIOUS, None)
        names, step = tuple(tensors), event.step
        location = FiguresLocation(
            self._run_directory,
            name,
            offset,
            length,
            step,
            start,
            self._names.setdefault(names, names),
            _heads(tensors),
            records.checksum(data).hex(),
            documents.get("maps"),
        )
        yield Said((start, count, 0), "figures", step, location, None if before is None else _two_numbers(before))


def read_figures(location: FiguresLocation) -> dict[str, Array]:
    """Every array of the record at `location` by its name.

    Raises FormatError, naming file and step, if it is gone or damaged; files.UnreachableError.
    """
    try:
        data = records.unframe(read_own(location.run_directory, location.file, location.offset, location.length))
        if records.checksum(data).hex() != location.checksum:
            raise records.CorruptRecordError("it is another than when the run was opened")
        found = arrays(Event.FromString(data))
        for figure in health_names(found):
            check_share(figure, found[HEALTH + figure])
    except files.UnreachableError:
        raise
    except (OSError, ValueError, DecodeError) as error:
        raise FormatError(f"the figures of step {location.step} in {location.file} cannot be read: {error}") from error
    return {name: found[name] for name in location.names if name in found}


def _path(directory: str, start: int, number: int) -> str:
    return os.path.join(directory, figures_name(start, number))


def _damaged(name: str, what: object, byte: int, step: int) -> DamagedError:
    """`step`: that of the record, or, where nothing says it, of the one before."""
    sentence = f"a record of figures is damaged: {what} (at or after step {step}, {name}, byte {byte:,})"
    return DamagedError("figures", step, sentence)


def _two_numbers(tensor: TensorProto) -> tuple[int, int]:
    """Raises FormatError unless they are there."""
    if len(tensor.tensor_content) != 16:
        raise FormatError("its place in the order of writing is no start and count")
    start, count = np.frombuffer(tensor.tensor_content, "<i8").tolist()
    return start, count


def _heads(tensors: Mapping[str, TensorProto]) -> int:
    """How many heads the health figures are of. Raises FormatError unless they all are of as many."""
    figures = [tensor for name, tensor in tensors.items() if name.startswith(HEALTH)]
    heads = {len(tensor.tensor_content) // 4 for tensor in figures}
    if len(heads) > 1 or max(heads, default=0) > MOST_HEADS or len(figures) > _MOST_FIGURES:
        raise FormatError("its health figures are not one number for each head")
    return heads.pop() if heads else 0
