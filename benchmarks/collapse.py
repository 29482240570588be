"""Does an alert come before the loss is lost? Small models, whose learning rate grows until it is far too high.

    python -m benchmarks.collapse

The loss, of sequences that are not trained on, is won when it is under 90 % of its value at step 0, and then lost when
it is above that value again, or not finite. The alert must have been raised at an earlier step, by a recorder that
records every fifth. With a growth of 1 the learning rate stays sound: no alert should be raised.
"""

import argparse
import dataclasses
import logging
import math
import tempfile
import warnings

import torch
from torch import Tensor, nn
from torch.nn import functional

from tb_attnviz.callbacks import AttentionRecorder, AttentionWarning, Probe
from tb_attnviz.events import Alert
from tb_attnviz.run import open_run

VOCABULARY, LENGTH, PERIOD, WIDTH, HEADS, LAYERS = 32, 24, 12, 64, 4, 2
STEPS, EVERY = 500, 5
LEARNING_RATE, GROWTH = 1e-3, 1.015  # after 500 steps: 1.7


class Attention(nn.Module):
    """Causal self-attention, nothing in it to bound its logits."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)  # each (batch, heads, n, d)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        out: Tensor = self.out(y.transpose(1, 2).flatten(-2))
        return out


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention_norm, self.attention, self.mlp_norm = nn.LayerNorm(WIDTH), Attention(), nn.LayerNorm(WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x))
        out: Tensor = x + self.mlp(self.mlp_norm(x))
        return out


class Decoder(nn.Module):
    """Predicts the next token of sequences that repeat themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.token, self.position = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.head = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, VOCABULARY))
        nn.init.normal_(
            self.head.get_parameter("1.weight"), std=0.02
        )  # as in GPT-2: it begins by knowing nothing, and no worse

    def forward(self, ids: Tensor) -> Tensor:
        x = self.token(ids) + self.position.weight[: ids.shape[1]]
        logits: Tensor = self.head(self.blocks(x))  # (batch, n, vocabulary)
        return logits


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Steps, or None for never."""

    alert: Alert | None
    lost: int | None
    loss: float  # the last one
    trouble: tuple[str, ...] = ()  # what the events say is wrong, at any step

    @property
    def early(self) -> bool | None:
        """Whether the alert came first; None if the loss was never lost."""
        if self.lost is None:
            return None
        return self.alert is not None and self.alert.step < self.lost


def train(seed: int, *, growth: float = GROWTH) -> Outcome:
    """Train one model until its loss is lost, with a learning rate that grows by `growth` a step."""
    torch.manual_seed(seed)
    model = Decoder()
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, growth)
    shown, held_out = _batch(8), _batch(64)
    probe = Probe(shown, [[str(token) for token in row] for row in shown.tolist()])
    raised: list[Alert] = []
    losses: list[float] = []
    with tempfile.TemporaryDirectory() as directory:
        with (
            warnings.catch_warnings(),
            AttentionRecorder(model, probe, directory, every=EVERY, on_alert=raised.append) as recorder,
        ):
            warnings.simplefilter("ignore", AttentionWarning)
            for step in range(STEPS):
                recorder.step(step)
                with torch.no_grad():
                    losses.append(_loss(model, held_out).item())
                if _is_lost(losses):
                    break
                optimizer.zero_grad()
                torch.autograd.backward(_loss(model, _batch(32)))
                optimizer.step()
                schedule.step()
        happened = open_run(directory).events()
    lost = len(losses) - 1 if _is_lost(losses) else None
    trouble = tuple(one.sentence for one in happened if one.trouble)
    return Outcome(next((alert for alert in raised if alert.raised), None), lost, losses[-1], trouble)


def _is_lost(losses: list[float]) -> bool:
    won = min(losses) < 0.9 * losses[0]
    return not math.isfinite(losses[-1]) or (won and losses[-1] > losses[0])


def _loss(model: Decoder, ids: Tensor) -> Tensor:
    return functional.cross_entropy(model(ids)[:, :-1].transpose(1, 2), ids[:, 1:])


def _batch(size: int) -> Tensor:
    """Random tokens, twice over, (size, LENGTH)."""
    half = torch.randint(VOCABULARY, (size, PERIOD))
    return half.repeat(1, LENGTH // PERIOD)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=8)
    arguments = parser.parse_args()
    logging.disable(logging.INFO)
    torch.set_num_threads(1)
    for growth in (1, GROWTH):
        outcomes = [train(seed, growth=growth) for seed in range(arguments.seeds)]
        for seed, outcome in enumerate(outcomes):
            alert = f"{outcome.alert.rule} at {outcome.alert.step}" if outcome.alert else "none"
            lost = "never" if outcome.lost is None else f"at {outcome.lost}"
            print(f"growth {growth}, seed {seed}: alert {alert}; loss lost {lost}; last {outcome.loss:.3f}", flush=True)
        lost_ones = [outcome for outcome in outcomes if outcome.lost is not None]
        early = sum(outcome.early is True for outcome in lost_ones)
        print(f"growth {growth}: the alert came first in {early} of {len(lost_ones)}\n")


if __name__ == "__main__":
    main()
