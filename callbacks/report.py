"""Report: what is said of a recording before training: its size in the log, what it leaves out as warnings."""

import logging
import warnings

from .capture import Recording
from .probe import Probe

_log = logging.getLogger("tb_attnviz")


def report(first: Recording, probe: Probe) -> None:
    """`first` is the first recording of `probe`."""
    _log.info(
        "recording the attention of %d layers, %d heads, on %d tokens: %.1f MB a checkpoint, and %.1f MB of maps",
        len(first.layers),
        sum(layer.heads for layer in first.layers),
        probe.record.tokens,
        first.sample_bytes / 1e6,
        first.map_bytes / 1e6,
    )
    if probe.pngs:
        size = sum(map(len, probe.pngs.values()))
        _log.info("storing %d images of the probe, once: %.1f MB", len(probe.pngs), size / 1e6)
    if first.skipped:
        skipped = "; ".join(f"{name}: {why}" for name, why in first.skipped.items())
        warnings.warn(f"attention that is not recorded: {skipped}", RuntimeWarning, stacklevel=3)
    for relation in probe.relations:
        if relation.figure not in first.figures:
            warnings.warn(f"no head can follow the relation {relation.unseen()}", RuntimeWarning, stacklevel=3)
    if first.without_values:
        without = "; ".join(f"{name}: {why}" for name, why in first.without_values.items())
        warnings.warn(f"layers without value norms: {without}", RuntimeWarning, stacklevel=3)
