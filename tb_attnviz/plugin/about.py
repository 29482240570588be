"""About: what the route `jobs` tells of a task."""

from typing import Any


def about(
    kind: str,
    run: str,
    *,
    layer: int | None = None,
    head: int | None = None,
    step: int | None = None,
    projection: str | None = None,
) -> dict[str, Any]:
    """`kind`: the route that asks for it, `health` for all of health.

    None where it is of all layers, heads or steps, or draws nothing.
    """
    return {"kind": kind, "run": run, "layer": layer, "head": head, "step": step, "projection": projection}
