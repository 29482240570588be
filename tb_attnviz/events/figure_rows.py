"""FigureRows: where the health figures of many steps are, small enough to be handed to another process."""

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event

from tb_attnviz.array_types import Float32, Int64
from tb_attnviz.events import files, records
from tb_attnviz.events.arrays import as_array
from tb_attnviz.events.documents import FormatError
from tb_attnviz.events.figures import HEALTH, FiguresLocation
from tb_attnviz.events.own_files import open_own
from tb_attnviz.events.shares import check_share
from tb_attnviz.turns import give_way

_WINDOW = 8 * 2**20  # bytes that are read at once, if no record is longer


@dataclasses.dataclass(frozen=True)
class FigureRows:
    """A row a step, ascending. `held`: row → the figures themselves, of version 1, which has them in the event file."""

    run_directory: str
    heads: int
    steps: Int64
    files: tuple[str, ...]
    places: Int64  # [rows, 3]: number of the file, offset, length; -1 where they are held
    checksums: bytes  # four a row
    held: Mapping[int, Mapping[str, Float32]]

    @classmethod
    def of(
        cls, run_directory: str, heads: int, recorded: Mapping[int, FiguresLocation | dict[str, Float32]]
    ) -> "FigureRows":
        """Of the steps of `recorded` in its order."""
        files: dict[str, int] = {}
        places, checksums, held = np.full((len(recorded), 3), -1, np.int64), [], {}
        for row, at in enumerate(recorded.values()):
            give_way()
            if isinstance(at, dict):
                held[row] = at
                checksums.append(b"\0\0\0\0")
            else:
                places[row] = files.setdefault(at.file, len(files)), at.offset, at.length
                checksums.append(bytes.fromhex(at.checksum))
        steps = np.fromiter(recorded, np.int64, len(recorded))
        return cls(run_directory, heads, steps, tuple(files), places, b"".join(checksums), held)

    def __len__(self) -> int:
        return len(self.steps)

    def digest(self, names: Sequence[str], end: int) -> str:
        """Of the figures `names` in the rows before `end`: equal exactly where they are. Nothing is read for it."""
        found = hashlib.sha256(json.dumps([self.heads, *names]).encode())
        found.update(self.steps[:end].astype("<i8").tobytes() + self.checksums[: 4 * end])
        for row, values in self.held.items():
            if row < end:
                found.update(b"".join(values[name].tobytes() for name in sorted(values)))
        return found.hexdigest()[:16]

    def between(self, start: int, end: int) -> "FigureRows":
        """The rows from `start` to before `end`."""
        return self._chosen(range(start, end))

    def every(self, count: int) -> "FigureRows":
        """The first row, and each that is `count` after the one before."""
        return self._chosen(range(0, len(self), count))

    def _chosen(self, rows: range) -> "FigureRows":
        some = slice(rows.start, rows.stop, rows.step)
        return dataclasses.replace(
            self,
            steps=self.steps[some],
            places=self.places[some],
            checksums=np.frombuffer(self.checksums, "V4")[some].tobytes(),
            held={number: self.held[row] for number, row in enumerate(rows) if row in self.held} if self.held else {},
        )

    def read(self, names: Sequence[str], lost: dict[int, str]) -> Iterator[Float32]:
        """The figures `names` row by row, [names, heads]; NaN where a figure was not recorded.

        A row that cannot be read is NaN, and its step is put into `lost` with a sentence; where a store does not answer
        UnreachableError is raised.
        """
        wanted = {HEALTH + name: number for number, name in enumerate(names)}
        row = 0
        while row < len(self):
            if self.places[row, 0] < 0:
                yield self._filled({HEALTH + name: values for name, values in self.held[row].items()}, wanted)
                row += 1
                continue
            for record in self._records(row):
                try:
                    if isinstance(record, Exception):
                        raise record
                    found = self._arrays(record, row, wanted)
                except (OSError, ValueError, DecodeError) as error:
                    lost[int(self.steps[row])] = self._why(row, error)
                    found = {}
                yield self._filled(found, wanted)
                row += 1

    def _why(self, row: int, error: Exception) -> str:
        """Without the path that the system's own errors hold."""
        name, step = self.files[self.places[row, 0]], self.steps[row]
        why = files.reason(error) if isinstance(error, OSError) else error
        return f"the figures of step {step} in {name} cannot be read: {why}"

    def _filled(self, found: Mapping[str, Float32], wanted: Mapping[str, int]) -> Float32:
        figures = np.full((len(wanted), self.heads), np.nan, np.float32)
        for name, number in wanted.items():
            values = found.get(name)
            if values is not None and values.shape == (self.heads,):
                figures[number] = values
        return figures

    def _records(self, row: int) -> Iterator[bytes | Exception]:
        """The records from `row` on that stand one behind the other in a file, as many as are read at once."""
        number, start, length = self.places[row].tolist()
        count, end = 1, start + length
        while row + count < len(self):
            file, offset, length = self.places[row + count].tolist()
            if file != number or offset < end or offset + length - start > _WINDOW:
                break
            count, end = count + 1, offset + length
        try:
            with open_own(self.run_directory, self.files[number]) as file:
                file.seek(start)
                data = file.read(end - start)
        except files.UnreachableError:
            raise
        except (OSError, ValueError) as error:
            yield from [error] * count
            return
        for _, offset, length in self.places[row : row + count].tolist():
            yield data[offset - start : offset - start + length]

    def _arrays(self, record: bytes, row: int, wanted: Mapping[str, int]) -> dict[str, Float32]:
        if record[-records.CHECKSUM_BYTES :] != self.checksums[4 * row : 4 * row + 4]:
            raise FormatError("it is another than when the run was opened")
        values = Event.FromString(records.unframe(record)).summary.value
        found = {value.tag: as_array(value) for value in values if value.tag in wanted}
        for tag, figures in found.items():
            check_share(tag.removeprefix(HEALTH), figures)
        return found
