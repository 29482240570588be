"""Figures of the training batch are those of its own queries and keys; test_neutral holds that training is the same."""

import contextlib
import copy
import functools
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.overrides import _len_torch_function_stack
from torch.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts
from transformers import BertConfig, BertModel, GPT2Config, GPT2Model

import tb_attnviz
from tb_attnviz.alerts import AttentionWarning
from tb_attnviz.callbacks import AttentionRecorder, Probe, attnviz_tap

NAMES = ("batch_max_logit", "batch_entropy", "batch_sink")
PROBE = Probe(torch.arange(8)[None], [list("abcdefgh")])
WIDTH, HEADS = 24, 3


def causal(n):
    return np.tril(np.ones((n, n), bool))[None, None]


def gpt2(implementation="sdpa"):
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=64, n_positions=200, n_embd=WIDTH, n_layer=2, n_head=HEADS, initializer_range=0.3)
    model = GPT2Model(config)
    model.set_attn_implementation(implementation)
    return model.train(), [block.attn.c_attn for block in model.h]


def bert(implementation="sdpa"):
    torch.manual_seed(0)
    config = BertConfig(vocab_size=64, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=HEADS,
                        intermediate_size=32, initializer_range=0.3)  # fmt: skip
    model = BertModel(config)
    model.set_attn_implementation(implementation)
    return model.train(), [
        x for block in model.encoder.layer for x in (block.attention.self.query, block.attention.self.key)
    ]


class Packed(nn.Module):
    """PyTorch's own module; its weights are asked for, or not."""

    def __init__(self, *, need_weights):
        super().__init__()
        self.embedding, self.need_weights = nn.Embedding(64, WIDTH), need_weights
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, dropout=0.1, batch_first=True)

    def forward(self, ids, attention_mask=None):
        x = self.embedding(ids)
        hidden = None if attention_mask is None else attention_mask == 0
        return self.attention(x, x, x, key_padding_mask=hidden, need_weights=self.need_weights)[0]


