"""AttnVizCallback in a real Trainer."""

import fnmatch
import os
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType
from torch.distributed.fsdp import FSDPModule
from torch.utils.data import DataLoader, Dataset
from torch.utils.tensorboard import SummaryWriter
from transformers import (
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    EarlyStoppingCallback,
    GPT2Config,
    GPT2LMHeadModel,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessor,
)
from transformers.integrations import TensorBoardCallback

import tb_attnviz
from tb_attnviz.callbacks import Probe
from tb_attnviz.callbacks.huggingface import AttnVizCallback
from tb_attnviz.callbacks.training_probe import NoProbeError, training_probe
from tests.callbacks.models import IDS, MASK, MINILM, TEXTS, TOKENS


@pytest.fixture
def probe():
    return Probe({"input_ids": IDS, "attention_mask": MASK}, TOKENS)


def train(directory, *callbacks, steps=5, resume_from_checkpoint=None, **options):
    """A tiny GPT-2, trained for `steps` steps; its weights afterwards."""
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=64, n_embd=16, n_head=2, n_layer=2, n_positions=16))
    data = [{"input_ids": row, "labels": row} for row in torch.randint(64, (64, 8))]
    usual = {"report_to": "none", "max_steps": steps, "save_strategy": "no", "logging_steps": 1}
    options = usual | {"per_device_train_batch_size": 4} | options
    arguments = TrainingArguments(
        str(directory), disable_tqdm=True, use_cpu=True, dataloader_pin_memory=False,
        **options,
    )  # fmt: skip
    trainer = Trainer(model, arguments, train_dataset=data, eval_dataset=data[:8], callbacks=list(callbacks))
    trainer.train(resume_from_checkpoint)
    return model.state_dict()


def event_files(directory):
    return sorted(path.name for path in Path(directory).glob("*tfevents*"))


def test_records_first_due_and_last_step_and_changes_nothing(tmp_path, probe):
    weights = train(tmp_path, AttnVizCallback(probe, every=2, logdir=tmp_path / "run", batches=True))
    run = tb_attnviz.open_run(tmp_path / "run")
    assert run.steps == [0, 2, 4, 5]
    seen = run.health()["batch_max_logit"]  # at the steps that `every` says, not at the first and last
    assert [np.isfinite(of_step).all() for of_step in seen] == [False, True, True, False]
    assert [layer.name for layer in run.layers] == ["transformer.h.0.attn", "transformer.h.1.attn"]
    assert all(layer.causal for layer in run.layers)
    plain = train(tmp_path)
    assert all(torch.equal(weights[name], plain[name]) for name in plain)


def test_without_logdir_it_joins_the_run_of_the_trainer(tmp_path, probe):
    train(tmp_path, AttnVizCallback(probe, every=5), report_to="tensorboard")
    (directory,) = (tmp_path / "runs").iterdir()
    assert tb_attnviz.open_run(directory).steps == [0, 5]
    assert len(event_files(directory)) == 2, "one of the Trainer, one of ours"


def test_without_logdir_and_tensorboard_it_makes_a_run_of_its_own(tmp_path, probe):
    train(tmp_path, AttnVizCallback(probe, every=5))
    (directory,) = (tmp_path / "runs").iterdir()
    assert tb_attnviz.open_run(directory).steps == [0, 5]


def test_the_environment_names_the_run(tmp_path, probe, monkeypatch):
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", os.fspath(tmp_path / "named"))
    train(tmp_path, AttnVizCallback(probe, every=5), report_to="tensorboard")
    assert tb_attnviz.open_run(tmp_path / "named").steps == [0, 5]


def test_one_event_file_with_a_shared_summary_writer(tmp_path, probe):
    writer = SummaryWriter(tmp_path / "run")
    callbacks = [AttnVizCallback(probe, every=5, logdir=writer), TensorBoardCallback(writer)]
    train(tmp_path, *callbacks)
    assert len(event_files(tmp_path / "run")) == 1
    assert tb_attnviz.open_run(tmp_path / "run").steps == [0, 5]


def test_the_last_step_is_recorded_before_the_best_model_takes_its_place(tmp_path, probe):
    callback = AttnVizCallback(probe, every=10, logdir=tmp_path / "run")
    options = {"save_strategy": "steps", "save_steps": 1, "eval_strategy": "steps", "eval_steps": 1}
    train(tmp_path, callback, load_best_model_at_end=True, **options)
    assert tb_attnviz.open_run(tmp_path / "run").steps == [0, 5]


class StopAfterSave(TrainerCallback):
    def on_save(self, args, state, control, **kwargs):
        control.should_training_stop = state.global_step == 3


