"""Layers whose queries or keys are the patches of a grid of their own: which patches they are, or why it is refused.

Pixels say where they are, and patches are means of pixels: so every query and key says itself where it comes from.
"""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tb_attnviz.callbacks import NoAttentionError, Probe
from tb_attnviz.callbacks.capture.recording import capture
from tb_attnviz.events import Grid

ROWS, COLUMNS, PATCH = 4, 8, 4  # of the map of patches
SHUFFLED = torch.randperm(ROWS * COLUMNS, generator=torch.Generator().manual_seed(0))


class Model(nn.Module):
    """`tokens` makes queries and keys [images, n, 2] of the map of patches [images, 2, rows, columns]."""

    def __init__(self, tokens):
        super().__init__()
        self.tokens = tokens
        self.one = nn.Parameter(torch.ones(()))
        self.cls = nn.Parameter(torch.zeros(1, 1, 2))

    def forward(self, x):
        q, k = self.tokens(functional.avg_pool2d(x * self.one, PATCH), self)
        return functional.scaled_dot_product_attention(q[:, None], k[:, None], k[:, None])


def where_pixels_are(images=3):
    """[images, 2, height, width]: the row and column of every pixel, and which image it is of."""
    rows, columns = torch.meshgrid(torch.arange(ROWS * PATCH), torch.arange(COLUMNS * PATCH), indexing="ij")
    return torch.stack([rows, columns]).float() + 1000 * torch.arange(images)[:, None, None, None]


def sequence(x):
    return x.flatten(2).transpose(1, 2)


def merged(x):
    """As Swin merges patches: those of four places behind each other, then mixed."""
    four = torch.cat([x[:, :, i::2, j::2] for j in (0, 1) for i in (0, 1)], dim=1)  # (images, 8, rows/2, columns/2)
    mean = torch.eye(2).repeat(1, 4) / 4  # (2, 8)
    return functional.linear(sequence(four), mean)


def written(x):
    found = x.new_zeros(len(x), ROWS * COLUMNS, 2)
    found[:, 0::2] = sequence(x)[:, 0::2]
    found[:, 1::2] = sequence(x)[:, 1::2]
    return found


def strided(x):
    weight = torch.zeros(2, 1, 3, 3)
    weight[:, :, 1, 1] = 1
    return functional.conv2d(x, weight, stride=2, padding=1, groups=2)


def up_again(x):
    return functional.interpolate(functional.avg_pool2d(x, 2), scale_factor=2)


