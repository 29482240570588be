"""What a recorder may cost: tokens, layers, heads, bytes on disk; and what happens when the disk gives out."""

import contextlib
import shutil
import warnings

import numpy as np
import pytest
import torch

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, Probe, powers_of_two
from tests.callbacks.models import IDS, Decoder

TOKENS = [[str(token) for token in row] for row in IDS.tolist()]  # 4 sequences of 9 tokens


@pytest.fixture
def probe():
    return Probe(IDS, TOKENS)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Decoder(layers=3, heads=4)


def samples_files(directory):
    return sorted((directory / "plugins" / "attnviz").glob("samples-*.events"))


def thinned_files(directory):
    """Samples and small maps, which max_bytes holds for together."""
    return [*samples_files(directory), *(directory / "plugins" / "attnviz-figures" / "maps").glob("*.events")]


def test_health_is_recorded_more_often_than_samples(model, probe, tmp_path):
    with AttentionRecorder(model, probe, tmp_path, every=6, health_every=2, on_error="raise") as recorder:
        for step in range(9):
            recorder.step(step)
        recorder.record_health(9)
        assert recorder.last_step == 6
    run = tb_attnviz.open_run(tmp_path)
    assert run.steps == [0, 6]
    assert run.health_steps == [0, 2, 4, 6, 8, 9]
    assert np.isfinite(run.health()["entropy"]).all()
    assert len(samples_files(tmp_path)) == 2


def test_a_schedule(model, probe, tmp_path):
    with AttentionRecorder(model, probe, tmp_path, every=powers_of_two(), on_error="raise") as recorder:
        for step in range(10):
            recorder.step(step)
    assert tb_attnviz.open_run(tmp_path).steps == [0, 1, 2, 4, 8]


def test_a_schedule_that_fails_is_no_reason_to_stop_training(model, probe, tmp_path):
    with AttentionRecorder(model, probe, tmp_path, every=lambda step: 1 // step) as recorder:
        with pytest.warns(RuntimeWarning, match="the schedule .* failed at step 0: ZeroDivisionError"):
            recorder.step(0)
        recorder.step(1)
    assert tb_attnviz.open_run(tmp_path).steps == [1]


def test_the_probe_is_capped_to_whole_sequences(model, probe, tmp_path):
    with AttentionRecorder(model, probe, tmp_path, max_tokens=20, on_error="raise") as recorder:
        recorder.record(0)
    run = tb_attnviz.open_run(tmp_path)
    assert run.probe.lengths == (9, 9)
    assert run.samples(0, 0).queries.shape == (4, 18, 4)
    whole = Probe(IDS, TOKENS)
    with AttentionRecorder(model, whole, tmp_path / "whole", on_error="raise") as recorder:
        recorder.record(0)
    queries = tb_attnviz.open_run(tmp_path / "whole").samples(0, 0).queries
    kept = [TOKENS.index(list(sequence.tokens)) for sequence in run.probe.sequences]
    expected = np.concatenate([queries[:, 9 * row : 9 * row + 9] for row in kept], axis=1)
    np.testing.assert_allclose(run.samples(0, 0).queries, expected, atol=1e-4)


def test_layers_and_heads_keep_the_numbers_of_the_model(model, probe, tmp_path):
    options = {"layers": "blocks.[12]", "heads": {2: [1, 3]}, "on_error": "raise"}
    with AttentionRecorder(model, probe, tmp_path, **options) as recorder:
        recorder.record(0)
    run = tb_attnviz.open_run(tmp_path)
    assert [(layer.name, layer.number, layer.head_numbers) for layer in run.layers] == [
        ("blocks.1", 1, None),
        ("blocks.2", 2, (1, 3)),
    ]
    assert run.layers == recorder.layers
    assert run.health()["entropy"].shape == (1, 6)
    (file,) = samples_files(tmp_path)
    assert 0 < file.stat().st_size - recorder.bytes_per_checkpoint < 1000


def test_a_quota_on_disk(model, probe, tmp_path):
    with AttentionRecorder(model, probe, tmp_path / "measured") as recorder:
        recorder.record(0)
    size = sum(file.stat().st_size for file in thinned_files(tmp_path / "measured"))
    with AttentionRecorder(model, probe, tmp_path / "run", max_bytes=6 * size, on_error="raise") as recorder:
        for step in range(30):
            recorder.record(step)
    run = tb_attnviz.open_run(tmp_path / "run")
    assert sum(file.stat().st_size for file in thinned_files(tmp_path / "run")) <= 6 * size
    assert run.steps[0] == 0
    assert run.steps[-1] == 29
    assert len(run.steps) == len(samples_files(tmp_path / "run")) >= 4
    assert run.health_steps == list(range(30))
    for step in run.steps:
        assert run.samples(step, 0).queries.any()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"max_tokens": 8}, "max_tokens=8 holds no sequence of the probe: the shortest has 9 tokens"),
        ({"max_bytes": 10_000}, r"max_bytes=10000 is too small: a checkpoint takes \d+ bytes, and at least 4 must fit"),
        ({"layers": "layers.*"}, r"layers names the layer 'layers.\*', but .* 0 to 2: blocks.0, blocks.1, blocks.2"),
        ({"heads": [4]}, "heads names head 4, but layer blocks.0 has heads 0 to 3"),
        ({"health_every": 0}, "health_every=0 must be a whole number of at least 1"),
    ],
)
def test_bounds_that_make_no_sense(model, probe, tmp_path, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        AttentionRecorder(model, probe, tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_what_is_recorded_after_its_directory_was_removed_is_saved(model, probe, tmp_path):
    with warnings.catch_warnings(record=True) as caught, AttentionRecorder(model, probe, tmp_path / "run") as recorder:
        recorder.record(0)
        recorder.flush()
        shutil.rmtree(tmp_path / "run")
        for step in range(1, 6):
            recorder.record(step)
    assert not caught
    run = tb_attnviz.open_run(tmp_path / "run")
    assert (run.steps, run.health_steps) == ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5])


