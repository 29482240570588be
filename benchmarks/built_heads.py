"""Heads built by hand: attention whose kind is known, through a training that plants it and takes it away again.

Every query is a unit vector of its own and every key a row of logits, so that the logits of a head are exactly those
that are written down. A kind is planted by raising the logits of the keys that it is about until they hold the share of
attention that is asked for, above random logits that are the head's own.
"""

import dataclasses
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from tb_attnviz.callbacks import AttentionRecorder, Probe
from tb_attnviz.run import Run, open_run

Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

STEPS = tuple(range(0, 2600, 100))
FORMING, FORMED, FADING, GONE = 200, 400, 1600, 2000  # the first step of each part of the script
_HEADS = 12  # a layer


@dataclasses.dataclass(frozen=True)
class Setting:
    """What heads are shown. Sequences are `length` tokens each, patches and [CLS] where there is a `grid`."""

    length: int
    causal: bool
    periods: tuple[int, ...] = ()  # of sequences that repeat themselves
    texts: int = 8
    grid: tuple[int, int] | None = None
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Planted:
    """A head: of `kind` with `share` of its attention while the script has it so; "": of none that has a name."""

    kind: str
    share: float
    weak: bool = False  # less than it takes to be called so
    offset: int | tuple[int, int] = 0


class Scripted(nn.Module):
    """Layers of heads that attend as `logits` say: of each layer [sequences, heads, n, n]."""

    def __init__(self, layers: int, *, causal: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Identity() for _ in range(layers))  # one module a layer names it
        self.attentions = nn.ModuleList(_Attention(causal=causal) for _ in range(layers))

    def forward(self, ids: Tensor) -> Tensor:
        total = torch.zeros(())
        for attention in self.attentions:
            total = total + attention(ids).sum()
        return total