FINE, COARSE = Grid(ROWS, COLUMNS), Grid(ROWS // 2, COLUMNS // 2)
TOLD = {
    "pooled keys": (lambda x, _: (sequence(x), sequence(functional.avg_pool2d(x, 2))), FINE, COARSE),
    "pooled queries": (lambda x, _: (sequence(functional.avg_pool2d(x, 2)), sequence(x)), COARSE, FINE),
    "both pooled": (lambda x, _: (sequence(functional.adaptive_avg_pool2d(x, (2, 4))),) * 2, COARSE, COARSE),
    "pooled to one row": (
        lambda x, _: (sequence(x), sequence(functional.adaptive_avg_pool2d(x, (1, 4)))),
        FINE,
        Grid(1, 4),
    ),
    "every other patch": (lambda x, _: (sequence(x[:, :, ::2, ::2]), sequence(x)), COARSE, FINE),
    "a convolution with a stride": (lambda x, _: (sequence(x), sequence(strided(x))), FINE, COARSE),
    "merged patches": (lambda x, _: (merged(x), merged(x)), COARSE, COARSE),
    "pooled in a row": (
        lambda x, _: (sequence(x), functional.avg_pool1d(x.flatten(2), 4).transpose(1, 2)),
        FINE,
        Grid(ROWS, COLUMNS // 4),
    ),
    "pooled by mean": (
        lambda x, _: (sequence(x), sequence(x.unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).mean(dim=(3, 5)))),
        FINE,
        COARSE,
    ),
    "coarse and fine again": (lambda x, _: (sequence(up_again(x)), sequence(up_again(x))), FINE, FINE),
    "columns first": (lambda x, _: (sequence(x.transpose(2, 3)),) * 2, FINE, FINE),
    "shuffled by an index": (lambda x, _: (sequence(x)[:, SHUFFLED], sequence(x)[:, SHUFFLED.flip(0)]), FINE, FINE),
    "written part by part": (lambda x, _: (written(x), written(x)), FINE, FINE),
    "written in another order": (
        lambda x, _: (sequence(x.clone()).index_copy_(1, SHUFFLED, sequence(x)), sequence(x)),
        FINE,
        FINE,
    ),
    "scattered in another order": (
        lambda x, _: (
            torch.zeros_like(sequence(x)).scatter(1, SHUFFLED[:, None].expand_as(sequence(x)), sequence(x)),
            sequence(x),
        ),
        FINE,
        FINE,
    ),
    "pixels as tokens": (
        lambda x, _: (sequence(functional.interpolate(x, scale_factor=2)), sequence(x)),
        Grid(2 * ROWS, 2 * COLUMNS),
        FINE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TOLD)
def test_every_query_and_key_is_of_the_patch_that_it_is_said_to_be(name):
    tokens, *grids = TOLD[name]
    pixels = where_pixels_are()
    probe = Probe.from_images(None, pixels, PATCH, special=())
    recording = capture(Model(tokens), probe)
    (layer,), (samples,) = recording.layers, recording.samples
    found = [own or FINE for own in (layer.query_grid, layer.key_grid)]
    assert found == grids
    for vectors, grid in zip((samples.queries, samples.keys), grids, strict=True):
        said = vectors[0].reshape(len(pixels), grid.size, 2)  # the middle of each patch, in pixels
        height, width = ROWS * PATCH / grid.rows, COLUMNS * PATCH / grid.columns
        middles = [((r + 0.5) * height - 0.5, (c + 0.5) * width - 0.5) for r, c in grid.places]
        expected = np.array(middles) + 1000 * np.arange(len(pixels))[:, None, None]
        np.testing.assert_allclose(said, expected, atol=max(height, width) / 2)


@pytest.mark.parametrize("name", ["pooled keys", "every other patch", "merged patches"])
def test_grids_lie_in_what_is_of_whole_patches(name):
    tokens, *grids = TOLD[name]
    pixels = functional.pad(where_pixels_are(), (0, 3, 0, 2))
    (layer,) = capture(Model(tokens), Probe.from_images(None, pixels, PATCH, special=())).layers
    assert [own or FINE for own in (layer.query_grid, layer.key_grid)] == grids


def test_patches_that_reach_beyond_the_whole_ones_are_refused():
    def padded(x, model):
        return (sequence(functional.avg_pool2d(functional.pad(model.given, (0, 1, 0, 2)), PATCH)),) * 2

    class Padding(Model):
        def forward(self, x):
            self.given = x * self.one
            return super().forward(x)

    pixels = functional.pad(where_pixels_are(), (0, 3, 0, 2))
    with pytest.raises(NoAttentionError, match="its tokens are 5 × 9 patches that do not cover the image evenly"):
        capture(Padding(padded), Probe.from_images(None, pixels, PATCH, special=()))


def test_special_tokens_stay_before_the_patches():
    def tokens(x, model):
        cls = model.cls.expand(len(x), -1, -1)
        return torch.cat([cls, sequence(x)], dim=1), torch.cat([sequence(functional.avg_pool2d(x, 2)), cls], dim=1)

    probe = Probe.from_images(None, where_pixels_are(), PATCH, special=("[CLS]",))
    recording = capture(Model(tokens), probe)
    (layer,), (samples,) = recording.layers, recording.samples
    assert (layer.query_grid, layer.query_special) == (None, 0), "these are the probe's own tokens"
    assert (layer.key_grid, layer.key_special) == (COARSE, 1)
    keys = samples.keys[0].reshape(3, 1 + COARSE.size, 2)
    assert (keys[:, 0] == 0).all()  # the class token, which the model has behind its patches
    assert keys[0, 1:, 0].tolist() == [3.5] * 4 + [11.5] * 4


@pytest.mark.parametrize("pool", [1, 2])
def test_queries_of_the_image_itself_meet_keys_of_a_later_layer(pool):
    """Global queries, as in GCViT: keys went through a layer that they have not gone through."""

    def tokens(x, _):
        q = sequence(x)[:, None]
        later = sequence(x) + 0 * functional.scaled_dot_product_attention(q, q, q)[:, 0]
        return sequence(functional.avg_pool2d(x, pool)), later

    pixels = where_pixels_are()
    recording = capture(Model(tokens), Probe.from_images(None, pixels, PATCH, special=()))
    assert [layer.name for layer in recording.layers] == ["Model", "Model#1"]
    assert recording.layers[1].query_grid == (None if pool == 1 else COARSE)
    (queries, keys) = (
        x[0].reshape(len(pixels), -1, 2) for x in (recording.samples[1].queries, recording.samples[1].keys)
    )
    grid = FINE if pool == 1 else COARSE
    side = PATCH * pool
    expected = [((r + 0.5) * side - 0.5, (c + 0.5) * side - 0.5) for r, c in grid.places]
    np.testing.assert_allclose(queries[0], expected, atol=1e-3)
    np.testing.assert_allclose(keys[0], [((r + 0.5) * 4 - 0.5, (c + 0.5) * 4 - 0.5) for r, c in FINE.places], atol=1e-3)


def several_grids(x, _):
    return sequence(x), torch.cat([sequence(x), sequence(functional.avg_pool2d(x, 2))], dim=1)


def windows_with_pooled_queries(x, _):
    q, k = (
        y.unflatten(3, (2, -1)).permute(0, 3, 1, 2, 4).flatten(0, 1) for y in (functional.avg_pool2d(x, 2), x)
    )  # two windows beside each other
    return sequence(q), sequence(k)


def each_in_an_order_of_its_own(x, _):
    orders = torch.stack([SHUFFLED.roll(image) for image in range(len(x))])
    return (torch.gather(sequence(x), 1, orders[:, :, None].expand(-1, -1, 2)),) * 2


NOT_TOLD = {
    "a matrix in another order": lambda x, _: (torch.eye(len(SHUFFLED))[SHUFFLED] @ sequence(x),) * 2,
    "keys mixed by a matrix": lambda x, model: (sequence(x), model.one * torch.ones(5, len(SHUFFLED)) @ sequence(x)),
    "pooled across the ends of rows": lambda x, _: (
        sequence(x),
        functional.avg_pool1d(x.flatten(2).roll(4, dims=2), 8).transpose(1, 2),
    ),
    "half of the image": lambda x, _: (sequence(x), sequence(x)[:, : ROWS * COLUMNS // 2]),
    "windows with pooled queries": windows_with_pooled_queries,
    "every patch twice": lambda x, _: (sequence(x).repeat(1, 2, 1),) * 2,
    "keys of several grids": several_grids,
    "another order in every image": each_in_an_order_of_its_own,
    "an order by content": lambda x, _: (sequence(x).sort(dim=1).values,) * 2,
    "mixed by a Fourier transform": lambda x, _: (torch.fft.fft(sequence(x), dim=1).real,) * 2,
    "written over": lambda x, _: (sequence(x).index_reduce_(1, SHUFFLED, sequence(x).clone(), "amax"),) * 2,
}


@pytest.mark.parametrize("name", NOT_TOLD)
def test_what_cannot_be_told_is_refused(name):
    probe = Probe.from_images(None, where_pixels_are(), PATCH, special=())
    with pytest.raises(NoAttentionError, match=r"patches|grid|order"):
        capture(Model(NOT_TOLD[name]), probe)


class Block(nn.Module):
    """Self-attention of a map, and what it attends with."""

    def __init__(self, channels):
        super().__init__()
        self.norm, self.qk = nn.GroupNorm(1, channels), nn.Conv2d(channels, 2 * channels, 1)

    def forward(self, x):
        q, k = self.qk(self.norm(x)).flatten(2).chunk(2, dim=1)
        self.own = (q.transpose(1, 2) @ k / x.shape[1] ** 0.5).softmax(dim=-1)  # (images, n, n)
        return x + (x.flatten(2) @ self.own.transpose(1, 2)).view_as(x)


class UNet(nn.Module):
    """Attention on the way down, at the bottom, and beside what was kept on the way up."""

    def __init__(self):
        super().__init__()
        self.stem, self.down = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, stride=2, padding=1)
        self.fine, self.bottom, self.last = Block(8), Block(8), Block(8)
        self.up, self.join = nn.ConvTranspose2d(8, 8, 2, stride=2), nn.Conv2d(16, 8, 1)

    def forward(self, x):
        fine = self.fine(self.stem(x))
        up = self.up(self.bottom(functional.silu(self.down(fine))))
        return self.last(self.join(torch.cat([up, fine], dim=1)))


def test_every_level_of_a_unet_has_its_grid():
    torch.manual_seed(0)
    model, pixels = UNet().eval(), torch.randn(3, 3, 4, 6)
    recording = capture(model, Probe.from_images(None, pixels, 2, special=()))
    model(pixels)
    assert recording.skipped == {}
    grids = [(layer.query_grid, layer.key_grid) for layer in recording.layers]
    assert grids == [(Grid(4, 6), Grid(4, 6)), (None, None), (Grid(4, 6), Grid(4, 6))]
    for layer, samples in zip(recording.layers, recording.samples, strict=True):
        q, k = (torch.tensor(x[0]).unflatten(0, (3, -1)) for x in (samples.queries, samples.keys))
        own = getattr(model, layer.name).own.detach()
        torch.testing.assert_close((q @ k.mT * layer.scale).softmax(dim=-1), own, atol=1e-4, rtol=0)
