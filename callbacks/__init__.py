"""The training side: records a model's attention heads at checkpoints, for the Attention tab of TensorBoard.

Imports torch, and no framework: each of those has its own module here (`huggingface`, `lightning`).
"""

from tb_attnviz.alerts import AttentionWarning

from . import synthetic
from .capture import NoAttentionError
from .probe import Probe
from .recorder import AttentionRecorder
from .schedule import Every, powers_of_two
from .tracing.tap import attnviz_tap

__all__ = [
    "AttentionRecorder",
    "AttentionWarning",
    "Every",
    "NoAttentionError",
    "Probe",
    "attnviz_tap",
    "powers_of_two",
    "synthetic",
]
