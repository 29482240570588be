"""Pure functions on arrays: attention, health figures, canonical coordinates. No I/O, no state.

Written to the array API standard (https://data-apis.org/array-api/): the recorder runs the same formulas on torch
tensors, on the model's device, that the server runs on NumPy.
"""

from tb_attnviz.geometry.attention import attention, logits, visible_pairs
from tb_attnviz.geometry.canonical import CanonicalAxes, canonical_axes, procrustes
from tb_attnviz.geometry.health import FIGURES, effective_rank, health

__all__ = [
    "FIGURES",
    "CanonicalAxes",
    "attention",
    "canonical_axes",
    "effective_rank",
    "health",
    "logits",
    "procrustes",
    "visible_pairs",
]