@pytest.mark.parametrize("best", [False, True])
def test_training_that_stops_early_records_its_last_step(tmp_path, probe, best):
    """Before the Trainer puts the best model in its place."""
    callback = AttnVizCallback(probe, every=10, logdir=tmp_path / "run")
    options = {"save_strategy": "steps", "save_steps": 1, "eval_strategy": "steps", "eval_steps": 1}
    train(tmp_path, callback, StopAfterSave(), load_best_model_at_end=best, **options)
    assert tb_attnviz.open_run(tmp_path / "run").steps == [0, 3]


def test_a_training_that_stops_between_epochs_records_its_last_step(tmp_path, probe):
    """Each epoch's loss is said to be worse than the one before."""

    class Worse(TrainerCallback):
        def on_evaluate(self, args, state, control, metrics, **kwargs):
            metrics["eval_loss"] = state.global_step

    callbacks = [AttnVizCallback(probe, every=100, logdir=tmp_path / "run"), Worse(), EarlyStoppingCallback(1)]
    options = {"save_strategy": "epoch", "eval_strategy": "epoch", "metric_for_best_model": "loss", "max_steps": -1}
    train(tmp_path, *callbacks, load_best_model_at_end=True, num_train_epochs=4, **options)
    assert tb_attnviz.open_run(tmp_path / "run").steps == [0, 32]


def test_training_again_begins_a_new_recorder(tmp_path, probe):
    callback = AttnVizCallback(probe, every=5, logdir=tmp_path / "run")
    train(tmp_path, callback)
    with pytest.warns(RuntimeWarning, match="this training begins at step 0 again"):
        train(tmp_path, callback, steps=10)
    assert tb_attnviz.open_run(tmp_path / "run-2").steps == [0, 5, 10]


@pytest.mark.parametrize(
    "options", [{"gradient_checkpointing": True}, {"bf16": True}, {"gradient_accumulation_steps": 2}], ids=str
)
def test_ways_of_training_stay_the_same_bit_for_bit(tmp_path, probe, options):
    callback = AttnVizCallback(probe, every=1, logdir=tmp_path / "run", on_error="raise")
    weights, plain = train(tmp_path, callback, **options), train(tmp_path, **options)
    assert all(torch.equal(weights[name], plain[name]) for name in plain)
    assert tb_attnviz.open_run(tmp_path / "run").steps == [0, 1, 2, 3, 4, 5]


def test_a_resumed_training_goes_on_with_its_run(tmp_path, probe):
    for steps, resume in ((4, None), (6, True)):
        callback = AttnVizCallback(probe, every=2, health_every=1, logdir=tmp_path / "run", on_error="raise")
        options = {"save_strategy": "steps", "save_steps": 4}
        train(tmp_path, callback, steps=steps, resume_from_checkpoint=resume, **options)
    run = tb_attnviz.open_run(tmp_path / "run")
    assert run.steps == [0, 2, 4, 6]
    assert run.health_steps == [0, 1, 2, 3, 4, 5, 6]
    assert len(run.segments) == 1


class CheckSharded(TrainerCallback):
    def on_step_end(self, args, state, control, model, **kwargs):
        assert all(isinstance(module, FSDPModule) for module in (model, *model.transformer.h))


def train_in_two_ways(directory):
    """In each of two processes: with DDP, then with FSDP2 with and without the callback."""

    def callback(name):
        run, probe = directory / name / os.environ["RANK"], Probe({"input_ids": IDS, "attention_mask": MASK}, TOKENS)
        return AttnVizCallback(probe, every=2, logdir=run, on_error="raise")

    train(directory, callback("DDP"), ddp_backend="gloo")

    AcceleratorState._reset_state(reset_partial_state=False)
    begin = AcceleratorState.__init__

    def begin_sharded(self, *args, fsdp_plugin=None, **options):
        begin(self, *args, **options)
        if fsdp_plugin is not None:  # accelerate passes over it on processors, and trains with DDP
            self.distributed_type, self.fsdp_plugin = DistributedType.FSDP, fsdp_plugin

    AcceleratorState.__init__ = begin_sharded
    policy = {"auto_wrap_policy": "TRANSFORMER_BASED_WRAP", "transformer_layer_cls_to_wrap": ["GPT2Block"]}
    options = {"ddp_backend": "gloo", "fsdp": True, "fsdp_config": {"fsdp_version": 2, **policy}}
    weights = train(directory, callback("FSDP2"), CheckSharded(), **options)
    plain = train(directory, **options)
    assert all(torch.equal(weights[name].to_local(), plain[name].to_local()) for name in plain)


