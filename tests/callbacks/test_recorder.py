"""AttentionRecorder: when it records, where to, and what happens when it cannot."""

import logging
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.tensorboard import SummaryWriter

import tb_attnviz
from tb_attnviz import open_run
from tb_attnviz.alerts import MAX_LOGIT
from tb_attnviz.callbacks import AttentionRecorder, AttentionWarning, NoAttentionError, Probe
from tb_attnviz.cli import main
from tests.callbacks.models import IDS, Decoder

TOKENS = [[str(token) for token in row] for row in IDS.tolist()]


@pytest.fixture
def probe():
    return Probe(IDS, TOKENS)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Decoder()


def test_records_at_multiples_of_every_and_whenever_it_is_told_to(model, probe, tmp_path):
    with AttentionRecorder(model, probe, tmp_path, every=3, on_error="raise") as recorder:
        assert recorder.last_step is None
        for step in range(8):
            recorder.step(step)
        assert recorder.last_step == 6
        recorder.record(7)
    assert tb_attnviz.open_run(tmp_path).steps == [0, 3, 6, 7]


def test_what_it_records_is_the_present_model(model, probe, tmp_path):
    with AttentionRecorder(model, probe, tmp_path, on_error="raise") as recorder:
        recorder.record(0)
        with torch.no_grad():
            model.blocks[1].qkv.weight.mul_(2)
            model.blocks[1].qkv.bias.mul_(2)
        recorder.record(1)
    run = tb_attnviz.open_run(tmp_path)
    np.testing.assert_allclose(run.samples(1, 0).queries, run.samples(0, 0).queries)
    np.testing.assert_allclose(run.samples(1, 1).queries, 2 * run.samples(0, 1).queries)
    assert run.probe.lengths == (9, 9, 9, 9)
    assert run.probe.sequences[0].tokens == tuple(TOKENS[0])


def test_a_step_that_is_not_due_costs_no_pass(model, probe, tmp_path):
    with AttentionRecorder(model, probe, tmp_path, every=1000) as recorder:
        passes = []
        model.register_forward_hook(lambda *args: passes.append(args))
        for step in range(1, 1000):
            recorder.step(step)
    assert not passes


def test_knows_its_layers_and_their_size(model, probe, tmp_path, caplog):
    with caplog.at_level(logging.INFO, "tb_attnviz"), AttentionRecorder(model, probe, tmp_path) as recorder:
        assert [layer.name for layer in recorder.layers] == ["blocks.0", "blocks.1"]
        recorder.record(0)
    assert "2 layers, 4 heads, on 36 tokens" in caplog.text
    (file,) = tmp_path.glob("plugins/attnviz/*.events")
    framing = file.stat().st_size - recorder.bytes_per_checkpoint
    assert 0 < framing < 500 * len(recorder.layers)


def test_a_step_recorded_twice_counts_as_its_latest(model, probe, tmp_path):
    with AttentionRecorder(model, probe, tmp_path, on_error="raise") as recorder:
        recorder.record(5)
        with torch.no_grad():
            model.blocks[0].qkv.bias.fill_(3)
        recorder.record(5)
    run = tb_attnviz.open_run(tmp_path)
    assert run.steps == [5]
    assert run.health()["query_norm"][0, 0] > 5


