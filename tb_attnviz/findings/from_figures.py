"""Measures of one step that follow from its health figures: every step has them."""

from collections.abc import Mapping

import numpy as np

from tb_attnviz.array_types import Float32, Float64
from tb_attnviz.findings import chance
from tb_attnviz.findings.anomalies import WATCHED
from tb_attnviz.findings.kinds import FOLLOWS, STILL_SIDES
from tb_attnviz.findings.recorded import Recorded

_OFFSETS = {"previous": -1, "self": 0, "next": 1}


def from_figures(
    recorded: Recorded, figures: Mapping[str, Float32], by_chance: Mapping[str, Float64] | None = None
) -> dict[str, Float32]:
    """ "share/<measure>" and "over/<measure>", each [heads]: a share of attention, and that beyond chance.

    "figure/<name>": those that anomalies are looked for in, and that alerts are of.

    by_chance: `expected(recorded)`, where it is known already: it is the same at every step.
    """
    heads = len(recorded.heads)
    unknown = np.full(heads, np.nan, np.float32)
    given = {name: figures.get(name, unknown) for name in ("sink", *_OFFSETS)}
    found = {"share/entropy": figures.get("entropy", unknown), "over/entropy": figures.get("entropy", unknown)}
    by_chance = expected(recorded) if by_chance is None else by_chance
    for name, values in given.items():
        measure = "first" if name == "sink" else name
        found[f"share/{measure}"] = values
        found[f"over/{measure}"] = chance.beyond(values, by_chance[name])
    tells = recorded.tells_induction
    for figure, name in (("induction", "fixed_or_induction"), ("duplicate", "fixed_or_same")):
        values = figures.get(figure, unknown)  # beyond what the head gives that offset elsewhere, where that is known
        for measure, here in ((figure, tells), (name, not tells)):
            found[f"share/{measure}"] = found[f"over/{measure}"] = values if here else unknown
    for name in figures:
        if name.startswith(FOLLOWS):  # beyond what the head gives by position
            found[f"share/{name}"] = found[f"over/{name}"] = figures[name]
    if "query_norm" in figures and "key_norm" in figures:
        none = np.stack([figures["query_norm"], figures["key_norm"]]) == 0  # (2, heads)
        found["over/no_vectors"] = none.any(axis=0).astype(np.float32)
        found["offset/still"] = np.where(none.any(axis=0), none.T @ STILL_SIDES, np.nan)
    told = {*WATCHED, *(alert.figure for alert in recorded.alerts)}
    found |= {f"figure/{name}": figures[name] for name in told if name in figures}
    return {name: np.asarray(values, np.float32) for name, values in found.items()}


def expected(recorded: Recorded) -> dict[str, Float64]:
    """What an even head has of each share, [heads]; NaN where the share says nothing of a layer."""
    found = {name: np.full(len(recorded.heads), np.nan) for name in ("sink", *_OFFSETS)}
    for layer, place in zip(recorded.layers, recorded.of_layers, strict=True):
        lengths = layer.lengths(recorded.probe)
        for name, offset in _OFFSETS.items():
            if name == "self" or not recorded.grids(layer):  # patches have neighbours in four directions: small maps
                found[name][place] = chance.at_offset(layer, lengths, offset)
        found["sink"][place] = chance.on_first(layer, lengths)
    return found
