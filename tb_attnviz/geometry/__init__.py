"""Pure functions on arrays: attention, health figures, coordinates. No I/O, no state.

Written to the array API standard (https://data-apis.org/array-api/): the recorder runs the same formulas on torch
tensors, on the model's device, that the server runs on NumPy.
"""

from tb_attnviz.geometry.attention import attention, logits, visible_pairs
from tb_attnviz.geometry.canonical import CanonicalAxes, canonical_axes, procrustes
from tb_attnviz.geometry.health import FIGURES, effective_rank, health
from tb_attnviz.geometry.paper import paper_scale, paper_translation

__all__ = [
    "FIGURES",
    "CanonicalAxes",
    "attention",
    "canonical_axes",
    "effective_rank",
    "health",
    "logits",
    "paper_scale",
    "paper_translation",
    "procrustes",
    "visible_pairs",
]
