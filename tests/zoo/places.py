"""python -m tests.zoo.places: whether queries and keys of vision models are of the patches that they are said to be.

One part of an image after the other is changed, and what changes most is found among the recorded queries and keys: it
must be the token that is said to lie there. What attention gives is multiplied by 0 where a residual goes on without
it, since it would spread a change over the whole image; layers behind attention that has no residual are left out.
Exits with 1 if tokens are elsewhere.
"""

import sys
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tb_attnviz.callbacks import Probe
from tb_attnviz.callbacks.capture.recording import capture
from tests.zoo.__main__ import settle, varied
from tests.zoo.animals import ANIMALS
from tests.zoo.making import Animal

CELLS = 4  # parts of the image down and across
LEAST = 0.9  # of the parts must be found in their places
MODELS = {  # and how many of their layers, the first ones, are looked at
    "pvt_v2_b0": 8,
    "twins_pcpvt_small": 16,
    "mvitv2_tiny": 9,
    "tiny_vit_5m_224": 10,
    "visformer_tiny": 8,
    "gcvit_xxtiny": 10,
    "efficientformer_l1": 1,
    "nextvit_small": 4,
    "levit_128s": 2,
    "efficientvit_m0": 4,
}


def main() -> int:
    torch.set_num_threads(1)
    failures = 0
    for animal in ANIMALS:
        for place, found in enumerate(scores(animal)) if animal.name in MODELS else ():
            wrong = min(found) < LEAST
            failures += wrong
            print(f"{animal.name}, layer {place}: queries {found[0]:.2f}, keys {found[1]:.2f}{' WRONG' * wrong}")
    return int(failures > 0)


def scores(animal: Animal) -> list[tuple[float, float]]:
    """Of each layer that is looked at, the share of the parts whose queries, and keys, are found in their places."""
    torch.manual_seed(0)
    model, inputs, options = animal.make()
    name, images = next(iter(inputs.items()))
    inputs = {name: changed(images[:1])}
    varied(model.eval(), options.get("factor", 3))
    for module in model.modules():
        if "Attention" in type(module).__name__ or "Attn" in type(module).__name__:
            module.register_forward_hook(without_attention)
    settle(model, inputs)
    given = tuple(inputs.values()) if name.startswith("_") else inputs
    usual = CELLS * CELLS  # patches, where a layer has no grid of its own
    probe = Probe(given, [[str(i) for i in range(usual)]] * len(inputs[name]))
    recording = capture(model, probe, batch_size=len(inputs[name]), health=False)
    found = []
    for layer, recorded in zip(recording.layers, recording.samples, strict=True):
        samples = recorded.as_read()
        sides = (
            (samples.queries, layer.query_grid, layer.query_special),
            (samples.keys, layer.key_grid, layer.key_special),
        )
        both = [
            in_place(x, len(inputs[name]), (grid.rows, grid.columns) if grid else (CELLS, CELLS), special)
            for x, grid, special in sides
        ]
        found.append((both[0], both[1]))
    if len(found) < MODELS[animal.name]:
        raise ValueError(f"{animal.name}: {len(found)} layers are recorded, {MODELS[animal.name]} should be")
    return found[: MODELS[animal.name]]


def changed(image: Tensor) -> Tensor:
    """[1, channels, height, width]: the image, and beside it that with each of its parts in noise."""
    height, width = (size // CELLS for size in image.shape[2:])
    images = [image]
    for row in range(CELLS):
        for column in range(CELLS):
            other = image.clone()
            part = other[:, :, row * height : (row + 1) * height, column * width : (column + 1) * width]
            part += torch.randn_like(part)
            images.append(other)
    return torch.cat(images)


def without_attention(_: nn.Module, given: Any, output: Any) -> Any:
    several = isinstance(output, tuple)
    first = output[0] if several else output
    if not isinstance(first, Tensor) or first.shape != given[0].shape:
        return output
    return (first * 0, *output[1:]) if several else first * 0


def in_place(x: Any, images: int, shape: tuple[int, int], special: int) -> float:
    """x [heads, tokens of all images, d] on a grid of `shape`, behind so many tokens of no place."""
    of_image = x.transpose(1, 0, 2).reshape(images, -1, x.shape[0] * x.shape[2])[:, special:]
    changes = np.linalg.norm(of_image[1:] - of_image[:1], axis=-1)  # (parts, tokens)
    hits = 0
    for part, change in enumerate(changes):
        token, cell = divmod(int(change.argmax()), shape[1]), divmod(part, CELLS)
        apart = [(t + 0.5) / n * CELLS - (c + 0.5) for t, n, c in zip(token, shape, cell, strict=True)]
        # Convolutions reach into the next token, and a coarse token covers several parts.
        hits += all(abs(a) <= 0.51 + max(0.5, CELLS / n / 2) for a, n in zip(apart, shape, strict=True))
    return hits / len(changes)


if __name__ == "__main__":
    sys.exit(main())
