"""Importance: first order against finite differences, exact against the same model with its heads taken out by hand."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tb_attnviz import open_run
from tb_attnviz.callbacks import AttentionRecorder, Probe
from tb_attnviz.callbacks.attribution.importance import exact, first_order, halfway
from tb_attnviz.callbacks.attribution.shown import Shown
from tb_attnviz.callbacks.capture import capture
from tests.callbacks import plain
from tests.callbacks.models import IDS, LENGTHS, MASK, TOKENS, Decoder

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
        block.out.register_forward_pre_hook(
            lambda _, args, n=n, heads=block.heads: found.update({n: args[0].unflatten(-1, (heads, -1))})
        )
        for n, block in enumerate(model.blocks)
    ]
    with torch.no_grad():
        model(IDS)
    for hook in hooks:
        hook.remove()
    return found


def loss_towards_mean(model, layer, head, share, others=0.0):
    """Losses [sequences] with the head's outputs moved by `share` of the way to their mean over all tokens.

    others: the same of the layer's other head.
    """
    mean = outputs(model)[layer][PRESENT].mean(0)
    shares = torch.full((2, 1), others, dtype=mean.dtype)
    shares[head] = share

    def move(_, args):
        x = args[0].unflatten(-1, (2, -1))
        return ((x + shares * (mean - x)).flatten(-2),)

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


@pytest.mark.parametrize("batch_size", [4, 32])
@pytest.mark.parametrize("frozen", [False, True])
def test_halfway_is_the_slope_in_the_middle_of_the_way(model, batch_size, frozen):
    model.requires_grad_(not frozen)
    layers = capture(model, Probe(IDS, TOKENS)).layers
    shown = Shown(model, Probe(IDS, TOKENS), nn.Module.__call__, batch_size, "auto", is_decoder=True)
    found = halfway(shown, layers, first_order(shown, layers).means)
    model.requires_grad_(True)
    step = 1e-5
    for layer in range(2):
        for head in range(2):
            there, back = (loss_towards_mean(model, layer, head, 0.5 + share, 0.5) for share in (step, -step))
            np.testing.assert_allclose(found[f"blocks.{layer}"][:, head], (there - back) / (2 * step), atol=1e-7)


class HeadsFirst(plain.Plain):
    """[heads, batch, n, d]: as many heads as sequences."""

    @staticmethod
    def attend(layer, q, k, v, visible):
        y = functional.scaled_dot_product_attention(*(x.transpose(0, 1) for x in (q, k, v)), visible.transpose(0, 1))
        return y.transpose(0, 1), y


WAYS = [plain.MaskedFill, plain.BatchedHeads, plain.Einsum, plain.MultiQuery, plain.SoftCapWithSinks]
WAYS += [plain.FoldedHeads, plain.FoldedHeadsFused, HeadsFirst]


@pytest.mark.parametrize("kind", WAYS)
@pytest.mark.parametrize("frozen", [False, True])
def test_plain_code_is_attributed_as_a_perturbation_of_its_layers_says(kind, frozen):
    torch.manual_seed(0)
    model = kind().eval().requires_grad_(not frozen)
    inputs = {"input_ids": IDS, "attention_mask": MASK}
    probe = Probe(inputs, TOKENS)
    layers = capture(model, probe, health=False).layers

    def loss(output, given):
        return (output.square() * given["attention_mask"][..., None]).mean(dim=(1, 2))

    found = first_order(Shown(model, probe, nn.Module.__call__, 32, loss), layers)
    assert not found.refused
    given, added = {}, {}

    def perturb(layer, _, output):
        added[layer] = torch.zeros_like(output, requires_grad=True)
        given[layer] = output.detach().unflatten(-1, (plain.HEADS, -1))  # (sequences, n, heads, d)
        return output + added[layer]

    hooks = [
        layer.register_forward_hook(lambda _, args, output, n=n: perturb(n, args, output))
        for n, layer in enumerate(model.layers)
    ]
    gradients = torch.autograd.grad(loss(model(**inputs), inputs).sum(), list(added.values()))
    for hook in hooks:
        hook.remove()
    for n, (layer, gradient) in enumerate(zip(layers, gradients, strict=True)):
        own = given[n] - given[n][PRESENT].mean(0)
        own = torch.where(PRESENT[..., None, None], own, 0.0)
        expected = -(gradient.unflatten(-1, (plain.HEADS, -1)) * own).sum(dim=(1, 3))
        np.testing.assert_allclose(found.effects[layer.name], expected, atol=1e-5)


def test_attention_of_pytorchs_own_modules_is_attributed_with_and_without_its_weights():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(64, 16)
            self.attention = nn.MultiheadAttention(16, 2, batch_first=True)

        def forward(self, ids, need_weights):
            x = self.embedding(ids)
            y, weights = self.attention(x, x, x, need_weights=need_weights)
            assert (weights is None) != need_weights
            return y

    torch.manual_seed(0)
    model, probe = Own().eval(), Probe(IDS[:, :4], [row.tolist() for row in IDS[:, :4].numpy().astype(str)])
    effects = []
    for need_weights in (False, True):
        forward = lambda model, ids, n=need_weights: model(ids, n)  # noqa: E731
        layers = capture(model, probe, forward=forward).layers
        shown = Shown(model, probe, forward, 32, lambda output, ids: output.square().mean(dim=(1, 2)))
        effects.append(first_order(shown, layers).effects["attention"])
    np.testing.assert_allclose(*effects, atol=1e-6)
    assert np.abs(effects[0]).min() > 0


class Silent(Decoder):
    """Runs without gradients."""

    def forward(self, ids):
        with torch.no_grad():
            return super().forward(ids)


@pytest.mark.parametrize(
    ("kind", "around", "why"),
    [(Silent, torch.no_grad, "the loss has no gradient"), (Decoder, torch.inference_mode, "torch.inference_mode")],
)
def test_what_cannot_be_attributed_is_named_once_and_all_else_is_recorded(tmp_path, kind, around, why):
    model = kind()
    with around():
        with pytest.warns(RuntimeWarning, match=why) as told:
            recorder = AttentionRecorder(model, Probe(IDS, TOKENS), tmp_path, loss="auto", connections_every=1)
        recorder.record(0)
        recorder.record(1)
        recorder.close()
    assert len([warning for warning in told if why in str(warning.message)]) == 1
    run = open_run(tmp_path)
    assert run.steps == [0, 1]
    assert "importance" not in run.health()


def test_a_loss_that_is_none_is_said_before_training(tmp_path):
    probe = Probe(IDS, TOKENS)
    for loss, why in (
        (lambda output, ids: output, "a tensor"),
        (lambda output, ids: 1.0, "a float"),
        ("own", "is not known"),
    ):
        with pytest.raises(ValueError, match=why):
            AttentionRecorder(Decoder(), probe, tmp_path, loss=loss)
    gives_hidden_states = Probe({"input_ids": IDS, "attention_mask": MASK}, TOKENS)
    with pytest.raises(ValueError, match='loss="auto" finds no loss'):
        AttentionRecorder(plain.MaskedFill(), gives_hidden_states, tmp_path, loss="auto")
    with pytest.raises(ValueError, match="ablate_every says when"):
        AttentionRecorder(Decoder(), probe, tmp_path, ablate_every=10)


def test_no_gradient_is_left_and_backward_hooks_are_trainings_own(tmp_path):
    model, called = Decoder(), []
    model.head.register_full_backward_hook(lambda *_: called.append("module"))
    model.head.weight.register_hook(lambda *_: called.append("parameter"))
    options = {"loss": "auto", "ablate_every": 1, "connections_every": 1, "on_error": "raise"}
    with AttentionRecorder(model, Probe(IDS, TOKENS), tmp_path, **options) as recorder:
        recorder.record(0)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not called
    model(IDS).sum().backward()
    assert sorted(called) == ["module", "parameter"]


def test_the_loss_of_a_head_of_transformers_is_its_own(tmp_path):
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    model = BertForSequenceClassification(BertConfig(vocab_size=64, **sizes))
    inputs = {"input_ids": IDS, "attention_mask": MASK, "labels": torch.tensor([0, 1, 1, 0])}
    probe = Probe(inputs, TOKENS)
    with AttentionRecorder(model, probe, tmp_path, loss="auto", layers=0, heads=[1], on_error="raise") as recorder:
        recorder.record(0, ablate=True)
    found = open_run(tmp_path).importance()
    with torch.no_grad():
        assert found.loss[0] == pytest.approx(float(model.eval()(**inputs).loss), rel=1e-5)
    assert [(head.layer, head.head) for head in found.heads] == [(0, 1)]
    assert np.isfinite([found.heads[0].first_order, found.heads[0].exact]).all()


def test_gradients_that_float16_cannot_hold_are_not_rounded_to_nothing():
    """A loss of many tokens has gradients of less than 6e-8 each."""
    torch.manual_seed(0)
    model = Decoder().eval()
    found = {}
    for dtype in (torch.float32, torch.float16):
        for share in (1, 1e-6):
            model = model.to(dtype)
            shown = Shown(
                model, Probe(IDS, TOKENS), nn.Module.__call__, 4, lambda y, ids, share=share: y.float().mean() * share
            )
            layers = capture(model, shown.probe).layers
            found[dtype, share] = (
                np.concatenate([x.sum(0) for x in first_order(shown, layers).effects.values()]) / share
            )
    np.testing.assert_allclose(found[torch.float16, 1e-6], found[torch.float32, 1], rtol=0.05, atol=1e-4)
    np.testing.assert_allclose(found[torch.float16, 1], found[torch.float32, 1], rtol=0.05, atol=1e-4)
