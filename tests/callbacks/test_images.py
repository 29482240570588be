"""Image probes: grids, pictures, what is seen in the patches, and windows whose tokens keep their place."""

import io
import math
import re

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import Dinov2Config, Dinov2Model, SwinConfig, SwinModel, ViTConfig, ViTModel

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, NoAttentionError, Probe
from tb_attnviz.callbacks.capture import capture
from tb_attnviz.events import Grid
from tests.callbacks import plain
from tests.callbacks.models import eager_attentions
from tests.callbacks.zoo import SWIN, VISION


@pytest.fixture
def pixels():
    return torch.randn(3, 3, 12, 12, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def vit():
    torch.manual_seed(0)
    return ViTModel(ViTConfig(**VISION, initializer_range=0.3)).eval()


def labels_of(probe, sequence=0):
    return probe.record.sequences[sequence].labels


class TestTokens:
    def test_patches_come_row_after_row_behind_special_tokens(self):
        pixels = torch.zeros(1, 3, 32, 48)
        (sequence,) = Probe.from_images(None, pixels, 16, special=("[CLS]", "[REG1]")).record.sequences
        assert sequence.kind == "image"
        assert sequence.tokens == ("[CLS]", "[REG1]", "r0c0", "r0c1", "r0c2", "r1c0", "r1c1", "r1c2")
        assert sequence.places == (None, None, (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2))
        assert (sequence.grid.rows, sequence.grid.columns) == (2, 3)

    def test_patches_need_not_be_squares(self):
        (sequence,) = Probe.from_images(None, torch.zeros(1, 1, 32, 48), (8, 16), special=()).record.sequences
        assert (sequence.grid.rows, sequence.grid.columns) == (4, 3)

    def test_a_special_token_that_is_not_named_has_no_place(self, vit, pixels):
        recording = capture(vit, Probe.from_images(None, pixels, 4, special=()))
        assert recording.layers
        for layer in recording.layers:
            assert (layer.query_grid, layer.query_special) == (layer.key_grid, layer.key_special) == (Grid(3, 3), 1)

    @pytest.mark.parametrize(
        ("given", "patch_size", "sentence"),
        [
            (torch.zeros(3, 12, 12), 4, "the shape (3, 12, 12); give [images, channels, height, width]"),
            (
                torch.zeros(1, 3, 12, 12),
                16,
                "12 × 12 pixels holds no patch of 16 × 16: give the patch_size of the model",
            ),
            (torch.zeros(1, 3, 12, 12), 0, "patch_size=0 must be at least 1"),
            ({"pixels": torch.zeros(1)}, 4, "the inputs hold no pixel_values, but pixels"),
            ([torch.zeros(12, 12)], 4, "pixel_values of image 0 has the shape (12, 12)"),
        ],
    )
    def test_inputs_that_are_no_images_are_named(self, given, patch_size, sentence):
        with pytest.raises(ValueError, match=re.escape(sentence)):
            Probe.from_images(None, given, patch_size)


class TestPictures:
    def test_they_are_stored_once_as_png(self, vit, pixels, tmp_path):
        images = [Image.new("RGB", (12, 12), colour) for colour in ("red", "green", "red")]
        for step in range(2):
            with AttentionRecorder(vit, Probe.from_images(images, pixels, 4), tmp_path, on_error="raise") as recorder:
                recorder.record(step)
        run = tb_attnviz.open_run(tmp_path)
        assert run.steps == [0, 1]
        assert len(list((tmp_path / "plugins" / "attnviz").glob("*.png"))) == 2
        for sequence, image in enumerate(images):
            np.testing.assert_array_equal(Image.open(io.BytesIO(run.png(sequence))), image)
        with pytest.raises(tb_attnviz.NotRecordedError, match="no sequence 3"):
            run.png(3)

    def test_one_that_a_crash_cut_off_is_written_again(self, vit, pixels, tmp_path):
        probe = Probe.from_images(None, pixels, 4)
        for step in range(2):
            with AttentionRecorder(vit, probe, tmp_path, on_error="raise") as recorder:
                recorder.record(step)
            image = tmp_path / "plugins" / "attnviz" / probe.record.sequences[1].image.file
            assert image.read_bytes() == probe.pngs[image.name]
            image.write_bytes(image.read_bytes()[:50])

    def test_large_ones_are_made_smaller(self):
        probe = Probe.from_images([Image.new("RGB", (2000, 1000))], torch.zeros(1, 3, 10, 20), 10)
        image = probe.record.sequences[0].image
        assert (image.width, image.height) == (512, 256)
        assert Image.open(io.BytesIO(probe.pngs[image.file])).size == (512, 256)

    @pytest.mark.parametrize("times", [1, 2])
    def test_what_is_no_whole_patch_is_not_shown(self, times):
        """384 pixels hold 27 patches of 14: a convolution with that stride leaves 6 out, as SigLIP's does."""
        shades = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
        whole = np.full((11, 14), 255, np.uint8)
        whole[:8, :12] = shades.repeat(4, axis=0).repeat(4, axis=1)
        image = whole.repeat(times, axis=0).repeat(times, axis=1)
        probe = Probe.from_images([image], torch.zeros(1, 3, 11, 14), 4, special=())
        stored = probe.record.sequences[0].image
        assert (stored.width, stored.height) == (12 * times, 8 * times)
        np.testing.assert_allclose(labels_of(probe)["brightness"], shades.flatten() / 255, atol=1e-6)
        assert set(labels_of(probe)["contrast"]) == {0}

    @pytest.mark.parametrize("kind", ["bytes", "floats", "channels first", "tensor", "grey"])
    def test_arrays_are_pictures(self, kind):
        array = np.zeros((8, 8, 3), np.uint8)
        array[2, 5] = 255
        image = {
            "bytes": array,
            "floats": array / 255,
            "channels first": array.transpose(2, 0, 1),
            "tensor": torch.from_numpy(array).permute(2, 0, 1) / 255,
            "grey": array[..., 0],
        }[kind]
        probe = Probe.from_images([image], torch.zeros(1, 3, 8, 8), 4)
        (png,) = probe.pngs.values()
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png))), array)

    @pytest.mark.parametrize(
        ("images", "sentence"),
        [
            ([], "images are 0, and pixel_values are of 1: give as many"),
            ([np.full((4, 4, 3), 7.0)], "neither bytes nor between 0 and 1"),
            ([np.zeros((4, 4, 5))], "an image has the shape (4, 4, 5)"),
        ],
    )
    def test_what_is_no_picture_is_named(self, images, sentence):
        with pytest.raises(ValueError, match=re.escape(sentence)):
            Probe.from_images(images, torch.zeros(1, 3, 8, 8), 4)


