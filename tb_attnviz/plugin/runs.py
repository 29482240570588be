"""Runs: the recorded runs that TensorBoard knows, read through its data provider, so that every loader serves."""

import dataclasses
import logging
import os
import re
import threading
from typing import Any

from tb_attnviz.entries import run_entry, with_spans
from tb_attnviz.events import FormatError, files
from tb_attnviz.events.shapes import shown
from tb_attnviz.plugin.responses import json_text
from tb_attnviz.plugin.run_reader import RunReader
from tb_attnviz.plugin.summaries import Tags, list_tags, read_summaries
from tb_attnviz.projection.source import UnreadableStepError
from tb_attnviz.run import NotRecordedError, Run
from tb_attnviz.terminal import plain, plain_traceback

logger = logging.getLogger(__name__)

_PART = re.compile(r"(?P<run>.*), part [1-9][0-9]*", re.DOTALL)
_URI = re.compile("[a-zA-Z][0-9a-zA-Z.]*://.*")


class RunDirectories:
    """Where the samples of a run lie: in the directory that TensorBoard reads its events from.

    That is below `--logdir`, or below the entry of `--logdir_spec` that the run's name begins with; entries without a
    name give none to their runs. As TensorBoard does, `~` is expanded, and of two runs of one name the later entry's is
    meant.
    """

    def __init__(self, logdir: str, logdir_spec: str) -> None:
        entries = [(None, logdir)] if logdir else [_entry(spec) for spec in logdir_spec.split(",") if spec]
        self._entries = [(name, _expanded(path)) for name, path in entries]

    def __getitem__(self, run: str) -> str:
        found = [
            os.path.join(path, run if name is None else run[len(name) + 1 :])
            for name, path in reversed(self._entries)
            if name is None or run == name or run.startswith(f"{name}/")
        ]
        if len(found) > 1:
            found = [path for path in found if any("tfevents" in name for name in files.list_readable(path))] or found
        return found[0] if found else run


def _earlier_parts(name: str, run: Run) -> dict[str, Run]:
    """What the run called `name` recorded before its newest segment, as runs with names of their own."""
    return {f"{name}, part {part.part}": part for part in run.earlier}


def _entry(spec: str) -> tuple[str | None, str]:
    """Name and path of an entry of --logdir_spec, by TensorBoard's rules (data_ingester._parse_event_files_spec)."""
    if _URI.match(spec) or ":" not in spec or spec.startswith("/") or os.path.splitdrive(spec)[0]:
        return None, spec
    name, _, path = spec.partition(":")
    return name or None, path


def _expanded(path: str) -> str:
    return path if _URI.match(path) else os.path.expanduser(path)


@dataclasses.dataclass(frozen=True)
class Listed:
    """A run by its name, or why it cannot be read. `part_of`: the run that went on after this earlier part of it."""

    name: str
    run: Run | FormatError
    part_of: str | None = None

    def entry(self) -> dict[str, Any]:
        """What `runs` tells of it."""
        entry: dict[str, Any] = {"run": self.name, "part_of": self.part_of, "steps": [], "order": None, "health": None}
        entry |= {"layers": [], "segments": []}
        entry |= {"sequences": 0, "queries": 0, "keys": 0, "probe": None, "maps": {"steps": [], "kinds": []}}
        if isinstance(self.run, FormatError):
            return {**entry, "figures": [], "missing": [], "damaged": [], "error": str(self.run)}
        try:
            return run_entry(self.name, self.run, part_of=self.part_of)
        except (NotRecordedError, FormatError) as error:
            damaged = {"missing": self.run.missing_steps, "damaged": self.run.damaged}
            return {**entry, "figures": [], **damaged, "error": str(error)}


@dataclasses.dataclass(frozen=True)
class _Entry:
    """The JSON of an entry, and what it was made from."""

    run: Run | FormatError
    state: object
    text: str


