"""The training side: records a model's attention heads at checkpoints, for the Attention tab of TensorBoard.

Imports torch, and no framework: each of those has its own module here (`huggingface`, `lightning`).
"""

from tb_attnviz.alerts import AttentionWarning
from tb_attnviz.extras import line

try:
    import torch  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(f"attention is recorded with torch, which is not installed: {line('torch')}") from error

from . import relations, synthetic
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
    "relations",
    "synthetic",
]