class TestAlerts:
    @pytest.fixture
    def grow(self, model):
        """Make all logits of the last layer this many times as large."""

        def grow(factor):
            with torch.no_grad():
                model.blocks[1].qkv.weight[:32].mul_(factor**0.5)
                model.blocks[1].qkv.bias[:32].mul_(factor**0.5)

        return grow

    def test_one_warning_a_rule_and_what_is_raised_is_on_disk(self, model, probe, tmp_path, grow):
        heard = []
        with AttentionRecorder(model, probe, tmp_path, on_alert=heard.append, on_error="raise") as recorder:
            with warnings.catch_warnings():
                warnings.simplefilter("error", AttentionWarning)
                recorder.record(0)
            grow(1e6)
            with pytest.warns(AttentionWarning) as told:
                recorder.record(5)
            grow(2)
            with warnings.catch_warnings():
                warnings.simplefilter("error", AttentionWarning)
                recorder.record(6)
                grow(1e-6)
                recorder.record(7)
        sentences = sorted(str(warning.message) for warning in told)
        assert [sentence.split()[0] for sentence in sentences] == ["entropy", "max_logit"]
        assert re.search(
            r"max_logit of layer 1 \(blocks.1\) head . on the probe is .*e6, over 100, .* \(step 5\)", sentences[1]
        )
        assert [(a.rule, a.raised, a.step) for a in heard] == [
            ("max_logit", True, 5),
            ("entropy", True, 5),
            ("max_logit", False, 7),
            ("entropy", False, 7),
        ]
        assert {(head.layer, head.head) for head in heard[0].heads} == {(1, 0), (1, 1)}
        assert tb_attnviz.open_run(tmp_path).alerts == heard

    def test_an_alert_of_a_step_that_is_recorded_twice_is_kept_and_told_once(self, model, probe, tmp_path, grow):
        heard = []
        with AttentionRecorder(
            model, probe, tmp_path, every=4, health_every=1, rules=[MAX_LOGIT], on_alert=heard.append, on_error="raise"
        ) as recorder:
            recorder.step(0)
            grow(1e6)
            with pytest.warns(AttentionWarning):
                recorder.step(1)
            with warnings.catch_warnings():
                warnings.simplefilter("error", AttentionWarning)
                recorder.record(1)  # as the callbacks do at the last step
        assert len(heard) == 1
        assert tb_attnviz.open_run(tmp_path).alerts == heard

    def test_every_recording_is_handed_over(self, model, probe, tmp_path, grow):
        told = []

        def fail(*recorded):
            told.append(recorded)
            raise ConnectionError("the tracker is down")

        with AttentionRecorder(
            model, probe, tmp_path, every=2, health_every=1, on_record=fail, on_error="raise"
        ) as recorder:
            with pytest.warns(RuntimeWarning, match="on_record failed at step 0: ConnectionError: the tracker is down"):
                recorder.step(0)
            recorder.step(1)
            grow(1e6)
            with pytest.warns(AttentionWarning):
                recorder.step(2)
        assert [step for step, _, _ in told] == [0, 1, 2]
        run = tb_attnviz.open_run(tmp_path)
        assert run.steps == [0, 2]
        _, figures, alerts = told[2]
        assert figures["attnviz/entropy/mean"] == pytest.approx(np.nanmean(run.health()["entropy"][2]), rel=1e-6)
        assert figures["attnviz/max_logit/max"] == pytest.approx(np.nanmax(run.health()["max_logit"][2]), rel=1e-6)
        assert figures["attnviz/alerts"] == sum(len(alert.heads) for alert in alerts) > 0
        assert [alert.sentence for alert in alerts] == [alert.sentence for alert in run.alerts]

    def test_no_rules_no_alerts(self, model, probe, tmp_path, grow):
        with warnings.catch_warnings(), AttentionRecorder(model, probe, tmp_path, rules=()) as recorder:
            warnings.simplefilter("error")
            grow(1e9)
            recorder.record(0)
        assert tb_attnviz.open_run(tmp_path).alerts == []

    def test_an_alert_may_end_the_training(self, model, probe, tmp_path, grow):
        def stop(alert):
            raise KeyboardInterrupt(alert.sentence)

        with AttentionRecorder(model, probe, tmp_path, rules=[MAX_LOGIT], on_alert=stop) as recorder:
            grow(1e6)
            with pytest.raises(KeyboardInterrupt, match="max_logit"), pytest.warns(AttentionWarning):
                recorder.record(3)
        assert tb_attnviz.open_run(tmp_path).steps == [3]


class TestSummaryWriter:
    def test_events_land_in_its_event_file(self, model, probe, tmp_path):
        writer = SummaryWriter(tmp_path)
        with AttentionRecorder(model, probe, writer, on_error="raise") as recorder:
            writer.add_scalar("loss", 0.5, 0)
            recorder.record(0)
            writer.add_scalar("loss", 0.4, 1)
        writer.add_scalar("loss", 0.3, 2)  # it is still open
        writer.close()
        assert len(list(tmp_path.glob("*tfevents*"))) == 1
        assert tb_attnviz.open_run(tmp_path).steps == [0]
        assert b"loss" in next(tmp_path.glob("*tfevents*")).read_bytes()

    def test_closed_first_loses_nothing(self, model, probe, tmp_path):
        writer = SummaryWriter(tmp_path)
        with AttentionRecorder(model, probe, writer, on_error="raise") as recorder:
            recorder.record(0)
            writer.close()
            recorder.record(1)
        writer.close()
        assert tb_attnviz.open_run(tmp_path).steps == [0, 1]

    def test_purge_step_forgets_what_the_restarted_training_repeats(self, model, probe, tmp_path):
        for purge_step, steps in ((None, (0, 1, 2)), (1, (1,))):
            writer = SummaryWriter(tmp_path, purge_step=purge_step, filename_suffix=f".{purge_step}")
            with writer, AttentionRecorder(model, probe, writer, on_error="raise") as recorder:
                for step in steps:
                    recorder.record(step)
        assert tb_attnviz.open_run(tmp_path).steps == [0, 1]