@pytest.mark.parametrize(("every", "steps"), [(" epoch", [0, 2, 4, 6]), (0.5, [0, 3, 6]), (0.34, [0, 3, 6])], ids=str)
def test_every_may_be_an_epoch_or_a_share_of_the_training(tmp_path, probe, every, steps):
    callback = AttnVizCallback(probe, every=every, health_every=None, logdir=tmp_path / "run")
    train(tmp_path, callback, steps=-1, num_train_epochs=3, per_device_train_batch_size=32)
    assert tb_attnviz.open_run(tmp_path / "run").steps == steps


def test_health_alone_at_the_end_of_each_epoch_but_of_one_with_samples(tmp_path, probe):
    callback = AttnVizCallback(probe, every=4, health_every="epoch ", loss="auto", logdir=tmp_path / "run")
    train(tmp_path, callback, steps=-1, num_train_epochs=3, per_device_train_batch_size=32)
    run = tb_attnviz.open_run(tmp_path / "run")
    assert (run.steps, run.health_steps) == ([0, 4, 6], [0, 2, 4, 6])
    assert [np.isfinite(of_step).all() for of_step in run.health()["importance"]] == [True, False, True, True]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": 1.5}, r"every=1.5 must be a whole number"),
        ({"every": "step"}, "every='step' must be a whole number"),
        ({"health_every": 0}, "health_every=0 must be a whole number of at least 1"),
        ({"batch_size": 0}, "batch_size=0 must be"),
        ({"max_tokens": -1}, "max_tokens=-1 must be"),
        ({"values": "all"}, "values='all' is not known"),
        ({"on_error": "ignore"}, "on_error='ignore' is not known"),
        ({"forward": 3}, "forward=3 is no function"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_where_the_callback_is_made(probe, options, message):
    with pytest.raises(ValueError, match=message):
        AttnVizCallback(probe, **options)


def test_the_class_in_the_place_of_an_object_is_told_what_to_write(tmp_path):
    with pytest.raises(TypeError, match=r"callbacks=\[AttnVizCallback\(Probe.from_texts\(texts, tokenizer\)\)\]"):
        train(tmp_path, AttnVizCallback)


def test_module_and_forward_show_the_probe_as_training_would(tmp_path, probe):
    """The body of the model alone, called in a way of one's own."""
    called = []

    def forward(model, input_ids, attention_mask):
        called.append(type(model).__name__)
        return model(input_ids, attention_mask=attention_mask, use_cache=False)

    train(tmp_path, AttnVizCallback(probe, every=5, module="transformer", forward=forward, logdir=tmp_path / "run"))
    run = tb_attnviz.open_run(tmp_path / "run")
    assert [layer.name for layer in run.layers] == ["h.0.attn", "h.1.attn"]
    assert set(called) == {"GPT2Model"}


class TestPushing:
    """A Trainer that uploads its output directory must not upload the probe's texts unasked."""

    @pytest.fixture
    def uploaded(self, monkeypatch):
        """The files that the Trainer has handed over for uploading."""
        if not hasattr(transformers.trainer, "hf_api"):
            pytest.skip("transformers 5.0 uploads by other functions")
        found = set()

        class Api:
            def upload_folder(self, folder_path, ignore_patterns, **options):
                for path in Path(folder_path).rglob("*"):
                    name = path.relative_to(folder_path).as_posix()
                    if path.is_file() and not any(fnmatch.fnmatch(name, pattern) for pattern in ignore_patterns):
                        found.add(name)

        monkeypatch.setattr("transformers.trainer.hf_api", lambda *args, **kwargs: Api())
        monkeypatch.setattr(Trainer, "init_hf_repo", lambda self, *args, **kwargs: setattr(self, "hub_model_id", "a/b"))
        monkeypatch.setattr(Trainer, "create_model_card", lambda *args, **kwargs: None)
        return found

    def push(self, directory, callback, **options):
        model = GPT2LMHeadModel(GPT2Config(vocab_size=64, n_embd=16, n_head=2, n_layer=1, n_positions=16))
        data = [{"input_ids": row, "labels": row} for row in torch.randint(64, (8, 8))]
        arguments = TrainingArguments(
            str(directory),
            max_steps=2,
            disable_tqdm=True,
            use_cpu=True,
            save_strategy="no",
            push_to_hub=True,
            **options,
        )
        trainer = Trainer(model, arguments, train_dataset=data, callbacks=[callback])
        trainer.train()
        trainer.push_to_hub()

    @pytest.mark.parametrize("report_to", ["none", "tensorboard"])
    def test_by_default_a_run_is_kept_out_of_the_push(self, tmp_path, probe, uploaded, report_to):
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            warnings.filterwarnings("ignore", ".*pin_memory.*")
            self.push(tmp_path, AttnVizCallback(probe, every=1), report_to=report_to)
        [run] = (tmp_path / "_attention").iterdir()
        assert tb_attnviz.open_run(run).steps == [0, 1, 2]
        assert "model.safetensors" in uploaded
        assert not [name for name in uploaded if "attn" in name or name.startswith("_")]

    def test_a_run_that_would_be_pushed_is_warned_of(self, tmp_path, probe, uploaded):
        with pytest.warns(UserWarning, match="to a hub, and with it the run that is recorded in it: the probe's texts"):
            self.push(tmp_path, AttnVizCallback(probe, every=1, logdir=tmp_path / "run"), report_to="none")


TINY = GPT2Config(vocab_size=64, n_embd=16, n_head=2, n_layer=1)


PAIRS = [("is it blue", "yes"), ("  ", "never"), ("is it red", "no")]


class TestWithoutAProbe:
    """The Trainer's own data are shown to the model."""

    @pytest.fixture
    def tokenizer(self):
        return AutoTokenizer.from_pretrained(MINILM)

    def run(self, directory, callbacks, model, data, tokenizer, **options):
        arguments = TrainingArguments(
            str(directory), max_steps=1, disable_tqdm=True, use_cpu=True, save_strategy="no", report_to="none"
        )
        Trainer(
            model, arguments, train_dataset=data, processing_class=tokenizer, callbacks=callbacks, **options
        ).train()
        [run] = (directory / "runs").iterdir()
        return tb_attnviz.open_run(run)

    def test_texts_of_the_evaluation_come_first(self, tmp_path, tokenizer, caplog):
        torch.manual_seed(0)
        model = GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), n_embd=16, n_head=2, n_layer=1))
        rows = [tokenizer(text)["input_ids"][:7] for text in TEXTS]
        data = [{"input_ids": row, "labels": row} for row in rows]
        caplog.set_level("INFO", "tb_attnviz")
        collate = DataCollatorForSeq2Seq(tokenizer)
        run = self.run(
            tmp_path, [AttnVizCallback], model, data, tokenizer, eval_dataset=data[:2], data_collator=collate
        )
        assert run.steps == [0, 1]
        assert [len(s.tokens) > 3 for s in run.probe.sequences[:2]] == [True, True]
        assert run.probe.sequences[0].tokens[1:-1] == tuple(tokenizer.convert_ids_to_tokens(rows[0][1:]))
        assert "no probe was given: the first" in caplog.text

    def test_images_of_a_vision_transformer(self, tmp_path):
        torch.manual_seed(0)
        sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
        model = ViTForImageClassification(ViTConfig(image_size=32, patch_size=16, **sizes))
        data = [{"pixel_values": torch.randn(3, 32, 32), "labels": 0} for _ in range(4)]
        run = self.run(tmp_path, [AttnVizCallback()], model, data, ViTImageProcessor())
        assert [sequence.grid.size for sequence in run.probe.sequences] == [4] * 4
        assert run.probe.sequences[0].tokens[0] == "[CLS]"

    def test_data_that_say_nothing_are_named(self, tokenizer):
        loader = DataLoader([{"features": [1.0]}])
        with pytest.raises(NoProbeError, match=r"the training data hold features\. Give one: AttnVizCallback"):
            training_probe({"evaluation": None, "training": loader}, tokenizer, GPT2LMHeadModel(TINY))

    def test_a_text_that_is_empty_is_left_out_with_its_target(self, tokenizer):
        model = torch.nn.Linear(1, 1)
        model.config = SimpleNamespace(is_encoder_decoder=True, decoder_start_token_id=0)
        data = [{"text": text, "labels": tokenizer(answer)["input_ids"]} for text, answer in PAIRS]
        probe = training_probe({"training": DataLoader(data)}, tokenizer, model)
        targets = [[token for token in s.tokens if not token.startswith("[")] for s in probe.record.sequences]
        assert targets == [["yes"], ["no"]]

    def test_looking_at_the_data_draws_no_random_number_of_the_training(self, tokenizer):
        class Augmented(Dataset):
            def __len__(self):
                return 3

            def __getitem__(self, index):
                return {"input_ids": torch.randint(1000, 2000, (9,))}

        torch.manual_seed(0)
        model = GPT2LMHeadModel(TINY)
        before = torch.get_rng_state()
        training_probe({"training": DataLoader(Augmented())}, tokenizer, model)
        assert torch.equal(torch.get_rng_state(), before)