class Runs:
    """The runs with attention records. A run is read again only when something was recorded since."""

    def __init__(self, data_provider: Any, directories: RunDirectories) -> None:
        self._data_provider = data_provider
        self._directories = directories
        self._readers: dict[tuple[str, str], RunReader] = {}
        self._entries: dict[str, _Entry] = {}  # the last ones
        self._document: tuple[list[str], str] = [], '{"runs":[]}'  # the last one, and what it was made from
        self._lock = threading.Lock()

    def all(self, context: Any, experiment: str) -> list["Listed"]:
        """Every run by name, or why it cannot be read, its earlier parts behind it.

        One listing of all tags serves them all.
        """
        listing = self._listing(context, experiment)
        found: list[Listed] = []
        with self._lock:
            self._readers = {key: of for key, of in self._readers.items() if key[0] != experiment or key[1] in listing}
        for name in sorted(listing):
            run = self._recorded_or_why(context, experiment, name, listing[name])
            parts = _earlier_parts(name, run) if isinstance(run, Run) else {}
            found.append(Listed(name, run))
            found += [Listed(part, earlier, part_of=name) for part, earlier in parts.items() if part not in listing]
        return found

    def document(self, context: Any, experiment: str) -> str:
        """What `runs` tells of all, their steps as spans: JSON. Of runs in which nothing is new it is as it was."""
        made: dict[str, _Entry] = {}
        for listed in self.all(context, experiment):
            run, last = listed.run, self._entries.get(listed.name)
            state = (run.left_out.reasons(), run.map_steps, run.records.damaged) if isinstance(run, Run) else None
            if last is None or last.run is not run or last.state != state:
                last = _Entry(run, state, json_text(with_spans(listed.entry())))
            made[listed.name] = last
        self._entries = made
        texts = [entry.text for entry in made.values()]
        if texts != self._document[0]:
            self._document = texts, f'{{"runs":[{",".join(texts)}]}}'
        return self._document[1]

    def get(self, context: Any, experiment: str, name: str) -> Run:
        """Raises NotRecordedError for an unknown run, FormatError for one recorded in an unknown version."""
        listing = self._listing(context, experiment, name)
        part = None if name in listing else _PART.fullmatch(name)
        if part and (tags := self._listing(context, experiment, part["run"]).get(part["run"])) is not None:
            run = self._recorded(context, experiment, part["run"], tags)
            found = _earlier_parts(part["run"], run) if isinstance(run, Run) else {}
            if name in found:
                return found[name]
        if name not in listing:
            known = ", ".join(map(repr, sorted(self._listing(context, experiment)))) or "none yet"
            raise NotRecordedError(f"no run {shown(name)} with attention records; there are: {known[:1000]}")
        run = self._recorded(context, experiment, name, listing[name])
        if isinstance(run, FormatError):
            raise run
        return run

    def leave_out(self, error: UnreadableStepError) -> bool:
        """Have the runs that it is of do without what could not be read; False if they did so already."""
        with self._lock:
            readers = list(self._readers.values())
        return sum(reader.leave_out(error) for reader in readers) > 0  # all of them are told

    def _recorded_or_why(self, context: Any, experiment: str, name: str, tags: Tags) -> Run | FormatError:
        """The same whatever goes wrong: one run costs the others nothing."""
        try:
            return self._recorded(context, experiment, name, tags)
        except files.UnreachableError as error:
            return FormatError(f"the store of this run does not answer ({error})")
        except Exception as error:
            logger.error("tb-attnviz could not read the run %s\n%s", plain(name), plain_traceback(error))
            return FormatError(f"this run could not be read ({type(error).__name__}): TensorBoard's log says more")

    def _recorded(self, context: Any, experiment: str, name: str, tags: Tags) -> Run | FormatError:
        newest = sorted(tags.items())
        with self._lock:
            reader = self._readers.get((experiment, name))
            if reader is None:
                reader = self._readers[experiment, name] = RunReader(name, self._directories[name])
        return reader.read(newest, lambda: read_summaries(self._data_provider, context, experiment, name, sorted(tags)))

    def _listing(self, context: Any, experiment: str, name: str | None = None) -> dict[str, Tags]:
        """The tags of every run, or of the one called `name`."""
        return list_tags(self._data_provider, context, experiment, name)