class TestBadInput:
    @pytest.mark.parametrize("every", [0, -5, 2.5, "often", None])
    def test_every(self, model, probe, tmp_path, every):
        with pytest.raises(ValueError, match=re.escape(f"every={every!r} must be a whole number of at least 1")):
            AttentionRecorder(model, probe, tmp_path, every=every)

    def test_batch_size_and_on_error(self, model, probe, tmp_path):
        with pytest.raises(ValueError, match="batch_size=0 must be"):
            AttentionRecorder(model, probe, tmp_path, batch_size=0)
        with pytest.raises(ValueError, match="on_error='ignore' is not known"):
            AttentionRecorder(model, probe, tmp_path, on_error="ignore")

    def test_a_logdir_that_cannot_be_written(self, model, probe, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(OSError, match=r"cannot record into logdir .*file/run.*: give a directory"):
            AttentionRecorder(model, probe, tmp_path / "file" / "run")

    def test_a_logdir_that_is_none(self, model, probe):
        with pytest.raises(TypeError, match="logdir is a int: give a path or"):
            AttentionRecorder(model, probe, 3)

    def test_a_model_without_attention_leaves_nothing_behind(self, tmp_path):
        with pytest.raises(NoAttentionError, match="no attention was seen"):
            AttentionRecorder(torch.nn.Embedding(64, 4), Probe(IDS, TOKENS), tmp_path / "run")
        assert not (tmp_path / "run").exists()

    def test_skipped_layers_are_named_once(self, probe, tmp_path):
        class Pooled(Decoder):
            def forward(self, ids):
                super().forward(ids)
                self.blocks[0](self.embedding(ids)[:, ::2])

        with pytest.warns(RuntimeWarning, match=r"not recorded: blocks.0#1: .* are 5 of the 9 tokens"):
            recorder = AttentionRecorder(Pooled(), probe, tmp_path)
        with recorder, warnings.catch_warnings():
            warnings.simplefilter("error")
            recorder.record(0)

    def test_recording_after_close(self, model, probe, tmp_path):
        recorder = AttentionRecorder(model, probe, tmp_path)
        recorder.close()
        recorder.close()
        with pytest.raises(RuntimeError, match="step 100 cannot be recorded: this AttentionRecorder is closed"):
            recorder.step(100)


def test_the_home_directory_of_nobody_is_refused(model, probe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="home directory of nobody"):
        AttentionRecorder(model, probe, "~nobody-of-this-name/runs")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("given", ["~/a", "$PLACE/a", "${PLACE}/a", "$PLACE/$NOWHERE"])
def test_home_and_variables_are_where_a_shell_has_them(model, probe, given, tmp_path, monkeypatch):
    for name in ("HOME", "PLACE"):
        monkeypatch.setenv(name, str(tmp_path))
    for _ in range(2):  # once it exists, too
        with AttentionRecorder(model, probe, given) as recorder:
            recorder.record(0)
    found = tmp_path / given.replace("${PLACE}", "$PLACE").partition("/")[2]
    assert open_run(given).directory == open_run(found).directory == str(found)
    assert main(["inspect", given]) == 0


def test_a_relative_directory_stays_where_it_is_when_the_script_goes_elsewhere(model, probe, tmp_path, monkeypatch):
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with AttentionRecorder(model, probe, "run") as recorder:
        recorder.record(0)
        monkeypatch.chdir(tmp_path / "there")
        recorder.record(1)
    assert tb_attnviz.open_run(tmp_path / "here" / "run").steps == [0, 1]
    assert list((tmp_path / "there").iterdir()) == []


def record_and_close(recorder):
    """A failure to write is told by the next call of the recorder, whichever it is."""
    recorder.record(0)
    recorder.close()


class TestFailures:
    @pytest.fixture
    def failing(self, model):
        """A model that fails from now on, when told to."""

        def forward(*args):
            if model.fails:
                raise ValueError("matrices do not fit")

        model.fails = False
        model.register_forward_pre_hook(forward)
        return model

    def test_a_pass_that_fails_warns_once_and_training_goes_on(self, failing, probe, tmp_path):
        with AttentionRecorder(failing, probe, tmp_path) as recorder:
            recorder.record(0)
            failing.fails = True
            with pytest.warns(
                RuntimeWarning, match="not recorded at step 1: ValueError: matrices do not fit. Training"
            ):
                recorder.record(1)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                recorder.record(2)
            failing.fails = False
            recorder.record(3)
        assert tb_attnviz.open_run(tmp_path).steps == [0, 3]

    def test_a_recording_that_is_not_written_is_made_no_second_time(self, model, probe, tmp_path, monkeypatch):
        """Other processes, which write nothing, make no second pass of that step either, and would be waited for."""

        class Wrong(type(MAX_LOGIT)):
            def broken(self, *args):
                raise TypeError("a rule that is wrong")

        rules = [Wrong("wrong", "max_logit", 1, 1, "")]
        passes = []
        with AttentionRecorder(model, probe, tmp_path, every=1, rules=rules) as recorder:
            again = recorder._passes.again
            monkeypatch.setattr(recorder._passes, "again", lambda: (passes.append(1), again())[1])
            with pytest.warns(RuntimeWarning, match="not recorded at step 5: TypeError: a rule that is wrong"):
                recorder.step(5)
            recorder.record_health(5)
            assert (recorder.last_step, len(passes)) == (5, 1)

    def test_a_pass_that_fails_raises_if_asked_to(self, failing, probe, tmp_path):
        with AttentionRecorder(failing, probe, tmp_path, on_error="raise") as recorder:
            failing.fails = True
            with pytest.raises(ValueError, match="matrices do not fit"):
                recorder.record(1)

    def test_a_directory_that_cannot_be_written_any_more_warns_and_training_goes_on(self, model, probe, tmp_path):
        recorder = AttentionRecorder(model, probe, tmp_path)
        self.replace_by_a_file(tmp_path / "plugins" / "attnviz")
        with pytest.warns(RuntimeWarning, match="a recording of attention was not written: FileExistsError"):
            record_and_close(recorder)

    def test_a_directory_that_cannot_be_written_any_more_raises_if_asked_to(self, model, probe, tmp_path):
        recorder = AttentionRecorder(model, probe, tmp_path, on_error="raise")
        self.replace_by_a_file(tmp_path / "plugins" / "attnviz")
        with pytest.raises(FileExistsError):
            record_and_close(recorder)
        recorder.close()

    @staticmethod
    def replace_by_a_file(directory):
        directory.rmdir()
        directory.touch()

    def test_a_directory_that_is_removed_is_made_again(self, model, probe, tmp_path):
        with AttentionRecorder(model, probe, tmp_path, on_error="raise") as recorder:
            (tmp_path / "plugins" / "attnviz").rmdir()
            recorder.record(0)
        assert tb_attnviz.open_run(tmp_path).steps == [0]

    def test_the_second_of_two_trainings_in_one_directory_is_warned(self, model, probe, tmp_path):
        with AttentionRecorder(model, probe, tmp_path, on_error="raise") as first:
            first.record(0)
            with pytest.warns(RuntimeWarning, match=r"this process is recording into logdir '.*' already: two"):
                AttentionRecorder(model, probe, tmp_path, on_error="raise").close()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            AttentionRecorder(model, probe, tmp_path, on_error="raise").close()

    def test_an_error_in_training_is_not_hidden_by_close(self, model, probe, tmp_path):
        def train():
            with AttentionRecorder(model, probe, tmp_path) as recorder:
                recorder.record(0)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            train()
        assert tb_attnviz.open_run(tmp_path).steps == [0]


def test_a_script_imports_no_framework_and_keeps_what_it_recorded_without_closing(tmp_path):
    script = """
import sys, time
from tb_attnviz.callbacks import AttentionRecorder, Probe
if {"transformers", "lightning"} & sys.modules.keys():
    sys.exit("a framework was imported")
from tb_attnviz.events import RunWriter
from tests.callbacks.models import IDS, TOKENS, Decoder

write = RunWriter.write_checkpoint
RunWriter.write_checkpoint = lambda *args: (time.sleep(0.2), write(*args))  # a slow disk
recorder = AttentionRecorder(Decoder(), Probe(IDS, TOKENS), sys.argv[1])
for step in range(5):
    recorder.record(step)
"""
    root = Path(__file__).parents[2]
    subprocess.run(
        [sys.executable, "-c", script, tmp_path], check=True, cwd=root, env={**os.environ, "PYTHONPATH": "."}
    )
    assert tb_attnviz.open_run(tmp_path).steps == [0, 1, 2, 3, 4]
