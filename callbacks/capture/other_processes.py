"""Other processes: whether they see the same heads as this one, or heads that nobody would write.

Each process leaves a short note of what its first pass showed where all can read it; nobody waits for anybody.
"""

import itertools
import json

import numpy as np
import torch.distributed

from .recording import Recording

_DIFFERENT = 0.02  # times the mean size of a head's queries: processors round otherwise by far less
_recorders = itertools.count()


class OtherProcesses:
    """What the recorders of the other processes saw in their `first` pass, beside what this one did."""

    def __init__(self, first: Recording) -> None:
        self._store = None
        if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
            return
        self._number = next(_recorders)
        self._own = {
            layer.name: np.abs(samples.as_read().queries).mean(axis=(1, 2)).tolist()  # [heads]
            for layer, samples in zip(first.layers, first.samples, strict=True)
        }
        self._unread = {*range(torch.distributed.get_world_size())} - {torch.distributed.get_rank()}
        self._store = torch.distributed.distributed_c10d._get_default_store()
        self._store.set(self._key(torch.distributed.get_rank()), json.dumps(self._own))

    def missing(self) -> str | None:
        """One sentence if another process has heads that this one has not; said once. None while nothing is known."""
        if self._store is None:
            return None
        for rank in sorted(self._unread):
            if not self._store.check([self._key(rank)]):
                continue  # it has no recorder, or none yet
            self._unread.discard(rank)
            theirs = json.loads(self._store.get(self._key(rank)))
            if others := sorted(theirs.keys() - self._own.keys()):
                self._unread.clear()
                return f"process {rank} has a layer that is not recorded, since the first one alone writes: {others[0]}"
            for name, sizes in self._own.items():
                if name not in theirs or not _alike(sizes, theirs[name]):
                    self._unread.clear()
                    return (
                        f"process {rank} has other queries in layer {name}, and was not seen to exchange what the "
                        "layer gives: the processes are taken for models of their own, and that of the first one is "
                        "recorded. If each has some heads of one layer, split it with torch's parallelize_module, and "
                        "all are recorded"
                    )
        return None

    def _key(self, rank: int) -> str:
        return f"tb_attnviz/{self._number}/{rank}"


def _alike(a: list[float], b: list[float]) -> bool:
    return len(a) == len(b) and bool(np.allclose(a, b, rtol=_DIFFERENT, atol=0, equal_nan=True))
