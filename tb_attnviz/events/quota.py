"""Which checkpoints keep their samples when the disk's share is used up: a log-spaced set of steps."""

import contextlib
import dataclasses
import os
from collections.abc import Sequence

import numpy as np

from tb_attnviz.events import files
from tb_attnviz.events.order import Order, step_and_order


@dataclasses.dataclass(frozen=True, order=True)
class KeptFile:
    """A file of samples, or of maps, of one step. They sort by step, those of one step in the order of writing."""

    step: int
    order: Order
    name: str
    size: int


@dataclasses.dataclass(frozen=True)
class Thinned:
    """What is to be removed: `paths`. `left`: the samples files that stay, of `before` (see schema.Kept)."""

    paths: list[str]
    left: list[str]
    before: dict[int, int]
    newest_step: int


class Quota:
    """What the samples and maps of a run may take: `most` bytes in these two directories together.

    What other starts write there meanwhile counts too. Those that began later than this one keep what they have: of it
    they alone know.
    """

    def __init__(self, most: int, samples: str, maps: str) -> None:
        self._most = most
        self._directories = (samples, maps)
        self._sizes: dict[str, int] = {}
        self._written: set[str] = set()  # those that have the size that they will keep

    def thin(self, newest: Order, *, purge_step: int | None = None) -> Thinned | None:
        """What has to go so that another step like that of `newest` fits; None if nothing has to.

        What an earlier start wrote at `purge_step` or later, which no reader shows, goes first. A quarter is freed at a
        time: the list of what is left is then written rarely, and pictures change rarely.
        """
        found = [self._files(directory, newest.start) for directory in self._directories]
        sizes = [sum(file.size for file in of) for of in found]
        step = next((file.step for of in found for file in of if file.order == newest), None)
        of_newest = [file.size for of in found for file in of if (file.step, file.order.start) == (step, newest.start)]
        if sum(sizes) + sum(of_newest) <= self._most:
            return None
        paths: list[str] = []
        left: list[list[KeptFile]] = []
        for directory, of, size in zip(self._directories, found, sizes, strict=True):
            share = self._most * 3 // 4 * size // max(sum(sizes), 1)  # samples and maps give up alike
            others = [file for file in of if file.order.start > newest.start]
            own = [file for file in of if file.order.start == newest.start]
            own += [file for file in of if file.order.start < newest.start and not _is_purged(file, purge_step)]
            left.append(thin(own, share - sum(file.size for file in others), newest=step) + others)
            paths += [os.path.join(directory, file.name) for file in sorted(set(of) - set(left[-1]))]
        before: dict[int, int] = {}
        for file in found[0]:
            if 0 < file.order.start < newest.start:
                before[file.order.start] = max(before.get(file.order.start, 0), file.order.count)
        steps = [file.step for file in found[0]]
        return Thinned(paths, [file.name for file in left[0]], before, max(steps, default=0))

    def _files(self, directory: str, start: int) -> list[KeptFile]:
        names = {name: at for name in files.list_names(directory) if (at := step_and_order(name)) is not None}
        for name in names.keys() - self._written:
            with contextlib.suppress(FileNotFoundError):  # another start has thinned meanwhile
                size = files.size(os.path.join(directory, name))
                if names[name][1].start == start or self._sizes.get(name) == size:  # else another start may be at it
                    self._written.add(name)
                self._sizes[name] = size
        return [KeptFile(*at, name, self._sizes[name]) for name, at in names.items() if name in self._sizes]


def _is_purged(file: KeptFile, purge_step: int | None) -> bool:
    return purge_step is not None and file.step >= purge_step


def thin(files: Sequence[KeptFile], most: int, *, newest: int | None = None) -> list[KeptFile]:
    """Those of `files` that stay when they may take `most` bytes together, sorted.

    What a later file of the same step supersedes goes first. Then, again and again, the checkpoint without which its
    neighbours lie nearest on a logarithmic axis: training changes fast at first and ever more slowly, so what is left
    is spaced evenly in log(step). The first and the last step stay, and `newest`, which was written last; only if these
    take too much the first goes.
    """
    left = list({file.step: file for file in sorted(files)}.values())
    places = np.log1p([max(file.step, 0) for file in left])
    size = sum(file.size for file in left)
    while size > most and len(left) > 1:
        gaps = places[2:] - places[:-2]
        gaps[[file.step == newest for file in left[1:-1]]] = np.inf
        end = len(left) - 1 if left[0].step == newest else 0
        index = int(np.argmin(gaps)) + 1 if np.isfinite(gaps).any() else end
        places = np.delete(places, index)
        size -= left.pop(index).size
    return left
