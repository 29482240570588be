"""Importance: how much the loss owes to each head, by a backward pass of the probe a layer, or by taking heads out.

For the outputs o of a head and the loss L of a sequence, -Σ ⟨∂L/∂o, o - ō⟩ over the sequence's tokens is to first order
what L rises by when the head gives its mean ō everywhere (attribution patching, Syed et al. 2023, arXiv 2310.10348).
The figure's gradient is taken halfway, where the heads of its layer give (o + ō) / 2: there second derivatives cancel.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from tb_attnviz.array_types import Float32
from tb_attnviz.events import Layer

from ..capture.neutral import undisturbed
from ..probes.batch import Batch
from .graph import gradients, without_backward_hooks
from .head_outputs import UNSEEN, HeadOutput, HeadOutputs, by_sequence, run, token_mask
from .shown import Shown


@dataclasses.dataclass(frozen=True)
class Importance:
    """Of the heads of some layers, in their order."""

    loss: float  # of the probe: the mean of its sequences'
    effects: dict[str, Float32]  # layer → [sequences, heads]: first-order rise of each sequence's loss
    means: dict[str, Tensor]  # layer → [heads, d_v], of the probe's tokens, on the processor
    refused: dict[str, str]  # layer → why nothing is known of it
    bytes: int  # that the largest batch's backward pass kept


def first_order(shown: Shown, layers: Sequence[Layer], *, count: bool = False) -> Importance:
    """One backward pass; `count`: and what it keeps in memory. Raises LossError, NoGradientError."""
    wanted = {layer.name: layer for layer in layers}
    sums: dict[str, list[_Sums]] = {name: [] for name in wanted}
    refused: dict[str, str] = {}
    total, sequences, kept = 0.0, 0, 0
    with undisturbed(shown.model), without_backward_hooks(shown.model), torch.enable_grad():
        for batch in shown.batches():
            observer = HeadOutputs(batch, wanted)
            make = functools.partial(_total, shown, batch, observer)
            found = gradients(observer, make, count=shown.model if count else None)
            total, sequences, kept = total + found.value, sequences + len(batch.present), max(kept, found.bytes)
            for name, layer in wanted.items():
                if name not in found.of:
                    refused[name] = found.refused.get(name, UNSEEN)
                elif name not in refused:
                    try:
                        sums[name].append(_Sums.of(observer.found[name], found.of[name], batch, layer))
                    except ValueError as error:
                        refused[name] = str(error)
    means = {name: _mean(parts) for name, parts in sums.items() if name not in refused}
    effects = {name: torch.cat([part.effects(mean) for part in sums[name]]) for name, mean in means.items()}
    return Importance(total / sequences, {n: x.float().numpy() for n, x in effects.items()}, means, refused, kept)


def halfway(shown: Shown, layers: Sequence[Layer], means: Mapping[str, Tensor]) -> dict[str, Float32]:
    """Layer → [sequences, heads]: the slope where the heads of the layer are halfway to their means, times all the way.

    A backward pass a layer, from that layer on. In the middle of the way the slope is off by the loss's third
    derivative, at its beginning by the second. Raises LossError, NoGradientError.
    """
    effects = {}
    with undisturbed(shown.model), without_backward_hooks(shown.model), torch.enable_grad():
        for layer in layers:
            if layer.name not in means:
                continue
            mean, parts = means[layer.name], []
            for batch in shown.batches():
                observer = HeadOutputs(batch, (layer.name,), change=functools.partial(_move, layer=layer, mean=mean))
                found = gradients(observer, functools.partial(_total, shown, batch, observer))
                if layer.name in found.of:
                    sums = _Sums.of(observer.found[layer.name], found.of[layer.name], batch, layer)
                    parts.append(2 * sums.effects(mean))  # half of the way is left
            if parts:
                effects[layer.name] = torch.cat(parts).float().numpy()
    return effects


def exact(shown: Shown, layers: Sequence[Layer], means: Mapping[str, Tensor]) -> Float32:
    """How much the loss rises when each head gives its mean: [heads of all layers], NaN for those without a mean.

    As many passes of the probe as heads, and one more.
    """
    rises = []
    with undisturbed(shown.model):
        batches = shown.batches()
        before = _loss(shown, batches)
        for layer in layers:
            numbers = layer.head_numbers or range(layer.heads)
            if layer.name not in means:
                rises += [np.nan] * layer.heads
                continue
            for head, mean in zip(numbers, means[layer.name], strict=True):
                give_mean = functools.partial(write, head=head, mean=mean)
                rises.append(_loss(shown, batches, layer.name, give_mean) - before)
    return np.array(rises, np.float32)


def importance(effects: Mapping[str, Float32], layers: Sequence[Layer]) -> Float32:
    """The figure of each head, [heads of all layers], from `halfway`: the mean over sequences, NaN if not known."""
    unknown = {layer.name: np.full((1, layer.heads), np.nan, np.float32) for layer in layers}
    return np.concatenate([effects.get(layer.name, unknown[layer.name]).mean(axis=0) for layer in layers])


def write(output: HeadOutput, head: int, mean: Tensor) -> None:
    """Into the tensor itself, whatever its axes are: `mean` [d_v] at every token of `head`."""
    x = output.tensor
    places = output.arranged(torch.arange(x.numel(), device=x.device).view(x.shape))[:, head]  # (batch, n, d_v)
    flat = x.flatten().clone()
    flat[places] = mean.to(x.device, x.dtype)
    x.copy_(flat.view(x.shape))


def _move(output: HeadOutput, layer: Layer, mean: Tensor) -> None:
    """Write the heads of `layer` halfway to their `mean` [heads, d_v] into the tensor itself, unseen by its graph."""
    x = output.tensor
    places = output.arranged(torch.arange(x.numel(), device=x.device).view(x.shape))
    places = places[:, list(layer.head_numbers or range(layer.heads))]  # (batch, heads, n, d_v)
    flat = x.detach().flatten().clone()
    flat[places] = (flat[places] + mean.to(x.device, x.dtype)[:, None]) / 2
    x.data.copy_(flat.view(x.shape))


def _loss(
    shown: Shown, batches: Sequence[Batch], name: str = "", change: Callable[[HeadOutput], None] | None = None
) -> float:
    """The mean loss of all sequences, with what the attention `name` gives changed."""
    total = 0.0
    for batch in batches:
        observer = HeadOutputs(batch, (name,), change=change)
        total += float(_total(shown, batch, observer))
    return total / sum(len(batch.present) for batch in batches)


def _total(shown: Shown, batch: Batch, observer: HeadOutputs) -> Tensor:
    """The sum of the losses of the sequences of one batch."""
    losses = shown.losses(run(shown.model, batch, shown.forward, observer), batch)
    return losses.sum() if losses.dim() else losses * len(batch.present)


@dataclasses.dataclass(frozen=True)
class _Sums:
    """What one batch adds, of one layer, on the processor in float64."""

    products: Tensor  # [sequences, heads]: Σ ⟨gradient, output⟩ over tokens
    gradients: Tensor  # [sequences, heads, d_v]: Σ gradient
    outputs: Tensor  # [heads, d_v]: Σ output over all sequences
    tokens: int

    @classmethod
    def of(cls, output: HeadOutput, gradient: Tensor, batch: Batch, layer: Layer) -> "_Sums":
        present = token_mask(batch, layer, output)  # (sequences, n)
        own, g = (by_sequence(output.of_heads(x, layer), present) for x in (output.tensor, gradient))
        return cls(
            (own * g).sum(dim=(2, 3)).cpu().double(),
            g.sum(dim=2).cpu().double(),
            own.sum(dim=(0, 2)).cpu().double(),
            int(present.sum()),
        )

    def effects(self, mean: Tensor) -> Tensor:
        """[sequences, heads]."""
        return -(self.products - (self.gradients * mean).sum(dim=-1))


def _mean(parts: Sequence[_Sums]) -> Tensor:
    """[heads, d_v]: the mean output of each head over all tokens."""
    return torch.stack([part.outputs for part in parts]).sum(0) / sum(part.tokens for part in parts)
