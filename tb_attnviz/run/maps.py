"""Small maps of heads: at which steps they are, and what they show."""

from tb_attnviz.events import AttentionMap, FormatError, MapsLocation, maps_changed, read_maps, steps_of_maps
from tb_attnviz.run.recorded_run import NotRecordedError, RecordedRun


def map_steps(run: RecordedRun) -> list[int]:
    """See Run.map_steps."""
    if run.recorded_maps is None:
        recorded = run.records.newest.recorded
        of = [(s, at.start) for s in run.health_steps if not isinstance(at := recorded[s], dict) and at.maps]
        run.recorded_maps = of
    if not run.recorded_maps:
        return []
    changed = maps_changed(run.directory)
    if run.listed_maps is None or changed is None or run.listed_maps[0] != changed:
        kept = steps_of_maps(run.directory)
        run.listed_maps = changed, [step for step, start in run.recorded_maps if (step, start) in kept]
    return list(run.listed_maps[1])


def map_kinds(run: RecordedRun) -> tuple[str, ...]:
    """See Run.map_kinds."""
    for step in reversed(map_steps(run)):
        try:
            return maps_location(run, step).kinds
        except FormatError as error:
            run.records.lose("maps", step, str(error))
    return ()


def maps_location(run: RecordedRun, step: int) -> MapsLocation:
    """Where the small maps of `step` are, or were. Raises NotRecordedError, or events.FormatError if damaged."""
    recorded = run.figures_at(step)
    location = None if isinstance(recorded, dict) else recorded.maps_location()
    if location is None:
        raise NotRecordedError(f"no small maps were recorded at step {step}")
    return location


def maps(run: RecordedRun, step: int, layer: int) -> dict[str, AttentionMap]:
    """See Run.maps."""
    location = maps_location(run, step)
    if not 0 <= layer < len(location.layers):
        raise NotRecordedError(f"no layer {layer}: there are maps of layers 0 to {len(location.layers) - 1}")
    try:
        return read_maps(run.directory, location, layer, step)
    except FileNotFoundError:
        raise NotRecordedError(f"the small maps of step {step} were thinned, or are lost") from None
