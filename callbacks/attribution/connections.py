"""Connections: what the logits of a head owe to each head of earlier layers, by way of its queries and of its keys.

For what a head attends to, s (`attended`), and an earlier head's outputs o with their mean ō, Σ ⟨∂s/∂o, o - ō⟩ is to
first order what s falls by when the earlier head gives ō everywhere (attribution patching, Syed et al. 2023, arXiv
2310.10348): through the queries, with the keys held fixed, and through the keys. All ways between the two heads count.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from tb_attnviz.array_types import Float32
from tb_attnviz.events import Layer

from ..capture.neutral import undisturbed
from ..tracing.attention_call import AttentionCall
from .attended import Attended
from .graph import without_backward_hooks
from .head_outputs import HeadOutput, HeadOutputs, by_sequence, run, token_mask
from .means import mean_outputs
from .shown import Shown

_NO_GRADIENT = "its queries and keys are made without gradients"


@dataclasses.dataclass(frozen=True)
class Connections:
    """[heads_from, heads_to] of all layers, in logits a query; NaN where the first is in no earlier layer."""

    queries: Float32
    keys: Float32
    refused: dict[str, str]  # layer → why nothing is known of it


def passes(layers: Sequence[Layer]) -> int:
    """How many backward passes `connections` makes for each batch, from each layer down."""
    return 2 * sum(layer.heads for layer in layers[1:])


def connections(shown: Shown, layers: Sequence[Layer]) -> Connections:
    """Two backward passes a head behind the first layer for each batch of the probe."""
    first = np.cumsum([0, *(layer.heads for layer in layers)])  # of each layer's heads among all
    places = {layer.name: slice(first[n], first[n + 1]) for n, layer in enumerate(layers)}
    sums, counts = np.zeros((2, first[-1], first[-1])), np.zeros(first[-1])
    with undisturbed(shown.model), without_backward_hooks(shown.model):
        means, refused = mean_outputs(shown, layers)
        for batch in shown.batches():
            observer = HeadOutputs(batch, means, with_calls=True)
            with torch.enable_grad():
                run(shown.model, batch, shown.forward, observer)
            sources: list[_Source] = []
            for layer in (layer for layer in layers if layer.name in means):
                call, output = observer.calls.get(layer.name), observer.found[layer.name]
                if call is None or (sources and not (call.queries.requires_grad or call.keys.requires_grad)):
                    refused[layer.name] = _NO_GRADIENT if call else observer.refused.get(layer.name, _NO_GRADIENT)
                    continue
                present = token_mask(batch, layer, output)
                if sources:
                    target = Attended.of(call, present.reshape(len(call.queries), -1))
                    fed, of = _fed(target, call, layer, sources), places[layer.name]
                    for source, part in zip(sources, fed, strict=True):
                        sums[:, places[source.name], of] += part.cpu().numpy()
                    counts[of] += target.counts.cpu().numpy()[_numbers(layer)]
                sources.append(_Source(layer, output, present, means[layer.name]))
    found = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    for layer in layers:
        of = places[layer.name]
        found[:, of.start :, of] = np.nan
        if layer.name in refused:
            found[:, of] = found[:, :, of] = np.nan
    return Connections(found[0].astype(np.float32), found[1].astype(np.float32), refused)


def _fed(target: Attended, call: AttentionCall, layer: Layer, sources: "Sequence[_Source]") -> list[Tensor]:
    """Of each source [2, heads_from, heads_to]: what it contributes by the queries and by the keys of `call`."""
    tensors = [source.output.tensor for source in sources]
    found: list[list[list[Tensor]]] = [[[], []] for _ in sources]  # source, side → of each head [heads_from]
    for side, (x, slope) in enumerate(zip((call.queries, call.keys), target.slopes(call), strict=True)):
        for head in _numbers(layer):
            gradients: Sequence[Tensor | None] = [None] * len(sources)
            if x.requires_grad:
                seed = torch.zeros_like(x)
                seed[:, head * x.shape[1] // slope.shape[1]] = slope[:, head].to(x.dtype)
                gradients = torch.autograd.grad(x, tensors, seed, retain_graph=True, allow_unused=True)
            for source, gradient, of_source in zip(sources, gradients, found, strict=True):
                of_source[side].append(source.contribution(gradient))
    return [torch.stack([torch.stack(side, dim=1) for side in of_source]) for of_source in found]


class _Source:
    """The heads of an earlier layer in one batch."""

    def __init__(self, layer: Layer, output: HeadOutput, present: Tensor, mean: Tensor) -> None:
        self.name = layer.name
        self.output = output
        self._layer, self._present = layer, present
        own = by_sequence(output.of_heads(output.tensor, layer), present)  # (sequences, heads, tokens, d)
        away = own - mean[:, None].to(own.device, own.dtype)
        self._away = torch.where(present[:, None, :, None], away, 0.0)

    def contribution(self, gradient: Tensor | None) -> Tensor:
        """Of each head, [heads], for the gradient of a number with respect to the outputs; 0 without one."""
        if gradient is None:
            return self._away.new_zeros(self._away.shape[1])
        own = by_sequence(self.output.of_heads(gradient, self._layer), self._present)
        return (own * self._away).sum(dim=(0, 2, 3))


def _numbers(layer: Layer) -> list[int]:
    """Those of the recorded heads in the model's layer."""
    return list(layer.head_numbers or range(layer.heads))
