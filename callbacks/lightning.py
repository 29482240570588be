"""The callback for Lightning's Trainer."""

import os
from typing import TYPE_CHECKING, Any, Unpack

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger

from .probe import Probe
from .recorder import AttentionRecorder, RecorderOptions

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class AttnVizCallback(Callback):
    """Records the model's attention heads before the first step, whenever `every` says so, and at the last step.

        trainer = Trainer(..., callbacks=[AttnVizCallback(probe, every=100)])

    module: the name of the submodule that the probe is shown to; without it the LightningModule itself, whose `forward`
        is then called.
    logdir: the run's directory, or a SummaryWriter. Without it the SummaryWriter of the Trainer's TensorBoardLogger, so
        that losses and heads are one run; else the directory that the Trainer logs to.
    options: those of AttentionRecorder (`every`, `health_every`, `layers`, `heads`, `max_tokens`, `max_bytes`, …).

    Steps are the Trainer's `global_step`: those of the optimizer. With several processes all make the pass, and the
    first one writes.
    """

    def __init__(
        self,
        probe: Probe,
        *,
        module: str = "",
        logdir: "str | os.PathLike[str] | SummaryWriter | None" = None,
        **options: Unpack[RecorderOptions],
    ) -> None:
        self._probe = probe
        self._module = module
        self._logdir = logdir
        self._options = options
        self._recorder: AttentionRecorder | None = None
        self._seen = -1  # the step of the batch before

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._close()
        logdir = self._logdir if self._logdir is not None else _logdir_of(trainer)
        self._recorder = AttentionRecorder(pl_module.get_submodule(self._module), self._probe, logdir, **self._options)
        self._recorder.record(trainer.global_step)
        self._seen = trainer.global_step

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        if self._recorder is not None and trainer.global_step != self._seen:  # else gradients are being accumulated
            self._recorder.step(trainer.global_step)
            self._seen = trainer.global_step

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._recorder is not None and self._recorder.last_step != trainer.global_step:
            self._recorder.record(trainer.global_step)
        self._close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._close()

    def _close(self) -> None:
        if self._recorder is not None:
            self._recorder.close()
            self._recorder = None


def _logdir_of(trainer: Trainer) -> "str | SummaryWriter":
    """Asked of all processes alike: they agree on the Trainer's directory. Only the first one has a SummaryWriter."""
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            return logger.experiment if trainer.is_global_zero else logger.log_dir
    return trainer.log_dir or trainer.default_root_dir
