"""What a recording costs: time that training waits, bytes, the writer's pace, memory.

    make bench        # or: python -m benchmarks.cost --write

Every ratio is of medians of alternating repetitions in one process. PyTorch runs on one thread, and passes are timed by
the processor time of the training thread: other work on the machine does not count, nor does what is written beside it.
"""

import argparse
import logging
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from transformers import GPT2Config, GPT2Model

from benchmarks import page
from benchmarks.models import minilm
from tb_attnviz.callbacks import AttentionRecorder, AttentionWarning, Probe
from tb_attnviz.callbacks.capture import Recording, capture
from tb_attnviz.events import EventLog, RunWriter

BATCH = 32


def gpt2() -> tuple[torch.nn.Module, Probe]:
    """A random model of GPT-2 small's size on 16 sequences of 64 tokens."""
    torch.manual_seed(0)
    ids = torch.randint(50257, (16, 64))
    return GPT2Model(GPT2Config()), Probe(ids, [[str(token) for token in row] for row in ids.tolist()])


def holding(model: torch.nn.Module, probe: Probe, repetitions: int) -> dict[str, list[float]]:
    """Seconds of the bare pass, of a recording without health, and of `record()`, in turn."""
    device = next(model.parameters()).device

    def bare() -> None:
        model.eval()
        with torch.no_grad():
            for batch in probe.batches(BATCH, device=device):
                model(*batch.args, **batch.kwargs)

    seconds: dict[str, list[float]] = {"bare": [], "samples": [], "record": []}
    with tempfile.TemporaryDirectory() as directory, AttentionRecorder(model, probe, directory) as recorder:
        log = EventLog(directory)
        for step in range(repetitions + 1):  # the first one warms up
            bare_now = _timed(bare)
            samples_now = _timed(lambda: capture(model, probe, batch_size=BATCH, health=False))
            record_now = _timed(lambda step=step: recorder.record(step))  # type: ignore[misc]
            while step not in log.load().checkpoints:  # else its writing would slow the next bare pass
                time.sleep(0.02)
            if step > 0:
                for name, value in (("bare", bare_now), ("samples", samples_now), ("record", record_now)):
                    seconds[name].append(value)
    return seconds


def writing(recording: Recording, repetitions: int) -> tuple[list[float], list[float], int]:
    """Seconds to write a checkpoint, seconds to write the same bytes to a plain new file; bytes."""
    ours, plain = [], []
    with tempfile.TemporaryDirectory() as directory:
        writer = RunWriter(directory)
        for step in range(repetitions + 1):
            layers = list(zip(recording.layers, recording.samples, strict=True))
            ours.append(_timed(lambda step=step, layers=layers: writer.write_checkpoint(step, layers)))  # type: ignore[misc]
            path = max(Path(directory, "plugins", "attnviz").iterdir(), key=lambda path: path.name)
            data = path.read_bytes()
            plain.append(_timed(lambda data=data, step=step: Path(directory, f"plain-{step}").write_bytes(data)))  # type: ignore[misc]
        writer.close()
    return ours[1:], plain[1:], len(data)


def peak_memory(setup: str, what: str) -> float:
    """Largest resident memory, in MB, of a process that does `what` ("bare" or "record") with `setup`."""
    command = [sys.executable, "-m", "benchmarks.cost", "--peak", setup, what]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def peak(model: torch.nn.Module, probe: Probe, what: str) -> float:
    """Largest resident memory of this process, in MB, once it has done `what` three times."""
    model.eval()
    with tempfile.TemporaryDirectory() as directory:
        for step in range(3):
            if what == "bare":
                with torch.no_grad():
                    for batch in probe.batches(BATCH, device=torch.device("cpu")):
                        model(*batch.args, **batch.kwargs)
            elif step == 0:
                recorder = AttentionRecorder(model, probe, directory)
                recorder.record(step)
            else:
                recorder.record(step)
        if what == "record":
            recorder.close()
    # Not getrusage: its largest resident size begins with that of the process that started this one.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1e3


SETUPS: dict[str, tuple[str, Callable[[], tuple[torch.nn.Module, Probe]]]] = {
    "minilm": ("MiniLM-L6 (6 × 12 heads of 32), 84 sentences", minilm),
    "gpt2": ("GPT-2 small, random (12 × 12 heads of 64), 16 × 64 tokens", gpt2),
}


def _timed(work: Callable[[], object]) -> float:
    begun = time.thread_time()
    work()
    return time.thread_time() - begun


def report(repetitions: int) -> str:
    """The tables, as Markdown."""
    rows = []
    for setup, (title, make) in SETUPS.items():
        model, probe = make()
        seconds = {name: statistics.median(values) for name, values in holding(model, probe, repetitions).items()}
        recording = capture(model, probe, batch_size=BATCH)
        ours, plain, size = writing(recording, repetitions)
        heads = sum(layer.heads for layer in recording.layers)
        memory = {what: peak_memory(setup, what) for what in ("bare", "record")}
        rows.append(
            [
                title,
                f"{probe.record.tokens:,}",
                f"{1e3 * seconds['bare']:.0f} ms",
                f"{seconds['samples'] / seconds['bare']:.2f}",
                f"{seconds['record'] / seconds['bare']:.2f}",
                f"{size / probe.record.tokens / heads:.0f}",
                f"{size / statistics.median(ours) / 1e6:.0f} MB/s",
                f"{statistics.median(plain) / statistics.median(ours):.2f}",
                f"{memory['record'] - memory['bare']:.0f} MB",
            ]
        )
        print(" | ".join(rows[-1]), flush=True)
    header = [
        "model and probe",
        "tokens",
        "bare pass",
        "samples alone ÷ bare (aim ≤ 1.1)",
        "`record()` ÷ bare (aim ≤ 1.5)",
        "bytes a token and head",
        "writer",
        "writer ÷ plain write (aim ≥ 0.5)",
        "peak memory more",
    ]
    return page.table(header, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    logging.disable(logging.INFO)
    warnings.simplefilter("ignore", AttentionWarning)
    torch.set_num_threads(1)
    if arguments.peak:
        setup, what = arguments.peak
        print(peak(*SETUPS[setup][1](), what))
        return
    used = page.machine("torch", "transformers", "numpy", "protobuf")
    table = f"{used}; medians of {arguments.repetitions} repetitions.\n\n{report(arguments.repetitions)}"
    if arguments.write:
        page.write("cost", table)
    print(f"\n{table}")


if __name__ == "__main__":
    main()
