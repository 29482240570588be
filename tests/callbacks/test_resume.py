"""A directory that holds a run: the same training goes on with it, another one is recorded beside it, aloud."""

import dataclasses
import warnings

import pytest
import torch
from torch.utils.tensorboard import SummaryWriter

import tb_attnviz
from tb_attnviz.alerts import MAX_LOGIT, AttentionWarning
from tb_attnviz.callbacks import AttentionRecorder, Probe
from tb_attnviz.callbacks.run_directory import open_run
from tests.callbacks.models import IDS, Decoder

TOKENS = [[str(token) for token in row] for row in IDS.tolist()]


def model(seed):
    torch.manual_seed(seed)
    return Decoder()


def record(logdir, seed, *steps, figures=(), train=lambda model: None, on_error="raise", **options):
    """What was warned of; `train` changes the model after each step; at `figures` there are no samples."""
    trained = model(seed)
    probe = Probe(IDS, TOKENS)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with AttentionRecorder(trained, probe, logdir, rules=(), on_error=on_error, **options) as recorder:
            for step in sorted({*steps, *figures}):
                (recorder.record_health if step in figures else recorder.record)(step)
                train(trained)
    return [str(warning.message) for warning in caught if issubclass(warning.category, RuntimeWarning)]


def double(trained):
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter *= 2


def steps(directory):
    return tb_attnviz.open_run(directory).steps


def figures(directory):
    return tb_attnviz.open_run(directory).health_steps


@pytest.fixture(params=["disk", "store"])
def anywhere(request, tmp_path):
    """A directory that holds nothing yet, on disk and in an object store."""
    return str(tmp_path / "run") if request.param == "disk" else f"memory://{tmp_path}/run"


@pytest.fixture
def run(tmp_path):
    """A run of one training at steps 0, 100 and 200."""
    assert record(tmp_path / "run", 1, 0, 100, 200) == []
    return tmp_path / "run"


def test_another_model_at_a_recorded_step_is_another_training(anywhere):
    run = anywhere
    assert record(run, 1, 0, 100, 200) == []
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
def test_a_training_that_goes_another_way_than_before_takes_the_place_of_later_steps(anywhere, resume):
    run = anywhere
    assert record(run, 1, 0, 100, 200) == []
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


@pytest.mark.parametrize("resume", [None, False])
def test_a_training_that_was_killed_before_its_first_checkpoint_is_another_one_too(tmp_path, resume):
    record(tmp_path / "run", 1, figures=(10, 20))
    [said] = record(tmp_path / "run", 1, figures=(10, 20, 30), resume=resume)
    assert "holds a run already (steps 10 to 20), and" in said
    assert figures(tmp_path / "run") == [10, 20]
    assert figures(f"{tmp_path / 'run'}-2") == [10, 20, 30]


@pytest.mark.parametrize("resume", [None, True])
def test_figures_behind_the_last_checkpoint_are_of_the_training_that_goes_on(tmp_path, resume):
    """Killed at 290, resumed at 200: from where the model is another one, what was there is forgotten."""
    record(tmp_path / "run", 1, 0, 100, 200, figures=(210, 220, 230, 240))
    [said] = record(tmp_path / "run", 1, 200, figures=(210, 230), train=double, resume=resume)
    assert "at step 210 the model is another than the one recorded" in said
    assert "those that were there from 210 to 240" in said
    assert figures(tmp_path / "run") == [0, 100, 200, 210, 230]


def test_the_same_figures_behind_the_last_checkpoint_are_no_other_training(tmp_path):
    record(tmp_path / "run", 1, 0, 100, figures=(110, 120))
    assert record(tmp_path / "run", 1, 100, figures=(110,)) == []
    assert record(tmp_path / "run", 1, figures=(110, 130)) == []
    assert figures(tmp_path / "run") == [0, 100, 110, 120, 130]
    [said] = record(tmp_path / "run", 2, figures=(120,))
    assert "at step 120 the model was another one: it is recorded into" in said


def test_figures_of_another_probe_tell_nothing(tmp_path):
    record(tmp_path / "run", 1, 0, 100, figures=(110,))
    with AttentionRecorder(model(1), Probe(IDS.flip(1), [row[::-1] for row in TOKENS]), tmp_path / "run") as recorder:
        recorder.record_health(110)
    assert not (tmp_path / "run-2").exists()


def fail_to_open_again(monkeypatch):
    """A mount whose parent may not be written to: no run can be opened but the first one of each recorder."""
    opened = []

    def once(logdir, **options):
        opened.append(logdir)
        if len(opened) > 1:
            raise OSError(f"cannot record into logdir {logdir!r}")
        return open_run(logdir, **options)

    monkeypatch.setattr("tb_attnviz.callbacks.recorded_run.open_run", once)