class TestLabels:
    def test_place_and_colour_of_every_patch(self):
        array = np.zeros((8, 12, 3), np.uint8)
        array[:4, :4] = (255, 0, 0)
        array[:4, 4:8] = (0, 0, 255)
        array[4:, :2] = 255  # half a patch white, half black
        labels = labels_of(Probe.from_images([array], torch.zeros(1, 3, 8, 12), 4))
        nan = math.nan
        np.testing.assert_equal(labels["row"], (nan, 0, 0, 0, 1, 1, 1))
        np.testing.assert_equal(labels["column"], (nan, 0, 1, 2, 0, 1, 2))
        far, near = math.hypot(0.5, 1), 0.5
        np.testing.assert_allclose(labels["distance from the centre"], (nan, far, near, far, far, near, far))
        np.testing.assert_allclose(labels["hue"], (nan, 0, 240, nan, nan, nan, nan), atol=1e-6)
        np.testing.assert_allclose(labels["brightness"], (nan, 0.2126, 0.0722, 0, 0.5, 0, 0), atol=1e-6)
        np.testing.assert_allclose(labels["contrast"], (nan, 0, 0, 0, 0.5, 0, 0), atol=1e-6)

    def test_a_map_of_labels(self):
        given = {"thing": [[["sky", "sky"], ["cat", "mat"]]], "file": ["a.png"]}
        labels = labels_of(Probe.from_images(None, torch.zeros(1, 3, 8, 8), 4, labels=given))
        assert labels["thing"] == ("", "sky", "sky", "cat", "mat")
        assert labels["file"] == ("a.png",) * 5

    def test_a_map_of_another_grid_is_named(self):
        with pytest.raises(ValueError, match=r"labels of 1 rows and 2 columns are given for an image of 2 × 2 patches"):
            Probe.from_images(None, torch.zeros(1, 3, 8, 8), 4, labels={"thing": [[["a", "b"]]]})


