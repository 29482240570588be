"""Chain: the pictures of one head, or of one layer where the projection is linear, one after the other."""

import contextlib
import dataclasses
import threading

from threadpoolctl import threadpool_limits

from tb_attnviz.projection.pictures import View, make
from tb_attnviz.projection.ports import Store, unreported
from tb_attnviz.projection.source import UnreadableStepError

_one_at_a_time = threading.Lock()


@dataclasses.dataclass(frozen=True)
class Chain:
    """Pictures of `view` at `steps`, to be made in this order: each may start from the one before."""

    run: str
    layer: int
    view: View
    steps: tuple[int, ...]

    @property
    def name(self) -> str:
        """For people: which head of which run, and what it is projected by."""
        projection, described = self.view.projection, next(iter(self.view.source.layers.values()))
        layer, number = described.in_model(self.layer, self.view.head or 0)
        head = "" if self.view.head is None else f", head {number}"
        return f"{self.run}: layer {layer}{head}, {projection.method} in {projection.dims}-D"

    def missing(self, store: Store) -> "Chain":
        """The same without the pictures that `store` has."""
        return dataclasses.replace(self, steps=tuple(step for step in self.steps if not self.found(store, step)))

    def found(self, store: Store, *steps: int) -> dict[str, bytes]:
        """Those of the pictures at `steps` that `store` has, by key."""
        found = {}
        for step in steps:
            with contextlib.suppress(UnreadableStepError):  # what is gone is told of when it is needed
                key = self.view.key(step)
                found[key] = store.get(key)
        return {key: value for key, value in found.items() if value is not None}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """A picture that was made; or, with an `error`, one that could not be, and with it the rest of its chain."""

    chain: Chain
    step: int
    error: str | None = None


def make_picture(view: View, step: int, store: Store) -> None:
    """Have the picture of `view` at `step` in `store`.

    On one thread, wherever it runs: sums in another order would round to other bytes. Dask workers may have several
    threads, and the libraries underneath are not safe there: one picture at a time in a process.
    """
    with _one_at_a_time, threadpool_limits(1):
        make(view, step, store, unreported)


def sentence(error: BaseException) -> str:
    """What went wrong, in one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