def test_a_directory_that_cannot_be_made_again_warns_once_and_training_goes_on(model, probe, tmp_path):
    with warnings.catch_warnings(record=True) as caught, AttentionRecorder(model, probe, tmp_path / "run") as recorder:
        recorder.record(0)
        recorder.flush()
        shutil.rmtree(tmp_path / "run")
        (tmp_path / "run").touch()
        for step in range(1, 6):
            recorder.record(step)
    (warning,) = caught
    assert "a recording of attention was not written: NotADirectoryError" in str(warning.message)


@contextlib.contextmanager
def room_in_files(size):
    """Writing past so many bytes of a file fails."""
    import resource  # not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_warns_once_and_recording_goes_on_when_there_is_room(model, probe, tmp_path):
    recorder = AttentionRecorder(model, probe, tmp_path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for step, limit in ((0, 10**6), (1, 6000), (2, 6000), (3, 6000), (4, 10**6)):
            with room_in_files(limit):
                recorder.record(step)
                recorder.record_health(step)
                recorder.flush()
        recorder.close()
    told = "\n".join(str(warning.message) for warning in caught)
    assert told.count("was not written: OSError: [Errno 27] File too large") == 1, told
    assert told.count("Training goes on") == 1
    run = tb_attnviz.open_run(tmp_path)
    assert run.steps == [0, 4]
    assert len(samples_files(tmp_path)) == 2, "no half files"


def test_a_restart_goes_on_with_the_run(model, probe, tmp_path):
    for start in (0, 4):
        with AttentionRecorder(model, probe, tmp_path, on_error="raise") as recorder:
            for step in range(start, start + 6, 2):
                recorder.record(step)
    run = tb_attnviz.open_run(tmp_path)
    assert len(run.segments) == 1
    assert run.steps == [0, 2, 4, 6, 8]


def test_a_restart_with_another_probe_or_model_begins_a_segment(model, probe, tmp_path):
    other = Probe(IDS[:2], TOKENS[:2])
    for step, (shown, shown_to) in enumerate([(model, probe), (model, other), (Decoder(layers=2, heads=4), other)]):
        with AttentionRecorder(shown, shown_to, tmp_path, on_error="raise") as recorder:
            recorder.record(step)
    run = tb_attnviz.open_run(tmp_path)
    assert [segment.steps for segment in run.segments] == [[0], [1], [2]]
    assert [len(segment.layers) for segment in run.segments] == [3, 3, 2]
    assert [segment.probe for segment in run.segments] == [probe.record, other.record, other.record]
    assert run.steps == [2]


def test_a_start_at_a_run_that_is_there_is_quiet(model, probe, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            AttentionRecorder(model, probe, tmp_path).close()
