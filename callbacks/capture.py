"""Capture: one pass of a model over the probe, and what every attention head did in it."""

import dataclasses
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from tb_attnviz.events import Layer, Samples
from tb_attnviz.geometry import FIGURES

from .attention_calls import AttentionCalls
from .masks import join_masks
from .module_names import ModuleNames
from .neutral import undisturbed
from .onlooker import Onlooker
from .probe import Probe
from .selection import Selection
from .sight import Sight

Float32 = npt.NDArray[np.float32]


class NoAttentionError(RuntimeError):
    """The pass over the probe showed no attention that can be recorded."""


@dataclasses.dataclass(frozen=True)
class Recording:
    """What one pass over the probe showed, layer after layer in the order of the pass."""

    layers: tuple[Layer, ...]
    samples: tuple[Samples, ...]
    figures: dict[str, Float32]  # figure → [heads of all layers]
    skipped: dict[str, str]  # module → why its attention was not recorded


def capture(model: nn.Module, probe: Probe, *, batch_size: int = 32, select: Selection | None = None) -> Recording:
    """Show `probe` to `model`, `batch_size` sequences at a time, and record the attention of every layer.

    Of layers and heads those that `select` chooses.
    The model is left as it was. Attention that is not among the probe's own tokens (cross-attention, windows) is
    skipped.
    Raises NoAttentionError if none is left.

        recording = capture(model, probe)
        recording.samples[0].queries  # [heads, tokens of the probe, d]
    """
    device = next((tensor.device for tensor in (*model.parameters(), *model.buffers())), torch.device("cpu"))
    sights = []
    onlooker = Onlooker(select)
    with undisturbed(model):
        for batch in probe.batches(batch_size, device=device):
            sight = Sight(batch)
            with ModuleNames(model) as names, AttentionCalls(names, see=onlooker.through(sight.take)):
                model(*batch.args, **batch.kwargs)
            sights.append(sight)
    onlooker.raise_error()
    recording = _join(sights, probe)
    return recording if select is None else dataclasses.replace(recording, layers=select.number(recording.layers))


def _join(sights: list[Sight], probe: Probe) -> Recording:
    """The layers of all batches as one recording."""
    skipped = {name: why for sight in sights for name, why in sight.skipped.items()}
    layers: list[Layer] = []
    samples: list[Samples] = []
    figures: dict[str, list[Float32]] = {name: [] for name in _defined(probe)}
    for name in sights[0].seen:
        parts = [sight.seen[name] for sight in sights if name in sight.seen]
        if name in skipped or len(parts) < len(sights) or len({part.shape for part in parts}) > 1:
            skipped.setdefault(name, "it was not called alike for all sequences of the probe")
            continue
        mask = join_masks([part.mask for part in parts], [sight.lengths.cpu() for sight in sights])
        heads, kv_heads, head_dim = parts[0].shape
        layers.append(Layer(name, heads, kv_heads, head_dim, scale=parts[0].scale, causal=mask.causal))
        samples.append(
            Samples(
                queries=torch.cat([part.queries for part in parts], dim=1).numpy(),  # (heads, n_query, d)
                keys=torch.cat([part.keys for part in parts], dim=1).numpy(),  # (kv_heads, n_key, d)
                bias=None if mask.bias is None else mask.bias.float().numpy(),
            )
        )
        for figure, values in figures.items():
            values.append(_over_sequences(figure, torch.cat([part.figures[figure] for part in parts])))
    if not layers:
        raise NoAttentionError(_explain(skipped))
    return Recording(
        tuple(layers), tuple(samples), {name: np.concatenate(values) for name, values in figures.items()}, skipped
    )


def _defined(probe: Probe) -> list[str]:
    """The figures that at least one sequence of `probe` defines."""
    undefined = set()
    if max(probe.lengths) < 2:
        undefined |= {"entropy", "previous"}
    if not any(sequence.repeat for sequence in probe.record.sequences):
        undefined.add("induction")
    return [name for name in FIGURES if name not in undefined]


def _over_sequences(figure: str, values: Tensor) -> Float32:
    """One value a head from `values` [sequences, heads]; sequences that do not define the figure (NaN) do not count."""
    if figure == "max_logit":
        largest = torch.where(values.isnan(), -torch.inf, values).amax(dim=0)
        result = torch.where(values.isnan().all(dim=0), torch.nan, largest)
    else:
        result = values.nanmean(dim=0)
    return cast(Float32, result.float().numpy())


def _explain(skipped: dict[str, str]) -> str:
    if skipped:
        reasons = "; ".join(f"{name}: {why}" for name, why in list(skipped.items())[:3])
        return f"no attention of the model can be recorded with this probe ({reasons})"
    return (
        "no attention was seen in the pass over the probe: it is recorded where a model calls "
        "torch.nn.functional.scaled_dot_product_attention; load a Hugging Face model with "
        'attn_implementation="sdpa" (not "eager", "flash_attention_2" or "flex_attention"), and let a model of your '
        "own call it instead of computing softmax(q kᵀ) itself"
    )