class _Attention(nn.Module):
    def __init__(self, *, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.queries, self.keys = torch.zeros(0), torch.zeros(0)

    def forward(self, ids: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(
            self.queries, self.keys, self.keys, is_causal=self.causal, scale=1.0
        )


def record(heads: Sequence[Planted], setting: Setting, directory: Path, *, steps: Sequence[int] = STEPS) -> Run:
    """Record the scripted training of `heads`, in layers of _HEADS."""
    rng = np.random.default_rng(setting.seed)
    tokens, probe = _probe(setting, rng)
    built = [_Built(head, tokens, setting, rng) for head in heads]
    for place, head in enumerate(heads):
        if head.kind == "copy":
            built[place].original = built[place - 1]
    layers = [built[first : first + _HEADS] for first in range(0, len(built), _HEADS)]
    model = Scripted(len(layers), causal=setting.causal)

    def be_at(step: int) -> None:
        for attention, of_layer in zip(model.attentions, layers, strict=True):
            vectors = [one.vectors(step, rng) for one in of_layer]
            attention.queries, attention.keys = (
                torch.tensor(np.stack(x, axis=1), dtype=torch.float32) for x in zip(*vectors, strict=True)
            )

    be_at(steps[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with AttentionRecorder(model, probe, directory, every=1, rules=()) as recorder:
            for step in steps:
                be_at(step)
                recorder.record(step)
    return open_run(directory)


def strength(step: int) -> float:
    """How far the script has a head be what is planted, from 0 to 1."""
    up, down = (step - FORMING) / (FORMED - FORMING), (GONE - step) / (GONE - FADING)
    return float(np.clip(min(up, down), 0, 1))


class _Built:
    """One head: its logits on every sequence, [sequences, n, n], at any step of the script."""

    def __init__(self, head: Planted, tokens: list[list[str]], setting: Setting, rng: np.random.Generator) -> None:
        shape = (len(tokens), len(tokens[0]), len(tokens[0]))
        self._head, self._tokens = head, tokens
        self._visible = np.tril(np.ones(shape[1:], np.bool_)) if setting.causal else np.ones(shape[1:], np.bool_)
        self._own = rng.normal(scale=1.6, size=shape)
        self._other = rng.normal(scale=2.5, size=shape)
        self._targets = np.stack([_targets(head, one, setting, rng) for one in tokens]) & self._visible
        self._logits: dict[int, Float64] = {}
        self.original: _Built | None = None

    def vectors(self, step: int, rng: np.random.Generator) -> tuple[Float64, Float64]:
        """Queries and keys, [sequences, n, n] each."""
        logits = self.logits(step, rng)
        n = logits.shape[-1]
        keys = logits.swapaxes(1, 2)
        queries = np.broadcast_to(np.eye(n), logits.shape)
        if self._head.kind == "dead":
            left = 1 - strength(step)
            queries = left * queries + (1 - left) / n
        return queries, keys

    def logits(self, step: int, rng: np.random.Generator) -> Float64:
        if step not in self._logits:
            self._logits[step] = self._made(step, strength(step), rng)
        return self._logits[step]

    def _made(self, step: int, strength: float, rng: np.random.Generator) -> Float64:
        kind = self._head.kind
        jitter = rng.normal(scale=0.03 if kind == "unchanged" else 0.2, size=self._own.shape)
        if kind in ("unchanged", "dead"):
            return self._own + jitter
        if kind == "copy":
            assert self.original is not None
            return (1 - strength) * self._own + strength * self.original.logits(step, rng) + 0.2 * jitter
        if kind == "":
            return (1 - strength) * self._own + strength * self._other + jitter
        if kind == "uniform":
            return (1 - strength) * (self._own + jitter) + strength * 0.3 * jitter
        if kind == "broad":
            return (1 - 0.45 * strength) * self._own + jitter
        lifted = self._own + jitter
        return lifted + strength * _lift(lifted, self._targets, self._visible, self._head.share)


def _lift(logits: Float64, targets: Bool, visible: Bool, share: float) -> Float64:
    """What is to be added for `targets` to get `share` of each query's attention; queries without any stay."""
    weights = np.exp(logits) * visible
    on, off = (np.where(where, weights, 0).sum(axis=-1) for where in (targets, ~targets))
    both = (on > 0) & (off > 0)
    lift = np.log(share / (1 - share)) + np.log(np.where(both, off, 1)) - np.log(np.where(both, on, 1))
    return np.where(targets, np.where(both, lift, 0)[..., None], 0.0)


def _targets(head: Planted, tokens: list[str], setting: Setting, rng: np.random.Generator) -> Bool:
    """[n, n]: the keys that each query of the planted head attends to."""
    n = len(tokens)
    query, key = np.arange(n)[:, None], np.arange(n)[None]
    offset, no = key - query, np.zeros((n, n), np.bool_)
    same = np.array([[a == b for b in tokens] for a in tokens])
    period = _period(tokens)
    rows, columns = setting.grid or (1, n)
    patch = np.arange(n) - (n - rows * columns)
    down = np.where((patch[None] >= 0) & (patch[:, None] >= 0), patch[None] // columns - patch[:, None] // columns, 99)
    right = np.where((patch[None] >= 0) & (patch[:, None] >= 0), patch[None] % columns - patch[:, None] % columns, 99)
    found: dict[str, Callable[[], Bool]] = {
        "previous": lambda: offset == -1,
        "next": lambda: offset == 1,
        "self": lambda: (offset == 0) & (query > 0),
        "fixed": lambda: offset == head.offset,
        "first": lambda: (key == 0) & (query > 0),
        "delimiter": lambda: no | np.array([t.startswith("[SEP") or t == "</s>" for t in tokens])[None],
        "punctuation": lambda: no | np.array([t in ",.;" for t in tokens])[None],
        "same token": lambda: same & (offset != 0) & np.array([t.isalpha() for t in tokens])[:, None],
        "induction": lambda: (offset == 1 - period) & (query >= period) if period else no,
        "local": lambda: (
            (np.abs(offset) <= 3) & (rng.random((n, n)) < 0.6)
            if setting.grid is None
            else (np.abs(down) <= 1) & (np.abs(right) <= 1) & (rng.random((n, n)) < 0.6)
        ),
        "collapsed": lambda: no | (key == int(rng.integers(2, n // 4))),
        "row": lambda: (down == 0) & (right != 0),
        "column": lambda: (right == 0) & (down != 0),
        "patch": lambda: (down == head.offset[0]) & (right == head.offset[1]) if isinstance(head.offset, tuple) else no,
        "label": lambda: (_bright(tokens)[:, None] == _bright(tokens)[None]) & (offset != 0),
    }
    return found.get(head.kind, lambda: no)()


def _bright(tokens: list[str]) -> npt.NDArray[np.int64]:
    """In which of four parts the brightness of each patch is; of [CLS] none."""
    return np.array([-1 - i if not t.startswith("b") else int(t[1]) for i, t in enumerate(tokens)])


def _period(tokens: list[str]) -> int:
    """With which a sequence repeats itself from its first token on; 0: it does not."""
    return next((p for p in range(4, len(tokens) // 2 + 1) if tokens[p:] == tokens[:-p]), 0)


def _probe(setting: Setting, rng: np.random.Generator) -> tuple[list[list[str]], Probe]:
    """The tokens as heads are built for them, and the probe."""
    if setting.grid is not None:
        size = setting.grid[0] * setting.grid[1]
        parts = np.stack([rng.permutation(np.arange(size) % 4) for _ in range(setting.texts)])
        tokens = [["[CLS]", *(f"b{part}" for part in row)] for row in parts.tolist()]
        brightness = [[float("nan"), *((row + 0.5 + 0.4 * rng.random(size)) / 5)] for row in parts]
        ids = torch.zeros(len(tokens), size + 1, dtype=torch.long)
        names = [["[CLS]", *(f"p{place}" for place in range(size))]] * len(tokens)
        probe = Probe(ids, names, kind="image", grid=setting.grid, labels={"brightness": brightness})
        return tokens, probe
    words = [f"w{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(60)]
    tokens = []
    for _ in range(setting.texts):
        text = rng.choice(words, setting.length).tolist()
        for place in rng.choice(np.arange(3, setting.length - 2), setting.length // 8, replace=False):
            text[place] = str(rng.choice([",", ".", ";"]))
        if not setting.causal:
            text[0], text[-1], text[setting.length // 2] = "[CLS]", "[SEP]", "[SEP]"
        else:
            text[0], text[setting.length // 6], text[setting.length // 2] = "<s>", "</s>", "</s>"
        tokens.append(text)
    for period in setting.periods:
        once = rng.choice(words, period, replace=False).tolist()
        tokens.append((once * setting.length)[: setting.length])
    ids = torch.zeros(len(tokens), setting.length, dtype=torch.long)
    return tokens, Probe(ids, tokens)
