"""The callback for the Hugging Face Trainer."""

import glob
import os
import socket
import warnings
from typing import TYPE_CHECKING, Any

from tb_attnviz.events.files import expanded
from tb_attnviz.extras import line

try:
    from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
    from transformers.integrations.integration_utils import default_logdir
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(f"the Trainer is of transformers ({error}): {line('transformers')}") from error

from .in_training import InTraining
from .options import checked_probe, for_training
from .recorder import AttentionRecorder
from .training_probe import training_probe

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter
    from transformers import PreTrainedTokenizerBase


class AttnVizCallback(InTraining, TrainerCallback):
    """Records the model's attention heads before the first step, whenever `every` says so, and at the last step.

        trainer = Trainer(model, args, ..., callbacks=[AttnVizCallback(probe, every=100)])

    probe: without one, the first examples of the evaluation's data, or else of the training's, are it, said by the
        tokenizer that the Trainer has (`processing_class`): then `callbacks=[AttnVizCallback]` is enough.
    logdir: the run's directory, or a SummaryWriter. Without it, the directory that the Trainer logs to with
        `report_to="tensorboard"`, so that losses and heads are one run; else a new one, named as the Trainer would:
        `TENSORBOARD_LOGGING_DIR`, or `runs/<time>_<host>` in the output directory.

    TensorBoard's Python loader (`--load_fast=false`, and wherever its data server is missing, as on Windows) reads the
    event files of a directory one after the other and never goes back. To see losses and heads grow together there, let
    both write to one file:

        writer = SummaryWriter("runs/a")
        callbacks = [AttnVizCallback(probe, logdir=writer), TensorBoardCallback(writer)]

    module: the name of the submodule that the probe is shown to; without it the whole model.
    options: those of AttentionRecorder (`every`, `health_every`, `layers`, `heads`, `max_tokens`, `max_bytes`, `rules`,
        …); raise in `on_alert` to end the training. `every` and `health_every` may be "epoch", or a share of the
        training (0.05: twenty times), too.

    Where the Trainer pushes its output directory to a hub, a run without `logdir` lies in `_attention` there, which is
    not pushed: what is recorded holds the probe's texts.
    With several processes all make the pass, and the first one writes.
    """

    def on_init_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self._probe is None and kwargs.get("processing_class") is None:
            checked_probe(None)
        given = self._logdir if self._logdir is not None else os.getenv("TENSORBOARD_LOGGING_DIR") or None
        if given is not None and _is_pushed(args, given):
            warnings.warn(
                f"the Trainer pushes {str(args.output_dir)!r} to a hub, and with it the run that is recorded in it: "
                "the probe's texts, queries and keys. Give a logdir elsewhere, or none at all",
                UserWarning,
                stacklevel=2,
            )

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._close()  # of an earlier train() that raised
        logdir = self._logdir if self._logdir is not None else _tensorboard_directory(args)
        model = kwargs["model"].get_submodule(self._module)
        probe = self._probe
        if probe is None:
            data = {"evaluation": kwargs.get("eval_dataloader"), "training": kwargs.get("train_dataloader")}
            probe = training_probe(data, _tokenizer(kwargs.get("processing_class")), kwargs["model"])
        options = for_training(self._options, steps=state.max_steps, resumed=state.global_step > 0)
        self._recorder = AttentionRecorder(model, probe, logdir, **options)
        self._recorder.record(state.global_step)

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._begin_batch(state.global_step + 1)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._batch.close()
        if self._recorder is not None:
            self._recorder.step(state.global_step)
            if state.global_step >= state.max_steps:
                self._record_once(state.global_step)

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._end_epoch(state.global_step)
        self._record_if_last(state, control)

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._record_if_last(state, control)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._record_if_last(state, control)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if not args.load_best_model_at_end:  # else the model is no longer that of the last step
            self._record_once(state.global_step)
        self._close()

    def _record_if_last(self, state: TrainerState, control: TrainerControl) -> None:
        """Now, where training is told to stop: the best model may take the place of this step's before its end."""
        if control.should_training_stop:
            self._record_once(state.global_step)


def _tokenizer(processing: Any) -> "PreTrainedTokenizerBase | None":
    """Of what processes the Trainer's data: a tokenizer, or a processor that has one."""
    tokenizer = getattr(processing, "tokenizer", processing)
    return tokenizer if hasattr(tokenizer, "convert_ids_to_tokens") else None


def _is_pushed(args: TrainingArguments, logdir: "str | os.PathLike[str] | SummaryWriter") -> bool:
    """Whether the Trainer uploads what lies in `logdir`, as it does with its output directory but for names in "_"."""
    directory = logdir if isinstance(logdir, (str, os.PathLike)) else logdir.log_dir
    place = os.path.relpath(expanded(os.fspath(directory)), os.path.expanduser(str(args.output_dir)))
    return bool(args.push_to_hub) and not place.startswith(("..", "_"))


def _tensorboard_directory(args: TrainingArguments) -> str:
    """The directory that the Trainer's own TensorBoardCallback logs to, or would."""
    directory = os.getenv("TENSORBOARD_LOGGING_DIR")
    if directory:
        return os.path.expanduser(directory)
    output = str(args.output_dir)
    if args.push_to_hub:
        return os.path.join(output, "_attention", os.path.basename(default_logdir()))
    if "tensorboard" in (args.report_to or ()):
        # Its name holds the time, and no callback is told of another: go by the event file that this process has open.
        mine = f"events.out.tfevents.*.{socket.gethostname()}.{os.getpid()}.*"
        found = glob.glob(os.path.join(glob.escape(output), "runs", "**", mine), recursive=True)
        theirs = [path for path in found if not path.endswith(".attnviz")]
        if theirs:
            return os.path.dirname(max(theirs, key=os.path.getmtime))
    return os.path.join(output, default_logdir())
