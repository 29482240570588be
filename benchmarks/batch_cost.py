"""What it costs to look at the training batch (`batches=True`): a due step of training ÷ the same step without.

    python -m benchmarks.batch_cost --write

A step is a forward pass, its backward pass, and AdamW. Ratios are of medians of alternating repetitions in one process,
PyTorch on one thread, in processor time of the training thread. The pass over the probe is not part of either.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from benchmarks import page
from tb_attnviz.callbacks import AttentionRecorder, Probe

TOKENS = 1024  # of a batch
LENGTHS = (64, 256, 1024)
SETUPS: dict[str, dict[str, Any]] = {
    "2 layers × 12 heads × 64, fused": {"n_layer": 2, "n_head": 12, "n_embd": 768},
    "2 layers × 8 heads × 32, fused": {"n_layer": 2, "n_head": 8, "n_embd": 256},
    "2 layers × 12 heads × 64, eager": {"n_layer": 2, "n_head": 12, "n_embd": 768, "attn_implementation": "eager"},
}


def ratio(model: nn.Module, length: int, repetitions: int) -> float:
    """What a step that is looked at takes, in bare steps."""
    ids = torch.randint(2048, (TOKENS // length, length))
    optimizer = torch.optim.AdamW(model.parameters())
    probe = Probe(ids[:1, :8], [[str(i) for i in range(8)]])
    with (
        tempfile.TemporaryDirectory() as directory,
        AttentionRecorder(model, probe, directory, every=1, batches=True, rules=()) as recorder,
    ):

        def bare() -> None:
            _step(model, optimizer, ids)

        def seen() -> None:
            with recorder.batch(1):
                _step(model, optimizer, ids)

        seconds: dict[Callable[[], None], list[float]] = {bare: [], seen: []}
        for repetition in range(repetitions + 1):  # the first one warms up
            for work, of_work in seconds.items():
                begun = time.thread_time()
                work()
                if repetition:
                    of_work.append(time.thread_time() - begun)
        recorder.step(1)
    return statistics.median(seconds[seen]) / statistics.median(seconds[bare])


def _step(model: nn.Module, optimizer: torch.optim.Optimizer, ids: Tensor) -> None:
    optimizer.zero_grad()
    model(ids, labels=ids).loss.backward()
    optimizer.step()


def report(repetitions: int) -> str:
    """The table, as Markdown."""
    rows = []
    for title, sizes in SETUPS.items():
        torch.manual_seed(0)
        model = GPT2LMHeadModel(GPT2Config(vocab_size=2048, n_positions=TOKENS, **sizes)).train()
        found = [f"{ratio(model, length, repetitions):.2f}" for length in LENGTHS]
        rows.append([title, *found])
        print(" | ".join(rows[-1]), flush=True)
    return page.table(["model", *(f"{TOKENS // n} × {n:,} tokens" for n in LENGTHS)], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    table = f"{page.machine('torch', 'transformers')}; medians of {arguments.repetitions} repetitions.\n\n"
    table += report(arguments.repetitions)
    if arguments.write:
        page.write("batch cost", table)
    print(f"\n{table}")


if __name__ == "__main__":
    main()