def test_where_no_directory_can_be_made_beside_a_run_training_goes_on_and_the_run_stays_as_it_was(run, monkeypatch):
    fail_to_open_again(monkeypatch)
    [said] = record(run, 2, 0, 100, 200, 300, 400, on_error="warn")
    assert f"attention was not recorded at step 0: OSError: cannot record into logdir {str(run) + '-2'!r}" in said
    assert steps(run) == [0, 100, 200]


def test_what_is_recorded_after_that_is_refused_each_time_and_flush_returns(run, monkeypatch):
    fail_to_open_again(monkeypatch)
    recorder = AttentionRecorder(model(2), Probe(IDS, TOKENS), run, on_error="raise")
    with pytest.raises(OSError, match="cannot record into"):
        recorder.record(0)
    for step in (100, 200, 300):
        with pytest.raises(RuntimeError, match=f"step {step} was not written: the run was closed, and no other is"):
            recorder.record(step)
    recorder.flush()
    recorder.close()


@pytest.mark.parametrize(("seed", "recorded"), [(1, 200), (2, 0)], ids=["forgets what was there", "moves beside it"])
def test_an_error_of_the_run_that_is_left_is_told(run, monkeypatch, seed, recorded):
    def fails(self):
        monkeypatch.undo()
        raise OSError(28, "No space left on device")

    trained = model(seed)
    recorder = AttentionRecorder(trained, Probe(IDS, TOKENS), run, rules=(), on_error="raise", resume=None)
    if recorded:
        recorder.record(100)
        double(trained)
    monkeypatch.setattr("tb_attnviz.events.RunWriter.close", fails)
    with pytest.warns(RuntimeWarning), pytest.raises(OSError, match="No space left on device"):
        recorder.record(recorded)
    recorder.close()


def test_alerts_stand_until_a_resumed_training_clears_them(tmp_path):
    rule = dataclasses.replace(MAX_LOGIT, limit=1e-6, clear=1e-7)
    probe, trained = Probe(IDS, TOKENS), model(1)
    with AttentionRecorder(trained, probe, tmp_path, rules=[rule]) as recorder, pytest.warns(AttentionWarning):
        recorder.record(0)
    with warnings.catch_warnings(), AttentionRecorder(trained, probe, tmp_path, rules=[rule]) as recorder:
        warnings.simplefilter("error")
        recorder.record(100)
        with torch.no_grad():
            for block in trained.blocks:
                block.qkv.weight.zero_(), block.qkv.bias.zero_()
        recorder.record(200)
    assert [(alert.step, alert.raised) for alert in tb_attnviz.open_run(tmp_path).alerts] == [(0, True), (200, False)]


def test_an_alert_at_a_step_that_a_resumed_training_passes_over_is_cleared_by_it(tmp_path):
    """It went on from a step before the alert, with other steps: nothing else would take the alert back."""
    rule = dataclasses.replace(MAX_LOGIT, limit=1e-6, clear=1e-7)
    probe, broken, well = Probe(IDS, TOKENS), model(1), model(1)
    with torch.no_grad():
        for block in well.blocks:
            block.qkv.weight.zero_(), block.qkv.bias.zero_()
    with AttentionRecorder(well, probe, tmp_path, rules=[rule]) as recorder:
        recorder.record(0)
    resumed = AttentionRecorder(broken, probe, tmp_path, rules=[rule], resume=True)
    with resumed as recorder, pytest.warns(AttentionWarning):
        recorder.record(50)
    with AttentionRecorder(well, probe, tmp_path, rules=[rule], resume=True) as recorder:
        for step in (40, 60, 70):
            recorder.record(step)
    assert [(alert.step, alert.raised) for alert in tb_attnviz.open_run(tmp_path).alerts] == [(50, True), (60, False)]


def test_a_quota_lets_go_first_of_what_a_summary_writer_forgets(tmp_path):
    trained, probe, left = model(1), Probe(IDS, TOKENS), []
    with AttentionRecorder(trained, probe, tmp_path, rules=()) as recorder:
        for step in range(0, 600, 100):
            recorder.record(step)
    plugins = tmp_path / "plugins"
    six = sum(path.stat().st_size for kind in ("samples", "maps") for path in plugins.rglob(f"{kind}-*"))
    with SummaryWriter(tmp_path, purge_step=300, filename_suffix=".again") as writer:
        for recorded in ((310, 320), (330, 340, 350)):  # by a second recorder, too, which forgets nothing of the first
            with AttentionRecorder(trained, probe, writer, rules=(), max_bytes=six * 17 // 12, resume=True) as recorder:
                for step in recorded:
                    recorder.record(step)
            left.append(sorted(int(path.name.split("-")[1]) for path in (plugins / "attnviz").glob("samples-*")))
    assert left == [[0, 100, 200, 310, 320], [0, 100, 200, 310, 330, 350]]  # as evenly spaced in log(step) as can be
    assert steps(tmp_path) == left[-1]