def by_hand(layers, visible, counted, stride=1):
    """The figures [3, heads of all layers] of (q, k), each [batch, heads, n, d], at real queries."""
    found = []
    for q, k in layers:
        logits = np.where(visible, q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]), -np.inf)
        weights = np.exp(logits - logits.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        real = np.broadcast_to(counted[:, None], weights.shape[:3])
        choices = np.broadcast_to(visible.sum(-1), real.shape)
        entropy = -np.where(weights > 0, weights * np.log(np.where(weights > 0, weights, 1)), 0).sum(-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            entropy = np.where(real & (choices > 1), entropy / np.log(choices), np.nan)[..., stride // 2 :: stride]
        sink = np.where(real, weights[..., 0], np.nan)[..., stride // 2 :: stride]
        largest = np.where(real[..., None], logits, -np.inf).max((0, 2, 3))
        found.append([largest, *(np.nanmean(np.nanmean(x, axis=2), axis=0) for x in (entropy, sink))])
    return np.concatenate(found, axis=1)


def watching(directory, model, train, **options):
    """The figures of the batch at step 1, [3, heads of all layers], where `train(recorder)` trains."""
    options = {"every": 1, "rules": (), "batches": True, "on_error": "raise"} | options
    with AttentionRecorder(model, options.pop("probe", PROBE), directory, **options) as recorder:
        train(recorder)
        recorder.step(1)
    figures = tb_attnviz.open_run(directory).health([1])
    return np.stack([figures[name][0] for name in NAMES])


def seen_by(projections, outputs):
    """Keeps what `projections` give in the training passes alone."""
    return [x.register_forward_hook(lambda module, _, y: outputs.append(y.detach().double().numpy())
                                    if torch.is_grad_enabled() else None) for x in projections]  # fmt: skip


def heads(x):
    return x.reshape(*x.shape[:2], HEADS, -1).swapaxes(1, 2)


def pairs(outputs):
    """(q, k) of every layer, from outputs that hold queries and keys together, or in turn."""
    if outputs[0].shape[-1] == WIDTH:
        return [(heads(q), heads(k)) for q, k in zip(outputs[::2], outputs[1::2], strict=True)]
    return [tuple(map(heads, np.split(x, 3, axis=-1)[:2])) for x in outputs]


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("make", [gpt2, bert])
def test_figures_are_those_of_the_batchs_own_queries_and_keys(make, implementation, tmp_path):
    """Padded, with dropout: what is padding, the mask that the attention was called with says."""
    model, projections = make(implementation)
    mask = torch.tensor([[1] * n + [0] * (12 - n) for n in (12, 5, 9)])
    ids, outputs = torch.randint(64, (3, 12)), []
    hooks = seen_by(projections, outputs)

    def train(recorder):
        with recorder.batch(1):
            model(ids, attention_mask=mask).last_hidden_state.sum().backward()
        for hook in hooks:
            hook.remove()

    found = watching(tmp_path, model, train)
    real = mask.numpy().astype(bool)
    visible = real[:, None, None] & (causal(12) if make is gpt2 else True) | np.zeros((1, 1, 12, 1), bool)
    np.testing.assert_allclose(found, by_hand(pairs(outputs), visible, real), rtol=2e-5)


@pytest.mark.parametrize("need_weights", [True, False])
def test_figures_of_pytorchs_own_module(need_weights, tmp_path):
    torch.manual_seed(0)
    model, mask = Packed(need_weights=need_weights).train(), torch.tensor([[1] * 6, [1, 1, 1, 1, 0, 0]])
    ids = torch.randint(64, (2, 6))

    def train(recorder):
        with recorder.batch(1):
            model(ids, mask).sum().backward()

    found = watching(tmp_path, model, train)
    weight, bias = (x.detach().double().numpy() for x in (model.attention.in_proj_weight, model.attention.in_proj_bias))
    projected = model.embedding(ids).detach().double().numpy() @ weight.T + bias
    real = mask.numpy().astype(bool)
    expected = by_hand(pairs([projected]), real[:, None, None] | np.zeros((1, 1, 6, 1), bool), real)
    np.testing.assert_allclose(found, expected, rtol=2e-5)


def test_the_largest_logit_of_long_sequences_is_exact_and_the_rest_of_some_queries(tmp_path):
    model, projections = gpt2()
    ids, outputs = torch.randint(64, (2, 150)), []
    hooks = seen_by(projections, outputs)

    def train(recorder):
        with recorder.batch(1):
            model(ids)
        for hook in hooks:
            hook.remove()

    found = watching(tmp_path, model, train)
    expected = by_hand(pairs(outputs), causal(150), np.ones((2, 150), bool), 3)
    np.testing.assert_allclose(found, expected, rtol=2e-5)
    every_query = by_hand(pairs(outputs), causal(150), np.ones((2, 150), bool))
    np.testing.assert_allclose(found[1:], every_query[1:], atol=0.05)


class Blocks(nn.Module):
    """Two causal attentions whose activations may be computed again in the backward pass."""

    def __init__(self, reentrant=None):
        super().__init__()
        self.reentrant, self.embedding = reentrant, nn.Embedding(64, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(2))

    def forward(self, ids):
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x) if self.reentrant is None else checkpoint(block, x, use_reentrant=self.reentrant)
        return x


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        return x + functional.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(-2)


def blocks(**options):
    torch.manual_seed(0)
    return Blocks(**options).train()


IDS = torch.arange(60).reshape(4, 15)


def step_through(model, ids=IDS):
    def train(recorder):
        with recorder.batch(1):
            model(ids).sum().backward()

    return train


@pytest.mark.parametrize("reentrant", [True, False])
def test_what_backward_computes_again_does_not_count_again(reentrant, tmp_path):
    plain, again = blocks(), blocks(reentrant=reentrant)
    shown = []

    def train(recorder):
        with recorder.batch(1):
            again(IDS[:2]).sum().backward()
            shown.append({name: count for name, (_, count) in recorder._batches._found.items()})
            again(IDS[2:]).sum().backward()

    found = watching(tmp_path / "again", again, train)
    assert shown == [{"blocks.0": 1, "blocks.1": 1}]
    np.testing.assert_array_equal(found[0], watching(tmp_path / "plain", plain, step_through(plain))[0])


def test_a_selective_checkpoint_hands_backward_the_products_of_the_pass_alone(tmp_path):
    """It saves some operations by name and number, in forward, and hands them out in that order."""

    class Plain(Block):
        def __init__(self):
            super().__init__()
            self.out = nn.Linear(WIDTH, WIDTH)

        def forward(self, x):
            q, k, v = self.qkv(x).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
            return x + self.out(((q @ k.mT).softmax(-1) @ v).transpose(1, 2).flatten(-2))

    saved = functools.partial(create_selective_checkpoint_contexts, [torch.ops.aten.bmm.default])
    torch.manual_seed(0)
    embedding, block = nn.Embedding(64, WIDTH), Plain()
    model = nn.ModuleDict({"embedding": embedding, "block": block}).train()
    model.forward = lambda ids: checkpoint(block, embedding(ids), use_reentrant=False, context_fn=saved)

    def gradients(within):
        model.zero_grad()
        with within:
            model(IDS).sin().sum().backward()
        return [x.grad for x in model.parameters()]

    plain = gradients(contextlib.nullcontext())
    watched = []
    found = watching(tmp_path, model, lambda recorder: watched.extend(gradients(recorder.batch(1))))
    assert np.isfinite(found).all()
    assert all(torch.equal(one, other) for one, other in zip(watched, plain, strict=True))


def test_of_several_passes_the_largest_and_the_means(tmp_path):
    def both(recorder):
        for part in (IDS[:1], IDS[1:]):
            with recorder.batch(1):
                model(part).sum().backward()

    model = blocks()
    found = watching(tmp_path / "both", model, both)
    one, two = (watching(tmp_path / str(len(part)), model, step_through(model, part)) for part in (IDS[:1], IDS[1:]))
    np.testing.assert_array_equal(found[0], np.maximum(one, two)[0])
    np.testing.assert_allclose(found[1:], (one + two)[1:] / 2, rtol=1e-6)


def test_a_recording_or_an_evaluation_within_the_pass_is_none_of_its_batch(tmp_path):
    model = blocks()

    def train(recorder):
        with recorder.batch(1):
            model(IDS).sum().backward()
            recorder.record(1)
            with torch.no_grad():
                model(IDS[1:])  # as reinforcement learning asks a policy in training mode
                model.eval()(IDS[:1])

    found = watching(tmp_path / "some", model.train(), train)
    np.testing.assert_array_equal(found, watching(tmp_path / "one", model.train(), step_through(model)))


def test_parts_that_are_called_by_themselves_and_chosen_heads(tmp_path):
    """As training_step does, which calls the parts of its module."""
    model = blocks()

    def parts(recorder):
        with recorder.batch(1):
            for _ in range(2):
                x = model.embedding(IDS)
                for block in model.blocks:
                    x = block(x)

    everything = watching(tmp_path / "whole", model, step_through(model))
    some = watching(tmp_path / "some", model, parts, layers=-1, heads=[0, 2])
    np.testing.assert_allclose(some, everything[:, [3, 5]], rtol=1e-6)


def test_a_tap_shows_what_a_training_pass_computes_out_of_sight(tmp_path):
    class Tapped(Block):
        def forward(self, x):
            q, k, v = self.qkv(x).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
            attnviz_tap(q, k, causal=True)
            hidden = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
            weights = (q @ k.mT / 8**0.5).masked_fill(hidden, -torch.inf).softmax(-1)
            return x + (weights @ v).transpose(1, 2).flatten(-2)

    plain, tapped = blocks(), blocks()
    for block in tapped.blocks:
        block.__class__ = Tapped
    found = watching(tmp_path / "tapped", tapped, step_through(tapped))
    np.testing.assert_allclose(found, watching(tmp_path / "plain", plain, step_through(plain)), rtol=1e-5)


def test_an_alert_says_whether_the_probe_or_the_training_batch_broke_the_rule(tmp_path):
    model, alerts = blocks(), []
    with torch.no_grad():
        model.embedding.weight[20:] *= 100  # which the probe does not have
    with pytest.warns(AttentionWarning, match=r"^batch_max_logit of layer . .* on the training batch is"):
        watching(tmp_path, model, step_through(model), on_alert=alerts.append, rules=tb_attnviz.alerts.RULES)
    assert {alert.figure for alert in alerts} == {"batch_max_logit"}


def forget_what_was_compiled():
    torch.compiler.reset()
    torch._dynamo.utils.counters.clear()


def refused(tmp_path, model, train=None, *, probe=PROBE, **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with AttentionRecorder(model, probe, tmp_path, every=1, batches=True, rules=(), **options) as recorder:
            for step in (1, 2):
                if train:
                    with recorder.batch(step):
                        train()
                recorder.step(step)
    run = tb_attnviz.open_run(tmp_path)
    assert run.steps == [1, 2]
    assert "batch_max_logit" not in run.health()
    (sentence,) = [str(warning.message) for warning in caught if "training batch" in str(warning.message)]
    return sentence


def test_what_cannot_be_seen_rightly_is_refused_by_name_and_once(tmp_path):
    model = blocks()
    compiled = torch.compile(model, backend="eager")
    assert "torch.compile is used here" in refused(tmp_path / "compiled", model, functools.partial(compiled, IDS))
    assert "torch.compile is used here" in refused(tmp_path / "beside it", blocks(), lambda: model(IDS))
    forget_what_was_compiled()
    del compiled
    encoder = Packed(need_weights=False)
    encoder.attention.eval()
    assert "attention is in evaluation mode" in refused(tmp_path / "frozen", encoder, lambda: encoder(IDS))
    assert "with recorder.batch(step)" in refused(tmp_path / "forgotten", blocks())
    other = blocks()
    other.blocks.forward = None
    assert "blocks.0: no attention of it was seen" in refused(tmp_path / "unseen", other, lambda: other.embedding(IDS))


class HeadsFirst(nn.Module):
    """Set Transformer: [heads · batch, n, d]."""

    def __init__(self, attend):
        super().__init__()
        self.embedding, self.attend = nn.Embedding(64, 16), attend

    def forward(self, ids):
        x = torch.cat(self.embedding(ids).split(4, -1), 0)
        return self.attend(x, x, x)


@pytest.mark.parametrize(
    "attend", [functional.scaled_dot_product_attention, lambda q, k, v: (q @ k.mT).softmax(-1) @ v]
)
@pytest.mark.parametrize("probe", [PROBE, Probe(IDS, IDS.numpy().astype(str).tolist())])
def test_heads_before_their_sequences_are_refused_by_name(attend, probe, tmp_path):
    model = HeadsFirst(attend)
    said = refused(tmp_path, model, lambda: model(IDS), probe=probe)
    assert "HeadsFirst: its heads lie before its sequences" in said


def test_a_step_that_is_interrupted_leaves_nothing_in_the_way(tmp_path):
    """As in a notebook: the Trainer tells nobody of Ctrl-C, and the batch stays open until the next train()."""

    def interrupt(*_):
        raise KeyboardInterrupt

    model, looked_at = blocks(), []
    recorder = AttentionRecorder(model, PROBE, tmp_path, every=1, batches=True, rules=(), on_error="raise")
    within = recorder.batch(1)
    within.__enter__()
    copy.deepcopy(model)(IDS)
    torch.save(model, tmp_path / "model")
    handle = model.blocks[1].register_forward_pre_hook(interrupt)
    with pytest.raises(KeyboardInterrupt):
        model(IDS)
    handle.remove()
    recorder._batches._take = looked_at.append
    functional.softmax(torch.ones(2), -1)
    model(IDS)
    assert not looked_at
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    within.__exit__(None, None, None)
    assert _len_torch_function_stack() == 0
    recorder.close()


def test_the_mode_that_counts_is_that_of_the_pass(tmp_path):
    """The Trainer of Hugging Face says train() after a step has begun."""
    encoder = Packed(need_weights=False).eval()
    with AttentionRecorder(encoder, PROBE, tmp_path, every=1, batches=True, rules=(), on_error="raise") as recorder:
        with recorder.batch(1):
            encoder.train()(IDS)
        recorder.step(1)
    assert np.isfinite(tb_attnviz.open_run(tmp_path).health()["batch_max_logit"]).all()


def test_a_part_in_evaluation_mode_keeps_no_later_step_from_its_figures(tmp_path):
    encoder = Packed(need_weights=False)
    encoder.attention.eval()
    with AttentionRecorder(encoder, PROBE, tmp_path, every=1, batches=True, rules=()) as recorder:
        with recorder.batch(1):
            encoder(IDS)
        with pytest.warns(RuntimeWarning, match="attention is in evaluation mode"):
            recorder.step(1)
        encoder.attention.train()
        with recorder.batch(2):
            encoder(IDS)
        recorder.step(2)
    assert np.isfinite(tb_attnviz.open_run(tmp_path).health()["batch_max_logit"]).any(axis=1).tolist() == [False, True]
