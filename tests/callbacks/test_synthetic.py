"""Synthetic probes: what is in them is what their labels say, and a model can be recorded on them."""

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoTokenizer, ViTConfig, ViTModel

from tb_attnviz.callbacks import Probe, synthetic
from tb_attnviz.callbacks.capture import capture
from tb_attnviz.events import Repeat
from tests.callbacks.models import MINILM, Decoder
from tests.callbacks.zoo import VISION


def picture(probe, index):
    return np.asarray(Image.open(io.BytesIO(probe.pngs[probe.record.sequences[index].image.file])), float) / 255


def label(probe, name):
    return np.array([sequence.labels[name] for sequence in probe.record.sequences])


def test_hues_go_round_once_in_every_direction():
    probe = synthetic.hue_gradients(image_size=64, patch_size=8, directions=4)
    assert set(label(probe, "direction")[:, 0]) == {0, 90, 180, 270}
    hue = label(probe, "hue")[:, 1:].reshape(4, 8, 8)
    expected = (np.arange(8) + 0.5) / 8 * 360
    np.testing.assert_allclose(hue[0], np.tile(expected, (8, 1)), atol=8)
    np.testing.assert_allclose(hue[1], np.tile(expected[:, None], (1, 8)), atol=8)
    np.testing.assert_allclose(hue[2], hue[0][:, ::-1], atol=8)


def test_brightness_goes_from_black_to_white():
    probe = synthetic.brightness_gradients(image_size=64, patch_size=8, directions=2)
    brightness = label(probe, "brightness")[:, 1:].reshape(2, 8, 8)
    np.testing.assert_allclose(brightness[0], np.tile((np.arange(8) + 0.5) / 8, (8, 1)), atol=0.01)
    np.testing.assert_allclose(brightness[1], brightness[0][:, ::-1], atol=0.01)


def test_sinusoids_have_their_frequency_and_angle():
    probe = synthetic.sinusoids(image_size=64, patch_size=8, frequencies=(4, 8), angles=4)
    assert len(probe.record.sequences) == 8
    for index, sequence in enumerate(probe.record.sequences):
        wave = picture(probe, index)[..., 0]
        spectrum = np.abs(np.fft.fft2(wave - wave.mean()))[:, :33]  # half of it
        rows, columns = np.unravel_index(spectrum.argmax(), spectrum.shape)
        rows = rows - 64 if rows > 32 else rows
        frequency, angle = sequence.labels["frequency"][0], sequence.labels["angle"][0]
        assert math.hypot(rows, columns) == pytest.approx(frequency, abs=0.6)
        assert math.degrees(math.atan2(rows, columns)) % 180 == pytest.approx(angle, abs=8)


def test_pixels_are_normalised_as_the_processor_does():
    probe = synthetic.brightness_gradients(image_size=8, patch_size=4, directions=1, mean=(0.5, 0.4, 0.3), std=0.25)
    (batch,) = probe.batches(9, device=torch.device("cpu"))
    shown = batch.kwargs["pixel_values"][0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(shown * 0.25 + (0.5, 0.4, 0.3), picture(probe, 0), atol=0.005)


def test_a_vision_transformer_is_recorded():
    probe = synthetic.sinusoids(image_size=12, patch_size=4, frequencies=(2,), angles=2)
    assert len(capture(ViTModel(ViTConfig(**VISION)), probe).layers) == 2


def test_frequencies_that_pixels_cannot_show_are_named():
    with pytest.raises(ValueError, match="frequency 9 is none that 16 pixels show: 0 to 8"):
        synthetic.sinusoids(image_size=16, patch_size=4, frequencies=(9,))


def test_repeated_tokens_of_a_tokenizer():
    probe = synthetic.repeated_tokens(AutoTokenizer.from_pretrained(MINILM), count=3, period=20)
    assert isinstance(probe, Probe)
    for sequence, period in zip(probe.record.sequences, (20, 18, 15), strict=True):
        assert sequence.repeat == Repeat(1, period)
        assert sequence.tokens[0] == "[CLS]"
        assert sequence.labels["time"] == ("", *["first"] * period, *["second"] * period)
        places = sequence.labels["place"]
        assert places[period + 1 :] == places[1 : period + 1] == tuple(map(float, range(period)))


def test_repeated_tokens_of_a_model_without_one():
    recording = capture(Decoder(), synthetic.repeated_tokens(64, count=4, period=8))
    assert "induction" in recording.figures


def test_too_few_tokens_are_named():
    with pytest.raises(ValueError, match="period=2 and 64 tokens make no sequence"):
        synthetic.repeated_tokens(64, period=2)
