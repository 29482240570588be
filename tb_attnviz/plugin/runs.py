"""Runs: the recorded runs that TensorBoard knows, read through its data provider, so that every loader serves."""

import os
import threading
from typing import Any

from tb_attnviz.events import PLUGIN_NAME, FormatError, Records, in_order_of_writing
from tb_attnviz.run import NotRecordedError, Run

_ALL = 2**31 - 1  # points a tag: a timeline shows every checkpoint


class RunDirectories:
    """Where the samples of a run lie: under `--logdir`, or under the entry of `--logdir_spec` that names it."""

    def __init__(self, logdir: str, logdir_spec: str) -> None:
        self._logdir = logdir
        self._named = dict(part.split(":", 1) for part in logdir_spec.split(",") if ":" in part)

    def __getitem__(self, run: str) -> str:
        if self._logdir:
            return os.path.join(self._logdir, run)
        name, _, rest = run.partition("/")
        return os.path.join(self._named.get(name, name), rest)


class Runs:
    """The runs with attention records. A run is read again only when something was recorded since."""

    def __init__(self, data_provider: Any, directories: RunDirectories) -> None:
        self._data_provider = data_provider
        self._directories = directories
        self._runs: dict[tuple[str, str], tuple[object, Run | FormatError]] = {}
        self._lock = threading.Lock()

    def all(self, context: Any, experiment: str) -> list[tuple[str, Run | FormatError]]:
        """Every run by name, or why it cannot be read: one listing of all tags serves them all."""
        listing = self._listing(context, experiment)
        return [(name, self._recorded(context, experiment, name, listing[name])) for name in sorted(listing)]

    def get(self, context: Any, experiment: str, name: str) -> Run:
        """Raises NotRecordedError for an unknown run, FormatError for one recorded in an unknown version."""
        listing = self._listing(context, experiment)
        if name not in listing:
            known = ", ".join(sorted(listing)) or "none yet"
            raise NotRecordedError(f"no run {name!r} with attention records; there are: {known}")
        run = self._recorded(context, experiment, name, listing[name])
        if isinstance(run, FormatError):
            raise run
        return run

    def _recorded(self, context: Any, experiment: str, name: str, tags: dict[str, Any]) -> Run | FormatError:
        newest = sorted((tag, series.max_step, series.max_wall_time) for tag, series in tags.items())
        with self._lock:
            seen, run = self._runs.get((experiment, name), (None, None))
            if run is None or seen != newest:
                run = self._read(context, experiment, name)
                self._runs[experiment, name] = (newest, run)
        return run

    def _listing(self, context: Any, experiment: str) -> dict[str, dict[str, Any]]:
        listing: dict[str, dict[str, Any]] = self._data_provider.list_tensors(
            context, experiment_id=experiment, plugin_name=PLUGIN_NAME
        )
        return listing

    def _read(self, context: Any, experiment: str, name: str) -> Run | FormatError:
        def load() -> Records:
            from tensorboard.data import provider

            series = self._data_provider.read_tensors(
                context,
                experiment_id=experiment,
                plugin_name=PLUGIN_NAME,
                downsample=_ALL,
                run_tag_filter=provider.RunTagFilter(runs=[name]),
            )
            summaries = [
                (datum.wall_time, tag, datum.step, datum.numpy)
                for tag, data in series.get(name, {}).items()
                for datum in data
            ]
            records = Records()
            for tag, step, array in in_order_of_writing(summaries):
                records.add(tag, step, array)
            return records

        try:
            return Run(self._directories[name], load)
        except FormatError as error:
            return error
