"""Labels of the patches of layers with grids of their own, and pictures of the other side of a text."""

import numpy as np
import pytest
import torch
from transformers import SwinConfig, SwinModel

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, Probe
from tb_attnviz.events import Grid, ProbeRecord, Sequence
from tests.callbacks.zoo import SWIN


def test_every_grid_of_a_swin_has_labels(tmp_path):
    torch.manual_seed(0)
    model = SwinModel(SwinConfig(**SWIN)).eval()
    size = model.config.image_size
    picture = np.zeros((size, size, 3), np.uint8)
    picture[: size // 2] = (200, 0, 0)  # red above blue
    picture[size // 2 :] = (0, 0, 100)
    pixels = torch.tensor(picture).permute(2, 0, 1)[None].float() / 255
    probe = Probe.from_images([picture], pixels, model.config.patch_size, special=(), labels={"class": ["flag"]})
    with AttentionRecorder(model, probe, logdir=str(tmp_path), rules=(), on_error="raise") as recorder:
        recorder.record(0)
    run = tb_attnviz.open_run(tmp_path)
    grids = {layer.query_grid for layer in run.layers if layer.query_grid}
    (sequence,) = run.probe.sequences
    found = {of.grid: of.labels for of in sequence.grid_labels}
    assert grids
    assert found.keys() == grids
    for grid, labels in found.items():
        assert set(labels) == set(sequence.labels)
        rows = [row for row, _ in grid.places]
        assert labels["row"] == tuple(map(float, rows))
        assert labels["class"] == ("flag",) * grid.size
        if grid.rows % 2 == 0:
            expected = [0.0 if row < grid.rows / 2 else 240.0 for row in rows]
            np.testing.assert_allclose(labels["hue"], expected, atol=1e-3)


def test_a_record_without_them_is_read():
    entry = Sequence(("a", "b"), grid=Grid(1, 2)).to_entry()
    del entry["grid_labels"]
    assert Sequence.from_entry(entry).grid_labels == ()


def test_the_other_side_may_be_an_image():
    grid = Grid(2, 2)
    pictures = [np.full((8, 8, 3), shade, np.uint8) for shade in (10, 250)]
    inputs = {"input_ids": torch.zeros(2, 3, dtype=torch.long), "pixel_values": torch.zeros(2, 3, 8, 8)}
    plain = Probe(inputs, [["a", "b", "c"]] * 2, key_tokens=[("[CLS]", *grid.tokens)] * 2)
    probe = plain.with_images(pictures, (2, 2), side="key_tokens", labels={"class": ["dark", "light"]})
    assert isinstance(probe.record, ProbeRecord)
    for sequence, shade in zip(probe.record.sequences, (10, 250), strict=True):
        other = sequence.key_tokens
        assert (sequence.kind, sequence.image, sequence.labels) == ("text", None, {})
        assert (other.kind, other.grid) == ("image", grid)
        assert other.image.file in probe.pngs
        np.testing.assert_allclose(other.labels["brightness"], [np.nan, *[shade / 255] * 4], atol=1e-6)
    assert plain.record.sequences[0].key_tokens.image is None
    assert len(probe.within(8).pngs) == 2
    with pytest.raises(ValueError, match="images are 1, and the probe has 2 sequences"):
        plain.with_images(pictures[:1], (2, 2), side="key_tokens")
    with pytest.raises(ValueError, match=r"has 5 tokens, fewer than the 6 patches"):
        plain.with_images(pictures, (2, 3), side="key_tokens")
