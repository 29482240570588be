"""How the cost of a recording grows with the length of sequences: `record()` and samples alone against the bare pass.

    python -m benchmarks.cost_by_length --write

Ratios as in `benchmarks.cost`: processor time of the training thread, PyTorch on one thread, medians of alternating
repetitions in one process. Peak memory is that of a process that records, less that of one that makes bare passes.
"""

import argparse
import dataclasses
import statistics
import subprocess
import sys

import torch
from transformers import GPT2Config, GPT2Model

from benchmarks import page, recordings
from benchmarks.cost import holding, peak
from benchmarks.plot import Line, log_log
from tb_attnviz.callbacks import Probe

LENGTHS = (64, 512, 2048, 4096)
_TOKENS = 4096  # of all sequences together
_VOCABULARY = 1000
PLOT = page.PAGE.parent / "images" / "recording-cost.svg"


@dataclasses.dataclass(frozen=True)
class Model:
    """A random decoder, and what recording it may cost, in bare passes."""

    title: str
    heads: int
    head_dim: int
    aims: tuple[float, ...] | None
    layers: int = 4
    attention: str = "sdpa"

    def make(self, length: int, sequences: int) -> tuple[torch.nn.Module, Probe]:
        torch.manual_seed(0)
        width = self.heads * self.head_dim
        config = GPT2Config(
            vocab_size=_VOCABULARY,
            n_positions=length,
            n_embd=width,
            n_layer=self.layers,
            n_head=self.heads,
            bos_token_id=None,
            eos_token_id=None,
        )
        config._attn_implementation = self.attention
        ids = torch.randint(_VOCABULARY, (sequences, length))
        return GPT2Model(config), Probe(ids, [[str(token) for token in row] for row in ids.tolist()])


WIDE = Model("4 layers × 8 heads × 64", 8, 64, (1.3, 1.3, 1.5, 1.6))
MODELS = (
    WIDE,
    Model("4 layers × 12 heads × 64, GPT-2's width", 12, 64, (1.2, 1.3, 1.5, 1.6)),
    Model("4 layers × 4 heads × 16", 4, 16, (2, 2.5, 3, 3)),
)
EAGER = Model("GPT-2 small in plain code (eager), 2 × 1,024 tokens", 12, 64, None, layers=12, attention="eager")
SAMPLES_AIM, EAGER_AIM, MEMORY_AIM = 1.1, 1.8, 100


def ratios(model: Model, length: int, repetitions: int, sequences: int | None = None) -> dict[str, float]:
    """`record` and `samples` in bare passes; `bare`, in seconds."""
    made = model.make(length, max(1, _TOKENS // length) if sequences is None else sequences)
    seconds = {name: statistics.median(values) for name, values in holding(*made, repetitions).items()}
    return {name: value if name == "bare" else value / seconds["bare"] for name, value in seconds.items()}


def memory(length: int) -> float:
    """Peak memory in MB that recording one sequence of `length` tokens takes over bare passes of it."""
    peaks = {}
    for what in ("bare", "record"):
        command = [sys.executable, "-m", "benchmarks.cost_by_length", "--peak", what, str(length)]
        peaks[what] = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])
    return peaks["record"] - peaks["bare"]


def report(repetitions: int) -> str:
    """The tables, as Markdown; the plot goes to `PLOT`."""
    rows, lines = [], []
    for model in MODELS:
        found = {length: ratios(model, length, repetitions) for length in LENGTHS}
        assert model.aims is not None
        for what, aims in (("record", model.aims), ("samples", (SAMPLES_AIM,) * len(LENGTHS))):
            cells = [f"{found[length][what]:.2f} ({aim:g})" for length, aim in zip(LENGTHS, aims, strict=True)]
            name = "`record()`" if what == "record" else "samples alone"
            rows.append([model.title, name, *cells])
            print(" | ".join(rows[-1]), flush=True)
        lines.append(Line(model.title.split(",")[0], [(n, found[n]["bare"] * found[n]["record"]) for n in LENGTHS]))
        lines.append(Line("bare", [(n, found[n]["bare"]) for n in LENGTHS]))
    PLOT.write_text(log_log(lines[:4], x="tokens a sequence", y="seconds"), "utf-8")
    eager = ratios(EAGER, 1024, repetitions, sequences=2)
    header = ["model", "÷ bare pass", *(f"{length:,} tokens (aim)" for length in LENGTHS)]
    return (
        f"{page.table(header, rows)}\n\n"
        f"{EAGER.title}: `record()` takes {eager['record']:.2f} bare passes (aim {EAGER_AIM}). "
        f"Peak memory above the bare pass, {WIDE.title}, 1 × 4,096 tokens: "
        f"{memory(4096):.0f} MB (aim {MEMORY_AIM})."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    recordings.quiet()
    torch.set_num_threads(1)
    if arguments.peak:
        what, length = arguments.peak
        print(peak(*WIDE.make(int(length), 1), what))
        return
    used = page.machine("torch", "transformers", "numpy")
    table = f"{used}; medians of {arguments.repetitions} repetitions.\n\n{report(arguments.repetitions)}"
    if arguments.write:
        page.write("cost by length", table)
    print(f"\n{table}")


if __name__ == "__main__":
    main()
