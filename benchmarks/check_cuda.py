"""For whoever has a GPU: training on it stays the same bit for bit, figures are the processor's, and what it waits for.

    make check-cuda     # or: python -m benchmarks.check_cuda

Ends with 1 where something does not hold, and with 2 where there is no GPU.
"""

import contextlib
import statistics
import sys
import tempfile
import time
import warnings

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, Probe

IDS = torch.arange(8 * 64).reshape(8, 64) * 7 % 512
PROBE = Probe(IDS[:4], [[str(token) for token in row] for row in IDS[:4].tolist()])


def made(device: str) -> nn.Module:
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=512, n_positions=64, n_embd=128, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0)
    model: nn.Module = GPT2LMHeadModel(config)
    return model.to(device).train()


def train(device: str, directory: str | None, steps: int = 6) -> dict[str, Tensor]:
    """The weights after some steps with dropout, and the state of the generator."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    model = made(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    ids = IDS.to(device)
    options = {"every": 2, "batches": True, "rules": (), "on_error": "raise"}
    recorder = AttentionRecorder(model, PROBE, directory, **options) if directory else None  # type: ignore[arg-type]
    with recorder or contextlib.nullcontext():
        for step in range(steps):
            with recorder.batch(step) if recorder else contextlib.nullcontext():
                loss = model(ids, labels=ids).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if recorder:
                recorder.step(step)
    state = torch.cuda.get_rng_state() if device == "cuda" else torch.get_rng_state()
    return dict(model.state_dict()) | {"random state": state}


def figures(device: str) -> dict[str, npt.NDArray[np.float32]]:
    """Of the probe and of one batch in evaluation mode, without dropout: [heads]."""
    model = made(device).eval()
    with tempfile.TemporaryDirectory() as directory:
        with AttentionRecorder(model, PROBE, directory, every=1, batches=True, rules=()) as recorder:
            with recorder.batch(1):
                model(IDS.to(device))
            recorder.step(1)
        return {name: values[0] for name, values in tb_attnviz.open_run(directory).health([1]).items()}


def synchronisations(device: str) -> dict[str, int]:
    """How often the training thread waits for the device: in a pass that is looked at, and in a recording."""
    model = made(device)
    found: dict[str, int] = {}
    with (
        tempfile.TemporaryDirectory() as directory,
        AttentionRecorder(model, PROBE, directory, every=1, batches=True, rules=()) as recorder,
    ):
        ids = IDS.to(device)
        for name in ("bare pass", "pass that is looked at", "recording"):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                torch.cuda.set_sync_debug_mode("warn")
                if name == "recording":
                    recorder.step(1)
                else:
                    with recorder.batch(1) if name != "bare pass" else contextlib.nullcontext():
                        model(ids)
                torch.cuda.set_sync_debug_mode("default")
            found[name] = sum("synchronizing" in str(warning.message) for warning in caught)
    return found


def seconds(device: str, *, seen: bool, repetitions: int = 20) -> float:
    """Of a training pass and its backward pass, the median."""
    model, ids, found = made(device), IDS.to(device), []
    with (
        tempfile.TemporaryDirectory() as directory,
        AttentionRecorder(model, PROBE, directory, every=1, batches=True, rules=()) as recorder,
    ):
        for _ in range(repetitions):
            torch.cuda.synchronize()
            begun = time.perf_counter()
            with recorder.batch(1) if seen else contextlib.nullcontext():
                model(ids, labels=ids).loss.backward()
            torch.cuda.synchronize()
            found.append(time.perf_counter() - begun)
    return statistics.median(found)


def main() -> int:
    if not torch.cuda.is_available():
        print("There is no GPU that torch can use here: nothing was checked.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as directory:
        recorded, plain = train("cuda", directory), train("cuda", None)
    changed = [name for name in plain if not torch.equal(recorded[name], plain[name])]
    print(f"training bit for bit: {'the same' if not changed else 'changed in ' + ', '.join(changed)}")
    own, reference = figures("cuda"), figures("cpu")
    off = {
        name: float(np.nanmax(np.abs(own[name] - values) / (np.abs(values) + 1e-3), initial=0))
        for name, values in reference.items()
    }
    wrong = [name for name, error in off.items() if error > 1e-2]
    print("figures, relative difference from the processor's:", {name: f"{error:.1e}" for name, error in off.items()})
    print("synchronisations:", synchronisations("cuda"))
    print(f"pass that is looked at ÷ bare pass: {seconds('cuda', seen=True) / seconds('cuda', seen=False):.2f}")
    return 1 if changed or wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
