"""Which checkpoints keep their samples when the disk's share is used up: a log-spaced set of steps."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from tb_attnviz.events.own_files import SAMPLES_NAME


@dataclasses.dataclass(frozen=True, order=True)
class SamplesFile:
    """One samples file. They sort by step, and those of one step by the time of their writing."""

    step: int
    name: str
    size: int

    @staticmethod
    def step_of(name: str) -> int | None:
        """The step that `name` is the samples file of; None for any other file."""
        found = SAMPLES_NAME.fullmatch(name)
        return int(found[1]) if found else None


def thin(files: Sequence[SamplesFile], most: int) -> list[SamplesFile]:
    """Those of `files` that stay when they may take `most` bytes together, sorted.

    What a later file of the same step supersedes goes first. Then, again and again, the checkpoint without which its
    neighbours lie nearest on a logarithmic axis: training changes fast at first and ever more slowly, so what is left
    is spaced evenly in log(step). The first and the newest step stay; only if the two take too much the first goes.
    """
    left = list({file.step: file for file in sorted(files)}.values())
    places = np.log1p([max(file.step, 0) for file in left])
    size = sum(file.size for file in left)
    while size > most and len(left) > 1:
        index = int(np.argmin(places[2:] - places[:-2])) + 1 if len(left) > 2 else 0
        places = np.delete(places, index)
        size -= left.pop(index).size
    return left
