"""The training side: records a model's attention heads at checkpoints, for the Attention tab of TensorBoard.

Imports torch, and no framework: each of those has its own module here (`huggingface`).
"""

from tb_attnviz.alerts import AttentionWarning

from .capture import NoAttentionError
from .probe import Probe
from .recorder import AttentionRecorder
from .tap import attnviz_tap

__all__ = ["AttentionRecorder", "AttentionWarning", "NoAttentionError", "Probe", "attnviz_tap"]
