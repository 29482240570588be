"""Masks of a batch: one that layers share is read once, none is held longer than it is of use."""

import weakref

import torch

from tb_attnviz.callbacks.capture import masks
from tb_attnviz.callbacks.capture.bands import read_band
from tb_attnviz.callbacks.probes.side import Side
from tb_attnviz.callbacks.tracing.attention_call import AttentionCall

N = 6
SIDE = Side("tokens", torch.ones(2, N, dtype=torch.bool))


def call(mask):
    return AttentionCall("a", torch.zeros(2, 1, N, 4), torch.zeros(2, 1, N, 4), 1.0, False, mask)


def causal():
    return torch.ones(2, 1, N, N, dtype=torch.bool).tril()


def test_views_of_one_mask_are_read_once_until_it_is_written_over(monkeypatch):
    read = []
    monkeypatch.setattr(masks, "read_band", lambda *given: read.append(given) or read_band(*given))
    of_batch, mask = masks.Masks(), causal()
    found = [of_batch.read(call(mask[:, :, :, :N]), SIDE, SIDE).mask.window for _ in range(3)]
    assert (found, len(read)) == ([(None, 0)] * 3, 1)
    mask[:] = True
    assert of_batch.read(call(mask[:, :, :, :N]), SIDE, SIDE).mask.window == (None, None)
    assert len(read) == 2


def test_masks_that_each_layer_makes_anew_are_let_go():
    of_batch, left = masks.Masks(), []
    for _ in range(40):
        mask = causal()
        left.append(weakref.ref(mask))
        of_batch.read(call(mask), SIDE, SIDE)
        del mask
    assert sum(mask() is not None for mask in left) <= 4
