"""The callback for Lightning's Trainer."""

import math
from typing import TYPE_CHECKING, Any

from torch import nn

from tb_attnviz.extras import line

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
    from lightning.pytorch.loggers import TensorBoardLogger
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(f"the Trainer is of lightning ({error}): {line('lightning')}") from error

from .batch_probe import batch_probe, first_loader
from .capture.recording import Forward
from .in_training import InTraining
from .options import for_training
from .probe import Probe
from .recorder import AttentionRecorder

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_UNWRITTEN = (nn.Module.forward, LightningModule.forward)
_NO_FORWARD = (
    "{} has no forward, which the probe would be shown to: name the submodule that it is shown to by module= "
    '(module="{}", say), or say how it is shown by forward=lambda model, ids: …'
)


class AttnVizCallback(InTraining, Callback):
    """Records the model's attention heads before the first step, whenever `every` says so, and at the last step.

        trainer = Trainer(..., callbacks=[AttnVizCallback(probe, every=100)])

    probe: without one it is made of the first examples of the validation's data, or else of the training's: ids, with
        the tokens' names where the data module or the LightningModule has a `tokenizer`, and for a decoder sequences
        that repeat themselves; images, where the model says the size of its patches.
    module: the name of the submodule that the probe is shown to; without it the LightningModule itself, whose `forward`
        is then called.
    logdir: the run's directory, or a SummaryWriter. Without it the SummaryWriter of the Trainer's TensorBoardLogger, so
        that losses and heads are one run; else the directory that the Trainer logs to.
    options: those of AttentionRecorder (`every`, `health_every`, `layers`, `heads`, `max_tokens`, `max_bytes`, …).
        `every` and `health_every` may be "epoch", or a share of the training (0.05: twenty times), too.

    Steps are those that the Trainer logs at: batches that were followed by a step of an optimizer, or of several. The
    pass is made in the precision of the Trainer. With several processes all make it, and the first one writes.
    """

    def setup(self, trainer: Any, pl_module: Any = None, stage: str = "") -> None:
        """Lightning calls it first. Raises TypeError where it was given the class in the place of an object."""
        if not isinstance(self, AttnVizCallback):
            raise TypeError("callbacks=[AttnVizCallback] gives the class: give an object, AttnVizCallback(probe)")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        _check_strategy(trainer)
        self._close()
        logdir = self._logdir if self._logdir is not None else _logdir_of(trainer)
        steps = trainer.estimated_stepping_batches  # infinite or -1 where nobody knows
        known = int(steps) if 0 <= steps < math.inf else None
        options = for_training(self._options, steps=known, resumed=trainer.global_step > 0)
        model = pl_module.get_submodule(self._module)
        if "forward" not in options and getattr(model.forward, "__func__", None) in _UNWRITTEN:
            raise ValueError(_NO_FORWARD.format(type(model).__name__, next((n for n, _ in model.named_children()), "")))
        options["forward"] = _in_precision_of(trainer, options.get("forward", nn.Module.__call__))
        probe = _probe_of(trainer, pl_module, model, options["forward"]) if self._probe is None else self._probe
        self._recorder = AttentionRecorder(model, probe, logdir, **options)
        self._recorder.record(_stepped(trainer) + _is_counted_late(trainer))
        self._seen = trainer.global_step  # of the batch before

    def on_train_batch_start(self, trainer: Trainer, *args: Any) -> None:
        self._begin_batch(_stepped(trainer) + 1)

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        self._batch.close()
        if self._recorder is not None and trainer.global_step != self._seen:  # else gradients are being accumulated
            self._recorder.step(_stepped(trainer) + 1)  # the Trainer counts this batch after its callbacks
            self._seen = trainer.global_step

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._end_epoch(_stepped(trainer))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._record_once(_stepped(trainer))
        self._close()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException | None = None) -> None:
        if isinstance(self, AttnVizCallback):  # as in setup
            self._close()


def _probe_of(trainer: Trainer, pl_module: LightningModule, model: nn.Module, forward: Forward) -> Probe:
    """Of the data that the Trainer has; raises NoProbeError."""
    holders = (getattr(trainer, "datamodule", None), pl_module, model)
    named: Any = next((x.tokenizer for x in holders if x is not None and hasattr(x, "tokenizer")), None)
    data = {"validation": trainer.val_dataloaders, "training": trainer.train_dataloader}
    return batch_probe(
        {name: first_loader(loaders) for name, loaders in data.items()},
        model,
        forward=forward,
        tokenizer=named if hasattr(named, "convert_ids_to_tokens") else None,
    )


def _logdir_of(trainer: Trainer) -> "str | SummaryWriter":
    """Asked of all processes alike: they agree on the Trainer's directory. Only the first one has a SummaryWriter."""
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            return logger.experiment if trainer.is_global_zero else logger.log_dir
    return trainer.log_dir or trainer.default_root_dir


def _stepped(trainer: Trainer) -> int:
    """How many batches were followed by a step: what loggers count. `global_step` counts each optimizer's."""
    return trainer.fit_loop.epoch_loop._batches_that_stepped


def _is_counted_late(trainer: Trainer) -> bool:
    """Whether a checkpoint is gone on with that was written before its last batch was counted: that comes later.

    https://github.com/Lightning-AI/pytorch-lightning/pull/20379
    """
    loop = trainer.fit_loop.epoch_loop
    if not loop.restarting or not hasattr(loop, "restarted_on_last") or loop._should_accumulate():
        return False
    return bool(loop.restarted_on_train_batch_end or not loop.restarted_on_last)


def _check_strategy(trainer: Trainer) -> None:
    """Raises ValueError where parameters are to be had through a wrapper alone that is around the LightningModule."""
    if type(trainer.strategy.model).__name__ == "FullyShardedDataParallel":
        raise ValueError(
            "attention is not recorded with Lightning's FSDPStrategy: its wrapper is around the LightningModule, and "
            "the probe is shown to what is within, where parameters are in parts. Train with ModelParallelStrategy "
            "(FSDP2), with DDPStrategy, or in a loop of your own"
        )


def _in_precision_of(trainer: Trainer, forward: Forward) -> Forward:
    """`forward` as the Trainer would call it: inputs converted, and within its autocast or default type."""

    def converted(model: nn.Module, *args: Any, **kwargs: Any) -> object:
        plugin = trainer.precision_plugin
        args, kwargs = plugin.convert_input((args, kwargs))
        with plugin.forward_context():
            return forward(model, *args, **kwargs)

    return converted
