"""AttnVizCallback in a real Lightning Trainer."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset

import tb_attnviz
from tb_attnviz.callbacks import Probe
from tb_attnviz.callbacks.lightning import AttnVizCallback
from tb_attnviz.callbacks.training_probe import NoProbeError
from tests.callbacks.models import IDS, Decoder

TOKENS = [[str(token) for token in row] for row in IDS.tolist()]

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning", "ignore::FutureWarning", "ignore:.*workers")


class Learner(LightningModule):
    def __init__(self):
        super().__init__()
        self.model = Decoder()
        self.fails_at = None

    def forward(self, ids):
        return self.model(ids)

    def training_step(self, ids, index):
        if index == self.fails_at:
            raise ZeroDivisionError
        loss = functional.cross_entropy(self(ids)[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
        self.log("loss", loss)
        return loss

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=1e-2)


def train(directory, *callbacks, learner=None, logger=False, ckpt_path=None, tokens=8, **options):
    """A small model trained for five steps; its weights afterwards."""
    seed_everything(0)
    learner = learner or Learner()
    trainer = Trainer(
        default_root_dir=directory, callbacks=list(callbacks), logger=logger, accelerator="cpu", log_every_n_steps=1,
        enable_progress_bar=False, enable_model_summary=False,
        **({"max_steps": 5, "enable_checkpointing": False} | options),
    )  # fmt: skip
    trainer.fit(learner, DataLoader(torch.randint(64, (64, tokens)), batch_size=4), ckpt_path=ckpt_path)
    return learner.state_dict()


@pytest.fixture
def probe():
    return Probe(IDS, TOKENS)


def test_records_first_due_and_last_step_and_changes_nothing(tmp_path, probe):
    weights = train(tmp_path, AttnVizCallback(probe, every=2, logdir=tmp_path / "run", batches=True))
    run = tb_attnviz.open_run(tmp_path / "run")
    assert run.steps == [0, 2, 4, 5]
    seen = run.health()["batch_max_logit"]  # at the steps that `every` says, not at the first and last
    assert [np.isfinite(of_step).all() for of_step in seen] == [False, True, True, False]
    assert [layer.name for layer in run.layers] == ["model.blocks.0", "model.blocks.1"]
    plain = train(tmp_path)
    assert all(torch.equal(weights[name], plain[name]) for name in plain)


def test_it_shares_the_event_file_of_the_tensorboard_logger(tmp_path, probe):
    logger = TensorBoardLogger(tmp_path, name="run", version="a")
    train(tmp_path, AttnVizCallback(probe, every=5), logger=logger)
    (file,) = (tmp_path / "run" / "a").glob("*tfevents*")
    assert b"loss" in file.read_bytes()
    assert tb_attnviz.open_run(tmp_path / "run" / "a").steps == [0, 5]


def test_without_a_tensorboard_logger_it_joins_the_directory_of_the_trainer(tmp_path, probe):
    train(tmp_path, AttnVizCallback(probe, every=5), logger=CSVLogger(tmp_path, name="csv", version="a"))
    assert tb_attnviz.open_run(tmp_path / "csv" / "a").steps == [0, 5]
    train(tmp_path / "none", AttnVizCallback(probe, every=5))
    assert tb_attnviz.open_run(tmp_path / "none").steps == [0, 5]


def test_steps_are_those_of_the_optimizer(tmp_path, probe):
    options = {"accumulate_grad_batches": 3, "max_steps": 4}
    train(tmp_path, AttnVizCallback(probe, every=2, logdir=tmp_path, on_error="raise"), **options)
    assert tb_attnviz.open_run(tmp_path).steps == [0, 2, 4]


def test_a_training_that_is_resumed_in_an_epoch_begins_at_the_step_of_its_weights(tmp_path, probe):
    saved = ModelCheckpoint(tmp_path, every_n_train_steps=3, save_top_k=-1, filename="{step}")
    train(tmp_path, AttnVizCallback(probe, every=1, logdir=tmp_path / "one"), saved, enable_checkpointing=True)
    learner, callback = Learner(), AttnVizCallback(probe, every=1, logdir=tmp_path / "two")
    learner.model.cache = torch.zeros(8)  # as it is in the checkpoint
    train(tmp_path, callback, learner=learner, ckpt_path=tmp_path / "step=3.ckpt")
    one, two = tb_attnviz.open_run(tmp_path / "one"), tb_attnviz.open_run(tmp_path / "two")
    assert two.steps == [3, 4, 5]
    np.testing.assert_array_equal(two.samples(3, 1).queries, one.samples(3, 1).queries)


def test_the_class_in_the_place_of_an_object_is_refused(tmp_path):
    with pytest.raises(TypeError, match=r"gives the class: give an object, AttnVizCallback\(probe\)"):
        train(tmp_path, AttnVizCallback)


def test_a_wrapper_that_holds_the_parameters_is_refused_by_name(probe):
    class FullyShardedDataParallel(torch.nn.Module):
        """Stands for PyTorch's, which needs a process group."""

    trainer = SimpleNamespace(strategy=SimpleNamespace(model=FullyShardedDataParallel()))
    with pytest.raises(ValueError, match="not recorded with Lightning's FSDPStrategy"):
        AttnVizCallback(probe).on_train_start(trainer, Learner())


