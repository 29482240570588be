"""What was recorded in a run, in segments: a run goes on for as long as its probe and its layers stay the same."""

import operator
from collections.abc import Iterable

from tb_attnviz.array_types import Float32
from tb_attnviz.events import lost
from tb_attnviz.events.alert_record import AlertRecord
from tb_attnviz.events.documents import FormatError
from tb_attnviz.events.layers import Layer
from tb_attnviz.events.order import key_of
from tb_attnviz.events.probe_record import ProbeRecord
from tb_attnviz.events.said import DamagedError, Said
from tb_attnviz.events.schema import Checkpoint, Kept, Start
from tb_attnviz.events.segment import Segment
from tb_attnviz.turns import give_way

_MOST_DAMAGED = 1000  # sentences that are kept
_IN_FIGURES = ("start", "figures")
_written = operator.attrgetter("written")
_NEEDED = ("probe", "layers")  # of version 1: without them nothing can be shown


class Records:
    """What was recorded in one run. The newest segment is the run's.

    `starts`: who wrote the run, by number; those of version 1 are not known.
    """

    def __init__(self) -> None:
        self._said: list[Said] = []  # in order
        self._unread: dict[tuple[str, int, int], DamagedError] = {}  # by kind, start and step
        self._promised: dict[int, tuple[int, int]] = {}  # start → count and step of figures that others tell of
        self._keys: dict[int, set[str]] = {}  # start → those in the names of its samples
        self._foreign: set[int] = set()  # starts whose figures file is of another run
        self._clear()

    def _clear(self) -> None:
        self.segments = [Segment()]
        self.starts: dict[int, Start] = {}
        self._probes: dict[str, ProbeRecord] = {}  # by fingerprint
        self._announced: dict[int, tuple[Layer, ...]] = {}  # by start
        self._newest: dict[tuple[str, int], float] = {}  # kind and start → count of the last document
        self._damaged: dict[tuple[str, int], str] = {}

    def take(self, found: Iterable[Said | DamagedError]) -> None:
        """Take in more of what was written, in whatever order it was found.

        Raises FormatError where nothing can be shown for what is damaged.
        """
        new: list[Said] = []
        for one in found:
            if isinstance(one, Said):
                new.append(one)
                if one.kind in _IN_FIGURES:  # of a file that could not be opened before
                    self._unread.pop(("start", 1, one.written[0]), None)
            elif len(self._unread) < _MOST_DAMAGED:
                self._unread[one.kind, one.start, one.step] = one
        new.sort(key=_written)
        if new and self._said and new[0].written <= self._said[-1].written:  # some was found late
            self._said = sorted([*self._said, *new], key=_written)
            self._clear()
            new = self._said
        else:
            self._said += new
        self._apply_all(new)
        foreign = {n for n, keys in self._keys.items() if n in self.starts and self.starts[n].key not in keys}
        if foreign != self._foreign:
            self._foreign = foreign
            self._clear()
            self._apply_all(self._said)
        for error in self._unread.values():
            if error.kind in _NEEDED and error.start not in self.starts:
                raise FormatError(str(error))  # of version 1: what came behind it may be of other tokens

    def copy(self) -> "Records":
        """What is known now, to be read while more is taken in here. It takes nothing in itself."""
        copied = Records()
        copied.segments = [segment.copy() for segment in self.segments]
        copied.starts, copied._damaged = dict(self.starts), self.damaged
        copied._said = self._said[-1:]
        return copied

    def earlier(self) -> list["Records"]:
        """What was recorded up to the end of each segment before the newest, oldest first, to be read as `copy`'s."""
        found = []
        for number in range(len(self.segments) - 1):
            records = self.copy()
            del records.segments[number + 1 :]
            end = max([*records.newest.checkpoints, *records.newest.recorded], default=-1)
            damaged = records._damaged.items()
            records._damaged = {at: sentence for at, sentence in damaged if at[0] != "start" and at[1] <= end}
            found.append(records)
        return found

    @property
    def damaged(self) -> dict[tuple[str, int], str]:
        """(kind, step) → a sentence for everything that cannot be read, and is left out."""
        gone = {start for start in {*self._announced, *self._promised} if start > 0} - self.starts.keys()
        gone -= {start for kind, start in self._newest if kind == "figures"}  # of whose file the beginning alone is
        return {
            **self._damaged,
            **{("start", start): lost.without_beginning(start) for start in gone},
            **{(error.kind, error.step): str(error) for error in self._unread.values()},
            **{("start", start): lost.foreign(start) for start in self._foreign},
            **{("figures", step): lost.cut_off(start, step) for start, step in self._cut_off()},
        }

    def _cut_off(self) -> list[tuple[int, int]]:
        """Start and step of figures that must have been written behind all that a figures file has."""
        newest = {start: self._newest.get(("figures", start), -1) for start in self.starts.keys() - self._foreign}
        return [(start, step) for start, (count, step) in self._promised.items() if newest.get(start, count) < count]

    def _promise(self, start: int, count: int, step: int) -> None:
        if count > self._promised.get(start, (-1, 0))[0]:
            self._promised[start] = count, step

    def lose(self, kind: str, step: int, sentence: str) -> None:
        """Something was found damaged as it was read."""
        self._damaged[kind, step] = sentence

    @property
    def damaged_checkpoints(self) -> dict[int, str]:
        """Step → why its checkpoint is left out, ascending."""
        return {step: why for (kind, step), why in sorted(self.damaged.items()) if kind == "checkpoint"}

    @property
    def newest(self) -> Segment:
        return self.segments[-1]

    @property
    def probe(self) -> ProbeRecord | None:
        """The probe of the newest segment."""
        return self.newest.probe

    @property
    def checkpoints(self) -> dict[int, Checkpoint]:
        """Those of the newest segment."""
        return self.newest.checkpoints

    @property
    def health(self) -> dict[str, dict[int, Float32]]:
        """That of the newest segment: figure → step → [heads of all layers]."""
        return self.newest.health

    @property
    def alerts(self) -> dict[int, AlertRecord]:
        """Those of the newest segment."""
        return self.newest.alerts

    @property
    def steps(self) -> list[int]:
        """The steps with samples of the newest segment, ascending."""
        return self.newest.steps

    def _apply_all(self, said: Iterable[Said]) -> None:
        for one in said:
            give_way()
            self._check_previous(one)
            try:
                _APPLY[one.kind](self, one)
            except FormatError as error:
                self._damaged[one.kind, one.step] = str(error)

    def _check_previous(self, said: Said) -> None:
        """What is written names what was before it, of its kind. (TensorBoard forgets steps that are begun again.)"""
        start, count, _ = said.written
        if count <= self._newest.get((said.kind, start), -1):
            return  # read twice: an event file was copied beside itself
        before = said.previous
        if before is not None and (before[1] >= said.step or self._check(said.kind, start, *before)):
            said.previous = None  # it will be found whenever this is looked at again, too
        self._newest[said.kind, start] = count

    def _end(self, said: Said) -> None:
        """A start that is over names the last document of each kind."""
        for kind, (count, step) in said.content.items():
            if kind == "figures":
                self._promise(said.written[0], count, step)
            else:
                self._check(kind, said.written[0], count, step)

    def _check(self, kind: str, start: int, count: int, step: int) -> bool:
        found = self._newest.get((kind, start)) == count
        if not found:
            self._damaged[kind, step] = lost.missing(kind, start, step)
        return found

    def _start(self, said: Said) -> None:
        self.starts[said.written[0]] = said.content
        if said.content.purge is not None:
            self._purge_from(said.content.purge)

    def _purge_from(self, step: int) -> None:
        """Forget what was recorded at `step` and after: the training was restarted from there."""
        for segment in self.segments:
            segment.forget(step)
        self._damaged = {at: sentence for at, sentence in self._damaged.items() if at[1] < step}
        self._promised = {start: at for start, at in self._promised.items() if at[1] < step}
        left = [segment for segment in self.segments if not segment.is_empty]
        self.segments = left or self.segments[-1:]

    def _probe(self, said: Said) -> None:
        probe: ProbeRecord = said.content
        self._probes[probe.fingerprint] = probe
        if probe != self.newest.probe:
            self._begin(Segment(probe))
        self.newest.probe = probe  # the same tokens may have got other labels
        self.newest.fingerprint = probe.fingerprint

    def _layers(self, said: Said) -> None:
        layers, fingerprint = said.content
        known = self._announced.get(said.written[0])
        if layers == known:  # said in both files: the same objects are found to be the same at once
            said.content = known, fingerprint
            layers = known
        self._announced[said.written[0]] = layers
        self._meet(fingerprint, layers)

    def _checkpoint(self, said: Said) -> None:
        if not isinstance(said.content, Checkpoint):  # its document is not needed again
            if said.content.figures is not None:
                self._promise(said.written[0], *said.content.figures)
            said.content = Checkpoint.from_document(said.content, self._announced.get(said.written[0], ()))
        checkpoint: Checkpoint = said.content
        if (key := key_of(checkpoint.file)) is not None:
            self._keys.setdefault(said.written[0], set()).add(key)
        self._meet(checkpoint.probe, checkpoint.layers)
        self.newest.checkpoints[checkpoint.step] = checkpoint

    def _figures(self, said: Said) -> None:
        """Those of a step that is recorded again supersede the alerts that it had."""
        if said.written[0] in self._foreign:
            return
        self.newest.recorded[said.step] = said.content
        self.newest.alerts.pop(said.step, None)

    def _figure(self, said: Said) -> None:
        """One figure of version 1."""
        name, values = said.content
        of_step = self.newest.recorded.setdefault(said.step, {})
        if isinstance(of_step, dict):
            of_step[name] = values

    def _alert(self, said: Said) -> None:
        self.newest.alerts[said.step] = said.content

    def _kept(self, said: Said) -> None:
        kept: Kept = said.content
        for segment in self.segments:
            segment.checkpoints = {step: at for step, at in segment.checkpoints.items() if kept.keeps(at)}

    def _meet(self, fingerprint: str | None, layers: tuple[Layer, ...]) -> None:
        """Go on in the newest segment if it is of this probe (None: of whichever it has) and of these layers."""
        if fingerprint is not None and fingerprint != self.newest.fingerprint:
            self._begin(Segment(self._probes.get(fingerprint), fingerprint=fingerprint))
        known = self.newest.announced
        if not _are_the_same(layers, known):
            if known:
                self._begin(Segment(self.newest.probe, fingerprint=self.newest.fingerprint))
            self.newest.announced = layers

    def _begin(self, segment: Segment) -> None:
        if self.newest.is_empty:
            self.segments.pop()
        self.segments.append(segment)


_APPLY = {
    "start": Records._start,
    "end": Records._end,
    "purge": lambda records, said: records._purge_from(said.step),
    "probe": Records._probe,
    "layers": Records._layers,
    "checkpoint": Records._checkpoint,
    "figures": Records._figures,
    "figure": Records._figure,
    "alert": Records._alert,
    "kept": Records._kept,
}


def _are_the_same(some: tuple[Layer, ...], others: tuple[Layer, ...]) -> bool:
    """Whether one set of layers goes on with the other. (Mostly they are the same objects.)"""
    return len(some) == len(others) and all(
        one is other or one.identity == other.identity for one, other in zip(some, others, strict=True)
    )
