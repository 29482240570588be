"""Attention figures in an experiment tracker: wandb, offline, and the Attention tab of the same run beside it.

pip install wandb
python -m demo.tracker --directory tracked
tensorboard --logdir tracked; wandb sync tracked/wandb/offline-run-*
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch.nn import functional

from demo.decoder import Decoder
from tb_attnviz.callbacks import AttentionRecorder, synthetic
from tb_attnviz.events import Alert

VOCABULARY = 64


def main(directory: Path, *, steps: int) -> dict[str, float]:
    """Trains a small decoder on sequences that repeat themselves; gives the last value of all that wandb was told."""
    import wandb

    torch.manual_seed(0)
    model = Decoder(VOCABULARY, width=32, heads=2, layers=2, longest=32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    run = wandb.init(project="attention", dir=directory, mode="offline")

    def report(step: int, figures: Mapping[str, float], alerts: Sequence[Alert]) -> None:
        run.log({**figures, "trainer/global_step": step})
        for alert in alerts:
            if alert.raised:
                run.alert("attention", alert.sentence)

    probe = synthetic.repeated_tokens(VOCABULARY, count=8, period=12)
    with AttentionRecorder(model, probe, logdir=directory / "run", every=10, on_record=report) as recorder:
        for step in range(steps + 1):
            ids = torch.randint(VOCABULARY, (32, 12)).repeat(1, 2)  # (batch, n)
            loss = functional.cross_entropy(model(ids)[:, :-1].transpose(1, 2), ids[:, 1:])
            recorder.step(step)
            run.log({"loss": loss.item(), "trainer/global_step": step})
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    last = dict(run.summary)
    run.finish()
    return last


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Attention figures in wandb, offline.")
    parser.add_argument("--directory", type=Path, default=Path("tracked"))
    parser.add_argument("--steps", type=int, default=200)
    given = parser.parse_args()
    given.directory.mkdir(parents=True, exist_ok=True)
    main(given.directory, steps=given.steps)
