"""Pure functions on arrays: attention, health figures, coordinates, trust. No I/O, no state.

Written to the array API standard (https://data-apis.org/array-api/): the recorder runs the same formulas on torch
tensors, on the model's device, that the server runs on NumPy. Only trust, which ranks, and similarity are for NumPy.
"""

from tb_attnviz.geometry.attended import NEAREST, TopKeys, top_keys
from tb_attnviz.geometry.attention import attention, logits, visible_pairs
from tb_attnviz.geometry.blocks import BLOCK, Window
from tb_attnviz.geometry.canonical import CanonicalAxes, canonical_axes, procrustes
from tb_attnviz.geometry.divergence import jensen_shannon
from tb_attnviz.geometry.following import Pairs, follows
from tb_attnviz.geometry.health import FIGURES, figures_of, over_sequences
from tb_attnviz.geometry.maps import PLAIN, REPEATED, Maps, Mean, SequenceKind
from tb_attnviz.geometry.neighbourhoods import Neighbourhoods, neighbourhoods
from tb_attnviz.geometry.paper import paper_scale, paper_translation
from tb_attnviz.geometry.point_figures import POINT_FIGURES, point_figure
from tb_attnviz.geometry.rank import RankSums, effective_rank, rank_of, rank_sums
from tb_attnviz.geometry.repeats import Asked, asked_of, repeat_figures, tells_repeats
from tb_attnviz.geometry.similarity import cluster_order, linear_cka, nearest, similarity
from tb_attnviz.geometry.survey import SURVEYED, Survey, joined_maps, survey
from tb_attnviz.geometry.trust import VisiblePairs, cosine_agreement, logit_faithfulness, motion_agreement, spearman
from tb_attnviz.geometry.values import value_entropy, weighted_by_values

__all__ = [
    "BLOCK",
    "FIGURES",
    "NEAREST",
    "PLAIN",
    "POINT_FIGURES",
    "REPEATED",
    "SURVEYED",
    "Asked",
    "CanonicalAxes",
    "Maps",
    "Mean",
    "Neighbourhoods",
    "Pairs",
    "RankSums",
    "SequenceKind",
    "Survey",
    "TopKeys",
    "VisiblePairs",
    "Window",
    "asked_of",
    "attention",
    "canonical_axes",
    "cluster_order",
    "cosine_agreement",
    "effective_rank",
    "figures_of",
    "follows",
    "jensen_shannon",
    "joined_maps",
    "linear_cka",
    "logit_faithfulness",
    "logits",
    "motion_agreement",
    "nearest",
    "neighbourhoods",
    "over_sequences",
    "paper_scale",
    "paper_translation",
    "point_figure",
    "procrustes",
    "rank_of",
    "rank_sums",
    "repeat_figures",
    "similarity",
    "spearman",
    "survey",
    "tells_repeats",
    "top_keys",
    "value_entropy",
    "visible_pairs",
    "weighted_by_values",
]
