"""Pictures of a run's heads in the frame of its steps, or of another run's."""

import warnings
from collections.abc import Iterable
from typing import cast

import numpy as np

from tb_attnviz.array_types import Float32
from tb_attnviz.comparable import counterpart
from tb_attnviz.events import DamagedFileWarning
from tb_attnviz.projection import Frame, Projection, ProjectionError, UnreadableStepError, View, fit_frame, make
from tb_attnviz.projection.ports import MemoryStore, unreported
from tb_attnviz.projection.projection import Method
from tb_attnviz.run.checks import check_head
from tb_attnviz.run.recorded_run import RecordedRun
from tb_attnviz.terminal import plain


def frame(run: RecordedRun, layer: int) -> Frame:
    """See Run.frame."""
    while True:
        try:
            return fit_frame(run.layer_samples(layer), run.steps_of(layer))
        except UnreadableStepError as error:
            _do_without(error, run)


def check_samples(run: RecordedRun, steps: Iterable[int], layers: Iterable[int]) -> bool:
    """Read the samples of `layers` at `steps`, and leave out what cannot be read; whether there was any."""
    found = False
    for layer in layers:
        if not run.steps_of(layer):
            continue
        source = run.layer_samples(layer)
        for step in sorted(source.locations.keys() & set(steps)):
            try:
                source.whole(step)
            except UnreadableStepError as error:
                found = run.leave_out(error) or found
    return found


def view(
    run: RecordedRun,
    projection: Projection,
    layer: int,
    head: int | None,
    *,
    steps: tuple[int, ...],
    in_frame_of: RecordedRun | None = None,
) -> View:
    """See Run.view."""
    if in_frame_of is None:
        return View(run.layer_samples(layer), steps, projection, head)
    there = counterpart(run, in_frame_of, layer)
    return View(run.layer_samples(layer), steps, projection, head, in_frame_of.layer_samples(there))


def project(
    run: RecordedRun,
    projection: Projection | str,
    layer: int,
    head: int,
    *,
    dims: int | None,
    in_frame_of: RecordedRun | None,
) -> Float32:
    """See Run.project."""
    if isinstance(projection, str):
        projection = Projection(method=cast(Method, projection), dims=2 if dims is None else dims)
    elif dims is not None and dims != projection.dims:
        raise ProjectionError(f"'dims' is {projection.dims} in the projection and {dims} beside it: give one")
    check_head(run, run.newest_step, layer, head)
    framed, there = (run, layer) if in_frame_of is None else (in_frame_of, counterpart(run, in_frame_of, layer))
    while True:
        try:
            steps = tuple(framed.steps_of(there))
            drawn, store = view(run, projection, layer, head, steps=steps, in_frame_of=in_frame_of), MemoryStore()
            shown = run.steps_of(layer)
            return np.concatenate([make(drawn, step, store, unreported).points for step in shown])
        except UnreadableStepError as error:
            _do_without(error, run, framed)


def _do_without(error: UnreadableStepError, *runs: RecordedRun) -> None:
    known = [not run.leave_out(error) for run in runs]  # both: they may be two of one directory
    if all(known):
        raise error
    warnings.warn(f"{plain(error.directory)}: {error}: it is left out", DamagedFileWarning, stacklevel=4)