def test_a_module_without_forward_is_told_of_the_options_that_help(probe, tmp_path):
    class Unwritten(Learner):
        forward = LightningModule.forward

    with pytest.raises(ValueError, match=r'Unwritten has no forward.*module="model".*forward=lambda'):
        train(tmp_path, AttnVizCallback(probe, logdir=tmp_path), learner=Unwritten())


def test_a_submodule_by_name_and_the_options_of_the_recorder(tmp_path, probe):
    callback = AttnVizCallback(probe, module="model", logdir=tmp_path, every=5, health_every=1, layers=-1, heads=0)
    train(tmp_path, callback)
    run = tb_attnviz.open_run(tmp_path)
    assert [(layer.name, layer.number, layer.head_numbers) for layer in run.layers] == [("blocks.1", 1, (0,))]
    assert run.health_steps == [0, 1, 2, 3, 4, 5]


def test_what_was_recorded_before_an_exception_is_kept(tmp_path, probe):
    learner = Learner()
    learner.fails_at = 3
    with pytest.raises(ZeroDivisionError):
        train(tmp_path, AttnVizCallback(probe, every=1, logdir=tmp_path), learner=learner)
    assert tb_attnviz.open_run(tmp_path).steps == [0, 1, 2, 3]


def train_replicated(directory):
    callback = AttnVizCallback(Probe(IDS, TOKENS), every=2, on_error="raise")
    train(directory, callback, logger=TensorBoardLogger(directory, "run", version="a"), strategy="ddp", devices=2)


