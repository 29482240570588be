"""Attribution: what a recorder asks a model beside its attention, at its checkpoints: importance and connections."""

import dataclasses
import logging
import warnings
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from tb_attnviz.events import Layer, Samples, StoredSamples, connection_arrays

from ..capture import Recording
from ..capture.distributed import is_sharded
from ..capture.recording import Forward
from ..probe import Probe
from . import connections as feeding
from .graph import NoGradientError
from .importance import exact, first_order, halfway, importance
from .losses import Loss
from .shown import Shown

_log = logging.getLogger("tb_attnviz")
_FEW = 8  # sequences that connections are found on

_SHARDED = (
    "the model's parameters are sharded over processes (FSDP, tensor parallelism), which would exchange gradients in a "
    "backward pass of the probe"
)
_INFERENCE = "it is recorded within torch.inference_mode, which keeps no graph: record outside of it"


class Attribution:
    """Adds to recordings of `model` what the loss owes to each head, and what heads owe to each other.

    loss: None for no importance. Nothing here changes the model, or a gradient of its parameters.
    """

    def __init__(self, model: nn.Module, probe: Probe, *, loss: Loss | None, forward: Forward, batch_size: int) -> None:
        self._shown = Shown(model, probe, forward, batch_size, loss)
        self._few = dataclasses.replace(self._shown, probe=few(probe), loss=None)
        self._told = False  # of layers without connections

    def begin(self, first: Recording, *, ablates: bool, connects: bool) -> dict[str, str]:
        """Make one backward pass, and say in the log what importance and connections will take.

        Returns layer → why the loss cannot be attributed to it. Raises LossError, NoGradientError.
        """
        self._check(first)
        refused: dict[str, str] = {}
        batches = len(self._shown.batches())
        if self._shown.loss is not None:
            self._shown = dataclasses.replace(self._shown, is_decoder=_looks_back(first.layers, first.samples))
            found = first_order(self._shown, first.layers, count=True)
            refused = found.refused
            _log.info(
                "importance of heads: %d backward passes a checkpoint, each of which keeps %.1f MB; the loss is %.4g",
                (1 + len(found.means)) * batches,
                found.bytes / 1e6,
                found.loss,
            )
        if ablates:
            heads = sum(layer.heads for layer in first.layers if layer.name not in refused)
            _log.info("exact importance: %d heads are taken out in %d passes", heads, (heads + 1) * batches)
        if connects:
            passes = feeding.passes(first.layers) * len(self._few.batches())
            _log.info("connections of heads: %d backward passes of %d sequences", passes, len(self._few.probe.lengths))
        return refused

    def added(self, recording: Recording, *, weigh: bool, ablate: bool, connect: bool) -> Recording:
        """`recording` with figures and arrays of importance (`weigh`, `ablate`: exactly, too), and of connections."""
        self._check(recording)
        figures, arrays = dict(recording.figures), dict(recording.arrays)
        layers = recording.layers
        if self._shown.loss is not None and (weigh or ablate):
            found = first_order(self._shown, layers)
            figures["importance"] = importance(halfway(self._shown, layers, found.means), layers)
            arrays["importance/loss"] = np.array([found.loss], np.float32)
            if ablate:
                figures["importance_exact"] = exact(self._shown, layers, found.means)
        if connect:
            fed = feeding.connections(self._few, layers)
            arrays |= connection_arrays({"queries": fed.queries, "keys": fed.keys})
            if fed.refused and not self._told:
                self._told = True
                named = "; ".join(f"{name}: {why}" for name, why in fed.refused.items())
                warnings.warn(f"layers without connections: {named}", RuntimeWarning, stacklevel=5)
        return dataclasses.replace(recording, figures=figures, arrays=arrays)

    def _check(self, recording: Recording) -> None:
        if torch.is_inference_mode_enabled():
            raise NoGradientError(_INFERENCE)
        if is_sharded(self._shown.model) or recording.split:
            raise NoGradientError(_SHARDED)


def few(probe: Probe) -> Probe:
    """Some sequences of it: half of them repeated ones, on which induction heads show, where there are some."""
    repeated = [n for n, sequence in enumerate(probe.record.sequences) if sequence.repeat is not None]
    others = [n for n in range(len(probe.lengths)) if n not in repeated]
    chosen = repeated[: max(_FEW // 2, _FEW - len(others))]
    return probe.only(sorted(chosen + others[: _FEW - len(chosen)]))


def _looks_back(layers: Sequence[Layer], samples: Sequence[Samples | StoredSamples]) -> bool:
    """Whether no token of the probe's own sees one behind it: whether the model is a decoder."""
    return all(
        layer.causal or (of.bias is not None and of.windows is None and not (np.triu(of.bias, 1) > -np.inf).any())
        for layer, of in zip(layers, samples, strict=True)
        if layer.queries_of == layer.keys_of == "tokens"
    )
