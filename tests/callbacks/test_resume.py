"""A directory that holds a run: the same training goes on with it, another one is recorded beside it, aloud."""

import warnings

import pytest
import torch
from torch.utils.tensorboard import SummaryWriter

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, Probe
from tests.callbacks.models import IDS, Decoder

TOKENS = [[str(token) for token in row] for row in IDS.tolist()]


def model(seed):
    torch.manual_seed(seed)
    return Decoder()


def record(logdir, seed, *steps, train=lambda model: None, **options):
    """What was warned of; `train` changes the model after each step."""
    trained = model(seed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with AttentionRecorder(trained, Probe(IDS, TOKENS), logdir, rules=(), on_error="raise", **options) as recorder:
            for step in steps:
                recorder.record(step)
                train(trained)
    return [str(warning.message) for warning in caught if issubclass(warning.category, RuntimeWarning)]


def double(trained):
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter *= 2


def steps(directory):
    return tb_attnviz.open_run(directory).steps


@pytest.fixture
def run(tmp_path):
    """A run of one training at steps 0, 100 and 200."""
    assert record(tmp_path / "run", 1, 0, 100, 200) == []
    return tmp_path / "run"


def test_another_model_at_a_recorded_step_is_another_training(run):
    [said] = record(run, 2, 0, 100)
    assert f"logdir {str(run)!r} holds a run already (steps 0 to 200), and at step 0 the model was another one" in said
    assert (steps(run), steps(f"{run}-2")) == ([0, 100, 200], [0, 100])
    [said] = record(run, 3, 0)
    assert f"recorded into {str(run) + '-3'!r}" in said


def test_the_same_model_at_a_recorded_step_goes_on(run):
    assert record(run, 1, 200, 300) == []
    assert steps(run) == [0, 100, 200, 300]


def test_a_training_that_begins_at_the_first_step_again_is_another_one_with_the_same_weights(run):
    """The same seed, another learning rate: nothing shows at step 0 that it is not the same."""
    [said] = record(run, 1, 0, 100)
    assert "and this training begins at step 0 again: it is recorded into" in said
    assert (steps(run), steps(f"{run}-2")) == ([0, 100, 200], [0, 100])


@pytest.mark.parametrize("resume", [None, True])
def test_a_training_that_goes_another_way_than_before_takes_the_place_of_later_steps(run, resume):
    [said] = record(run, 1, 100, 150, 200, train=double, resume=resume)
    assert f"at step 200 the model is another than the one recorded in logdir {str(run)!r} before" in said
    assert steps(run) == [0, 100, 150, 200]
    again = record(run, 1, 0, 50, 100, train=double, resume=True)
    assert len(again) == 1
    assert steps(run) == [0, 50, 100], "those behind it are not shown"


def test_a_later_step_goes_on(run):
    assert record(run, 2, 300) == []
    assert steps(run) == [0, 100, 200, 300]


def test_a_step_between_with_nothing_to_compare_goes_on_with_a_warning(run):
    [said] = record(run, 2, 150)
    assert "holds a run up to step 200, and step 150 is recorded as part of it" in said
    assert steps(run) == [0, 100, 150, 200]


def test_resume_says_it(run):
    assert record(run, 2, 0, resume=True) == []
    assert steps(run) == [0, 100, 200]
    [said] = record(run, 1, 0, resume=False)
    assert "resume=False says that this is another training" in said
    assert steps(f"{run}-2") == [0]


def test_an_empty_directory_is_nothing_to_resume(tmp_path):
    assert record(tmp_path / "new", 1, 0, resume=False) == []
    assert steps(tmp_path / "new") == [0]


def test_a_summary_writer_keeps_its_scalars_where_they_are(tmp_path):
    record(tmp_path / "run", 1, 0)
    writer = SummaryWriter(tmp_path / "run")
    [said] = record(writer, 2, 0, 1)
    writer.close()
    assert "recorded into" in said
    assert (steps(tmp_path / "run"), steps(f"{tmp_path / 'run'}-2")) == ([0], [0, 1])


def test_what_resume_cannot_be(tmp_path):
    with pytest.raises(ValueError, match="resume='yes' is not known: give True, False, or None"):
        record(tmp_path, 1, 0, resume="yes")
