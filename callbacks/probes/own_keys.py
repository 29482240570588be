"""Own keys: those that a model attends to beside the probe's tokens (memory, a learned prefix, a bias), named."""

import dataclasses

import torch
from torch import Tensor

from tb_attnviz.events import ProbeRecord
from tb_attnviz.events import Sequence as ProbeSequence

Beside = tuple[int, int]  # how many there are before the tokens of a sequence, and behind them


def named_beside(record: ProbeRecord, beside: Beside) -> ProbeRecord:
    """`record` with key_tokens: its tokens, and so many keys of the model's own, which are numbered from 1."""
    return ProbeRecord(
        tuple(dataclasses.replace(one, key_tokens=_with_own_keys(one, *beside)) for one in record.sequences)
    )


def present_beside(present: Tensor, beside: Beside) -> Tensor:
    """Which positions of keys hold one, [sequences, before + width + behind]; present [sequences, width]."""
    before, behind = (torch.ones(len(present), count, dtype=torch.bool) for count in beside)
    return torch.cat([before, present.cpu(), behind], dim=1)


def _with_own_keys(sequence: ProbeSequence, before: int, behind: int) -> ProbeSequence:
    names = [f"memory {number}" for number in range(1, before + behind + 1)]
    return dataclasses.replace(
        sequence,
        tokens=(*names[:before], *sequence.tokens, *names[before:]),
        repeat=None,
        labels={},
        grid=None if behind else sequence.grid,
        image=None if behind else sequence.image,
        key_tokens=None,
        grid_labels=(),
    )
