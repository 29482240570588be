"""The callback for the Hugging Face Trainer."""

import glob
import os
import socket
from typing import TYPE_CHECKING, Any, Unpack

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.integrations.integration_utils import default_logdir

from .probe import Probe
from .recorder import AttentionRecorder, RecorderOptions

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class AttnVizCallback(TrainerCallback):
    """Records the model's attention heads before the first step, whenever `every` says so, and at the last step.

        trainer = Trainer(model, args, ..., callbacks=[AttnVizCallback(probe, every=100)])

    logdir: the run's directory, or a SummaryWriter. Without it, the directory that the Trainer logs to with
        `report_to="tensorboard"`, so that losses and heads are one run; else a new one, named as the Trainer would:
        `TENSORBOARD_LOGGING_DIR`, or `runs/<time>_<host>` in the output directory.

    TensorBoard's Python loader (`--load_fast=false`, and wherever its data server is missing, as on Windows) reads the
    event files of a directory one after the other and never goes back. To see losses and heads grow together there, let
    both write to one file:

        writer = SummaryWriter("runs/a")
        callbacks = [AttnVizCallback(probe, logdir=writer), TensorBoardCallback(writer)]

    options: those of AttentionRecorder (`every`, `health_every`, `layers`, `heads`, `max_tokens`, `max_bytes`, `rules`,
        …); raise in `on_alert` to end the training.
    With several processes all make the pass, and the first one writes.
    """

    def __init__(
        self,
        probe: Probe,
        *,
        logdir: "str | os.PathLike[str] | SummaryWriter | None" = None,
        **options: Unpack[RecorderOptions],
    ) -> None:
        self._probe = probe
        self._logdir = logdir
        self._options = options
        self._recorder: AttentionRecorder | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._close()  # of an earlier train() that raised
        logdir = self._logdir if self._logdir is not None else _tensorboard_directory(args)
        self._recorder = AttentionRecorder(kwargs["model"], self._probe, logdir, **self._options)
        self._recorder.record(state.global_step)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self._recorder is not None:
            self._recorder.step(state.global_step)
            if state.global_step >= state.max_steps:
                self._record_once(state.global_step)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if not args.load_best_model_at_end:  # else the model is no longer that of the last step
            self._record_once(state.global_step)
        self._close()

    def _record_once(self, step: int) -> None:
        if self._recorder is not None and self._recorder.last_step != step:
            self._recorder.record(step)

    def _close(self) -> None:
        if self._recorder is not None:
            self._recorder.close()
            self._recorder = None


def _tensorboard_directory(args: TrainingArguments) -> str:
    """The directory that the Trainer's own TensorBoardCallback logs to, or would."""
    directory = os.getenv("TENSORBOARD_LOGGING_DIR")
    if directory:
        return os.path.expanduser(directory)
    output = str(args.output_dir)
    if "tensorboard" in (args.report_to or ()):
        # Its name holds the time, and no callback is told of another: go by the event file that this process has open.
        mine = f"events.out.tfevents.*.{socket.gethostname()}.{os.getpid()}.*"
        found = glob.glob(os.path.join(glob.escape(output), "runs", "**", mine), recursive=True)
        theirs = [path for path in found if not path.endswith(".attnviz")]
        if theirs:
            return os.path.dirname(max(theirs, key=os.path.getmtime))
    return os.path.join(output, default_logdir())
