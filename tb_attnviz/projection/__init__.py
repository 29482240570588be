"""Projections of a head's queries and keys through all its steps, in one frame."""

from tb_attnviz.projection.basis import PROJECTIONS
from tb_attnviz.projection.frame import Frame, fit_frame
from tb_attnviz.projection.pictures import Picture, View, make
from tb_attnviz.projection.projection import Projection, ProjectionError
from tb_attnviz.projection.source import LayerSamples, UnreadableStepError

__all__ = [
    "PROJECTIONS",
    "Frame",
    "LayerSamples",
    "Picture",
    "Projection",
    "ProjectionError",
    "UnreadableStepError",
    "View",
    "fit_frame",
    "make",
]
