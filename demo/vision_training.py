"""Training the vision transformer with an AttentionRecorder, and telling which heads have formed."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.tensorboard import SummaryWriter

import tb_attnviz
from demo.patch_heads import leanings
from demo.photographs import CROP, Photographs, reduced
from demo.vision_transformer import VisionTransformer
from tb_attnviz.callbacks import AttentionRecorder, Probe

_SEED, _PROBE_SEED = 0, 1
_BATCH, _PROBE = 32, 24  # images
_PATCH, _GRID = 4, CROP // 4
_HIDDEN = 0.5  # share of the patches that the model must paint
_LEARNING_RATE, _WARM_UP = 3e-3, 100
_EVERY = 25  # steps between two checkpoints; at first, when all heads change fast, they are closer:
_EARLY = frozenset({10, 40})
_FORMED = 0.5  # share of attention on a patch's own row or column


def train(directory: Path, steps: int) -> None:
    """Train for `steps` steps, and record the run in `directory`."""
    torch.set_num_threads(min(max((os.cpu_count() or 2) - 1, 1), 4))  # one processor is left to TensorBoard
    torch.manual_seed(_SEED)
    model = VisionTransformer(grid=_GRID, patch=_PATCH, width=96, heads=4, layers=3)
    originals = Photographs(seed=_PROBE_SEED).originals(_PROBE)
    crops = reduced(originals)
    probe = Probe.from_images(list(originals), crops, patch_size=_PATCH, special=("[CLS]",))
    print(
        f"Training a vision transformer of 3 layers with 4 heads for {steps:,} steps on crops of two photographs:\n"
        "to paint hidden patches, heads must look along rows and columns, and for patches that are alike.\n"
    )
    begun = time.monotonic()
    with (
        SummaryWriter(directory, flush_secs=5) as writer,
        AttentionRecorder(model, probe, writer, every=_EVERY, values="norms") as recorder,
    ):
        for step, loss in enumerate(_learn(model, steps)):
            if step in _EARLY or step == steps:
                recorder.record(step)
            else:
                recorder.step(step)
            writer.add_scalar("loss/hidden", loss, step)
            if step % 100 == 0:
                print(f"step {step:5,}   loss {loss:.4f}", flush=True)
    _report(directory, crops)
    size = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
    print(f"\nDone in {time.monotonic() - begun:.0f} s: {size / 1e6:.0f} MB in {directory}")


def _learn(model: VisionTransformer, steps: int) -> Iterator[float]:
    """Train, and yield the loss of each step, 0 to `steps`, before its update: the model is then that of the step."""
    photographs = Photographs(seed=_SEED)
    optimizer = torch.optim.AdamW(model.parameters(), lr=_LEARNING_RATE, betas=(0.9, 0.95))
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1 / _WARM_UP, total_iters=_WARM_UP)
    for _ in range(steps + 1):
        images = photographs.crops(_BATCH)  # (batch, 3, height, width)
        hidden = torch.rand(_BATCH, _GRID**2) < _HIDDEN  # (batch, patches)
        painted = model(images, hidden)
        loss = functional.mse_loss(painted[hidden], _patches(images)[hidden])
        yield loss.item()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()


def _patches(images: Tensor) -> Tensor:
    """The pixels of every patch, (batch, patches, 3 · patch²)."""
    return functional.unfold(images, _PATCH, stride=_PATCH).transpose(1, 2)


def _report(directory: Path, crops: Tensor) -> None:
    run = tb_attnviz.open_run(directory)
    brightness = _patches(crops).mean(dim=2).numpy()  # [sequences, patches]
    print()
    for (layer, head), leaning in leanings(run, run.steps[-1], brightness, grid=_GRID).items():
        for name, share in (("row", leaning.row), ("column", leaning.column)):
            if share >= _FORMED:
                print(f"Layer {layer}, head {head} looks along its {name}: {share:.0%} of its attention")
