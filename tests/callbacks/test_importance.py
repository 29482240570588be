"""Importance: first order against finite differences, exact against the same model with its heads taken out by hand."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tb_attnviz.callbacks import Probe
from tb_attnviz.callbacks.attribution.importance import exact, first_order
from tb_attnviz.callbacks.attribution.shown import Shown
from tb_attnviz.callbacks.capture import capture
from tests.callbacks.models import IDS, LENGTHS, TOKENS, Decoder

PRESENT = torch.arange(9) < torch.tensor(LENGTHS)[:, None]  # (sequences, width)


def per_sequence(logits, ids):
    """Next-token loss of each sequence, by hand."""
    losses = []
    for row, tokens, n in zip(logits, ids, LENGTHS, strict=True):
        losses.append(functional.cross_entropy(row[: n - 1], tokens[1:n]) if n > 1 else row.sum() * 0)
    return torch.stack(losses)


def outputs(model):
    """What each layer's output projection is given on the probe, [sequences, width, heads, d]."""
    found = {}
    hooks = [
        block.out.register_forward_pre_hook(lambda _, args, n=n: found.update({n: args[0].unflatten(-1, (2, -1))}))
        for n, block in enumerate(model.blocks)
    ]
    with torch.no_grad():
        model(IDS)
    for hook in hooks:
        hook.remove()
    return found


def loss_towards_mean(model, layer, head, share):
    """Losses [sequences] with the head's outputs moved by `share` of the way to their mean over all tokens."""
    mean = outputs(model)[layer][PRESENT][:, head].mean(0)

    def move(_, args):
        x = args[0].unflatten(-1, (2, -1)).clone()
        x[:, :, head] += share * (mean - x[:, :, head])
        return (x.flatten(-2),)

    hook = model.blocks[layer].out.register_forward_pre_hook(move)
    with torch.no_grad():
        losses = per_sequence(model(IDS), IDS)
    hook.remove()
    return losses


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return Decoder().double().eval()


@pytest.mark.parametrize("loss", ["auto", lambda output, ids: per_sequence(output, ids)])
@pytest.mark.parametrize("batch_size", [4, 32])
def test_first_order_is_the_slope_towards_the_mean_and_exact_is_its_end(model, loss, batch_size):
    probe = Probe(IDS, TOKENS)
    layers = capture(model, probe).layers
    shown = Shown(model, probe, nn.Module.__call__, batch_size, loss, is_decoder=True)
    found = first_order(shown, layers)
    before = per_sequence(model(IDS), IDS).detach()
    assert found.loss == pytest.approx(float(before.mean()))
    ends = exact(shown, layers, found.means)
    step = 1e-5
    for layer in range(2):
        for head in range(2):
            there, back = (loss_towards_mean(model, layer, head, share) for share in (step, -step))
            slopes = (there - back) / (2 * step)
            np.testing.assert_allclose(found.effects[f"blocks.{layer}"][:, head], slopes, atol=1e-7)
            rise = loss_towards_mean(model, layer, head, 1.0) - before
            assert ends[2 * layer + head] == pytest.approx(float(rise.mean()), abs=1e-7)