class TestModels:
    def test_vit_on_several_resolutions(self, tmp_path):
        torch.manual_seed(0)
        model = Dinov2Model(Dinov2Config(**VISION, initializer_range=0.3)).eval()
        sizes = [(12, 12), (8, 16), (8, 16), (12, 12)]
        images = [torch.randn(3, *size) for size in sizes]
        probe = Probe.from_images(None, images, 4)
        with AttentionRecorder(model, probe, tmp_path, on_error="raise") as recorder:
            recorder.record(0)
        run = tb_attnviz.open_run(tmp_path)
        assert run.lengths(0, 0).queries == (10, 9, 9, 10)
        for sequence, image in enumerate(images):
            expected = eager_attentions(model, {"pixel_values": image[None]})
            for layer, weights in enumerate(expected):
                for head in range(4):
                    found = run.attention(0, layer, head, sequence)
                    np.testing.assert_allclose(found, weights[0, head], atol=5e-4)

    def test_distance_is_in_patches_on_the_grid(self, vit, pixels):
        recording = capture(vit, Probe.from_images(None, pixels, 4))
        expected = []
        places = np.array([(row, column) for row in range(3) for column in range(3)])
        for weights in eager_attentions(vit, {"pixel_values": pixels}):
            for head in range(4):
                of_images = []
                for image in weights[:, head].numpy():
                    patches = image[1:, 1:] / image[1:, 1:].sum(axis=1, keepdims=True)  # among the patches alone
                    apart = [[math.dist(a, b) for b in places] for a in places]
                    of_images.append((patches * apart).sum(axis=1).mean())
                expected.append(np.mean(of_images))
        np.testing.assert_allclose(recording.figures["distance"], expected, rtol=1e-4)

    def test_distance_where_images_have_more_tokens_than_others(self):
        """A register more in the second one: its patches begin a token later."""
        torch.manual_seed(0)
        tokens = [["[CLS]", *"abcd"], ["[CLS]", "[REG]", *"abcd"]]
        mask = torch.tensor([[1, 1, 1, 1, 1, 0], [1] * 6])
        inputs = {"input_ids": torch.arange(12).view(2, 6), "attention_mask": mask}
        model = plain.MaskedFill()
        recording = capture(model, Probe(inputs, tokens, kind="image", grid=(2, 2)))
        model(**inputs)  # a recording leaves nothing in the model
        for head in range(plain.HEADS):
            of_images = []
            for image, first in enumerate((1, 2)):
                weights = model.own["layers.0"][image, head, first : first + 4, first : first + 4].detach().numpy()
                weights = weights / weights.sum(axis=1, keepdims=True)
                apart = [[math.dist(divmod(a, 2), divmod(b, 2)) for b in range(4)] for a in range(4)]
                of_images.append((weights * apart).sum(axis=1).mean())
            assert recording.figures["distance"][head] == pytest.approx(np.mean(of_images), rel=1e-4)

    def test_windows_have_no_first_token_and_none_before_another(self):
        model = SwinModel(SwinConfig(**SWIN)).eval()
        pixels = torch.randn(2, 3, 16, 16)
        recording = capture(model, Probe.from_images(None, pixels, 2, special=()))
        assert not {"sink", "previous", "next", "induction"} & recording.figures.keys()
        assert {"self", "distance", "entropy"} <= recording.figures.keys()
        assert [layer.query_grid and layer.query_grid.rows for layer in recording.layers] == [None, None, 4, 4]
        assert recording.samples[1].windows.shape == (4, 16)
        assert sorted(recording.samples[1].windows.flatten()) == list(range(64))

    def test_windows_that_reach_beyond_the_image_are_refused(self):
        model = SwinModel(
            SwinConfig(**{**SWIN, "image_size": 12, "depths": [2], "num_heads": [2]})
        ).eval()  # 6 × 6 patches, windows of 4 × 4
        with pytest.raises(NoAttentionError, match=r"those of 16 patches reach beyond the 6 × 6 of the image"):
            capture(model, Probe.from_images(None, torch.randn(2, 3, 12, 12), 2, special=()))