class Rivals(Learner):
    """Two optimizers, one step of each a batch."""

    def __init__(self):
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, ids, index):
        loss = functional.cross_entropy(self(ids)[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
        self.manual_backward(loss)
        for optimizer in self.optimizers():
            optimizer.step()
            optimizer.zero_grad()
        self.log("loss", loss)

    def configure_optimizers(self):
        half = list(self.parameters())
        return [torch.optim.SGD(part, lr=1e-2) for part in (half[::2], half[1::2])]


def test_steps_are_those_of_the_logger_with_several_optimizers(tmp_path, probe):
    logger = TensorBoardLogger(tmp_path, name="", version="")
    train(tmp_path, AttnVizCallback(probe, every=2), learner=Rivals(), logger=logger, max_steps=-1, max_epochs=1)
    assert tb_attnviz.open_run(tmp_path).steps == [0, 2, 4, 6, 8, 10, 12, 14, 16]
    accumulator = EventAccumulator(str(tmp_path))
    accumulator.Reload()
    assert [event.step for event in accumulator.Scalars("loss")] == list(range(16))


@pytest.mark.parametrize(("every", "steps"), [(" epoch", [0, 16, 32]), (0.25, [0, 8, 16, 24, 32])], ids=str)
def test_every_may_be_an_epoch_or_a_share_of_the_training(tmp_path, probe, every, steps):
    train(tmp_path, AttnVizCallback(probe, every=every, logdir=tmp_path / "run"), max_steps=-1, max_epochs=2)
    assert tb_attnviz.open_run(tmp_path / "run").steps == steps


class Endless(IterableDataset):
    def __iter__(self):
        return iter(torch.randint(64, (64, 8)))


@pytest.mark.parametrize("option", ["every", "health_every", "ablate_every"])
@pytest.mark.parametrize("data", [DataLoader(IDS), DataLoader(Endless(), batch_size=4)], ids=["no end", "no length"])
def test_a_share_of_a_training_without_a_known_end_is_said_before_the_first_step(tmp_path, probe, option, data):
    callback = AttnVizCallback(probe, logdir=tmp_path, loss=lambda output, ids: output.mean(), **{option: 0.05})
    trainer = Trainer(
        max_epochs=1 if isinstance(data.dataset, Endless) else -1, callbacks=[callback], logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, accelerator="cpu",
    )  # fmt: skip
    with pytest.raises(ValueError, match=rf"^{option}=0.05 is a share of the training, and how long .* its max_steps$"):
        trainer.fit(Learner(), data)
    assert trainer.global_step == 0


class Scaled(Learner):
    """Takes its input as numbers that are not whole, too, as images come."""

    def forward(self, ids, scale=None):
        scale = torch.ones(len(ids), 1, dtype=self.dtype) if scale is None else scale
        return self.model.head(self.model.blocks[0](self.model.embedding(ids) * scale[..., None]))


@pytest.mark.parametrize("precision", ["bf16-true", "64-true", "bf16-mixed"])
def test_the_pass_is_made_in_the_precision_of_the_training(tmp_path, precision):
    probe = Probe((IDS, torch.ones(len(IDS), 1)), TOKENS)
    torch.manual_seed(0)
    plain = train(tmp_path, learner=Scaled(), precision=precision)
    torch.manual_seed(0)
    callback = AttnVizCallback(probe, every=1, logdir=tmp_path / "run", on_error="raise")
    weights = train(tmp_path, callback, learner=Scaled(), precision=precision)
    assert tb_attnviz.open_run(tmp_path / "run").steps == [0, 1, 2, 3, 4, 5]
    assert all(torch.equal(weights[name], plain[name]) for name in plain)


class TestWithoutAProbe:
    """The data that the Trainer has are shown to the model."""

    def test_ids_and_for_a_decoder_sequences_that_repeat_themselves(self, tmp_path, caplog):
        caplog.set_level("INFO", "tb_attnviz")
        weights = train(tmp_path, AttnVizCallback(every=5, logdir=tmp_path / "run"))
        sequences = tb_attnviz.open_run(tmp_path / "run").probe.sequences
        assert [len(sequence.tokens) for sequence in sequences] == [8] * 27
        assert [sequence.repeat is not None for sequence in sequences] == [False] * 24 + [True] * 3
        assert "no probe was given: 24 sequences of the training data are it" in caplog.text
        plain = train(tmp_path)
        assert all(torch.equal(weights[name], plain[name]) for name in plain)

    def test_each_training_has_a_probe_of_its_own_data(self, tmp_path):
        callback = AttnVizCallback(every=5, logdir=tmp_path / "run", resume=False)
        train(tmp_path, callback)
        with pytest.warns(RuntimeWarning, match="recorded into"):
            train(tmp_path, callback, tokens=6)
        assert {len(sequence.tokens) for sequence in tb_attnviz.open_run(tmp_path / "run-2").probe.sequences} == {6}

    def test_what_cannot_be_shown_is_named_before_the_first_step(self, tmp_path):
        class Stream(IterableDataset):
            def __iter__(self):
                return iter(torch.randint(64, (64, 8)))

        learner, trainer = Learner(), Trainer(
            max_steps=1, callbacks=[AttnVizCallback(logdir=tmp_path)], logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False, accelerator="cpu",
        )  # fmt: skip
        with pytest.raises(NoProbeError, match="the training data are a stream, which can be read only once"):
            trainer.fit(learner, DataLoader(Stream(), batch_size=4))
        assert trainer.global_step == 0


def test_what_is_wrong_is_said_where_it_is_written(probe):
    with pytest.raises(TypeError, match=r"callbacks=\[AttnVizCallback\(Probe"):
        AttnVizCallback("probe.txt")
    with pytest.raises(TypeError, match="evry is no option; did you mean every"):
        AttnVizCallback(probe, evry=5)
    with pytest.raises(ValueError, match="every='often' must be a whole number of at least 1"):
        AttnVizCallback(probe, every="often")
    with pytest.raises(ValueError, match=r"on_record='wandb.log' is no function"):
        AttnVizCallback(probe, on_record="wandb.log")
