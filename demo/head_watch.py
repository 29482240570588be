"""Watching a run's health figures, as they are recorded, for heads that form."""

from pathlib import Path

import numpy as np

from tb_attnviz.events import EventLog


class HeadWatch:
    """Names every head whose `figure` reaches `threshold`, once, from what the recorder has written to `directory`."""

    def __init__(self, directory: Path, *, figure: str, threshold: float) -> None:
        self._log = EventLog(str(directory))
        self._figure = figure
        self._threshold = threshold
        self._formed: set[int] = set()

    def formed(self) -> list[tuple[int, int, int, float]]:
        """(layer, head, step, value) of the heads that were not named before, in the order in which they formed."""
        records = self._log.load()
        if not records.checkpoints:
            return []
        layers = records.checkpoints[max(records.checkpoints)].layers
        names = [(layer, head) for layer, described in enumerate(layers) for head in range(described.heads)]
        found = []
        for step, values in sorted(records.health.get(self._figure, {}).items()):
            for index in np.flatnonzero(values >= self._threshold):
                if int(index) not in self._formed:
                    self._formed.add(int(index))
                    found.append((*names[index], step, float(values[index])))
        return found

    def strongest(self) -> float:
        """The greatest value of any head at the newest recorded step; 0 before the first."""
        by_step = self._log.load().health.get(self._figure, {})
        return float(np.nanmax(by_step[max(by_step)])) if by_step else 0.0
