"""The recorded norms of values are those of the model's own values, and what they weigh follows from them."""

import gc
import math
import queue

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer, LlamaConfig, LlamaModel

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, Probe, attnviz_tap
from tb_attnviz.callbacks.capture import capture
from tb_attnviz.callbacks.capture.padded_attention import PaddedAttention
from tests.callbacks import plain
from tests.callbacks.models import IDS, LENGTHS, MASK, MINILM, TEXTS, TOKENS, Decoder, eager_attentions

TINY = {"vocab_size": 64, "hidden_size": 32, "num_attention_heads": 4, "num_hidden_layers": 2, "intermediate_size": 64}
INPUTS = {"input_ids": IDS, "attention_mask": MASK}


def record(model, probe, directory, **options):
    with AttentionRecorder(model, probe, directory, values="norms", on_error="raise", **options) as recorder:
        recorder.record(0)
    return tb_attnviz.open_run(directory), recorder


def outputs(model, ending, inputs):
    """What the modules whose names end so give for `inputs`, in the order of the pass."""
    found = []
    hooks = [
        module.register_forward_hook(lambda _module, _inputs, output: found.append(output.detach()))
        for name, module in model.named_modules()
        if name.endswith(ending)
    ]
    with torch.no_grad():
        model.eval()(**inputs)
    for hook in hooks:
        hook.remove()
    return found


def assert_weighted(run, values, attentions, lengths):
    """The run's norms and weighted rows, by the model: [batch, heads, n, d] and [batch, heads, n, n] a layer."""
    entropies = []
    for layer, (of_layer, attention) in enumerate(zip(values, attentions, strict=True)):
        norms = of_layer.norm(dim=-1)  # (batch, heads, n)
        recorded = run.samples(0, layer).value_norms
        wanted = np.concatenate([norms[row, :, :n] for row, n in enumerate(lengths)], axis=1)
        np.testing.assert_allclose(recorded, wanted, rtol=1e-5)
        figure = run.point_figure(0, layer, "value_norm")
        assert np.isnan(figure[:, : sum(lengths)]).all()
        np.testing.assert_array_equal(figure[:, sum(lengths) :], recorded)
        for head in range(norms.shape[1]):
            of_head = []
            for row, n in enumerate(lengths):
                weighted = (attention[row, head, :n, :n] * norms[row, head, :n]).numpy()
                weighted /= weighted.sum(axis=1, keepdims=True)
                found = run.attention(0, layer, head, row, weight="values")
                np.testing.assert_allclose(found, weighted, atol=1e-3)
                choices = (attention[row, head, :n, :n] > 0).sum(dim=1).numpy()
                logs = np.log(np.where(weighted > 0, weighted, 1))
                rows = [
                    -(w * log).sum() / math.log(c) for w, log, c in zip(weighted, logs, choices, strict=True) if c > 1
                ]
                of_head.append(np.mean(rows) if rows else np.nan)
            entropies.append(np.nanmean(of_head))
    np.testing.assert_allclose(run.health()["value_entropy"][0], entropies, atol=1e-3)


@pytest.mark.parametrize("implementation", ["sdpa", pytest.param("eager", marks=pytest.mark.full)])
def test_minilm(tmp_path, implementation):
    model = AutoModel.from_pretrained(MINILM, attn_implementation=implementation)
    tokenizer = AutoTokenizer.from_pretrained(MINILM)
    inputs = dict(tokenizer(TEXTS, padding=True, return_tensors="pt"))
    values = [x.unflatten(-1, (12, -1)).transpose(1, 2) for x in outputs(model, "attention.self.value", inputs)]
    run, _ = record(model, Probe.from_texts(TEXTS, tokenizer), tmp_path, batch_size=3)
    assert all(layer.values for layer in run.layers)
    assert_weighted(run, values, eager_attentions(model, inputs), inputs["attention_mask"].sum(dim=1).tolist())


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_grouped_keys_share_their_values(tmp_path, implementation):
    torch.manual_seed(0)
    config = LlamaConfig(**TINY, num_key_value_heads=2, initializer_range=0.3, attn_implementation=implementation)
    model = LlamaModel(config)
    values = [x.unflatten(-1, (2, -1)).transpose(1, 2) for x in outputs(model, "v_proj", INPUTS)]
    run, _ = record(model, Probe(INPUTS, TOKENS), tmp_path)
    repeated = [x.repeat_interleave(2, dim=1) for x in values]
    assert_weighted(run, repeated, eager_attentions(model, INPUTS), LENGTHS)


WRITTEN = [plain.MaskedFill, plain.BatchedHeads, plain.Einsum, plain.MultiQuery, plain.FoldedHeads, plain.Flex]


@pytest.mark.parametrize("kind", WRITTEN)
def test_plain_code_and_flex_attention(tmp_path, kind):
    torch.manual_seed(0)
    model = kind()
    [first, *_] = outputs(model, "layers.0.v", INPUTS)
    heads = kind.dims["v"]
    norms = first.unflatten(-1, (heads, -1)).norm(dim=-1).transpose(1, 2)  # (batch, heads, n)
    recording = capture(model, Probe(INPUTS, TOKENS), values=True, batch_size=3)
    wanted = np.concatenate([norms[row, :, :n] for row, n in enumerate(LENGTHS)], axis=1)
    np.testing.assert_allclose(recording.samples[0].value_norms, wanted, rtol=1e-5)
    assert not recording.without_values


def test_chosen_heads_have_their_own_values(tmp_path):
    torch.manual_seed(0)
    model, probe = plain.Einsum(), Probe(INPUTS, TOKENS)
    whole, _ = record(model, probe, tmp_path / "whole")
    some, _ = record(model, probe, tmp_path / "some", heads=[1, 3], layers=[1])
    np.testing.assert_array_equal(some.samples(0, 0).value_norms, whole.samples(0, 1).value_norms[[1, 3]])


def test_values_that_cannot_be_seen_are_left_out_with_the_reason(tmp_path):
    torch.manual_seed(0)
    with pytest.warns(RuntimeWarning, match=r"layers without value norms: layers.0: no product of its weights"):
        run, _ = record(plain.Tapped(), Probe(INPUTS, TOKENS), tmp_path)
    assert [layer.values for layer in run.layers] == [False, False]
    assert "value_entropy" not in run.health()
    with pytest.raises(tb_attnviz.NotRecordedError, match="no value norms of layer 1 at step 0: record them with"):
        run.attention(0, 1, 0, 0, weight="values")
    with pytest.raises(tb_attnviz.NotRecordedError, match="no value norms of layer 0 at step 0"):
        run.point_figure(0, 0, "value_norm")


class Odd(plain.Plain):
    """Sums other vectors than its values by the same weights, too."""

    @staticmethod
    def attend(layer, q, k, v, visible):
        weights = ((q @ k.mT) / 3).masked_fill(~visible, -torch.inf).softmax(dim=-1)
        return weights @ v + weights @ (2 * k), weights


def test_weights_that_meet_two_kinds_of_values_have_none_of_them():
    recording = capture(Odd(), Probe(INPUTS, TOKENS), values=True)
    assert recording.without_values == dict.fromkeys(("layers.0", "layers.1"), "its weights meet different values")
    assert all(samples.value_norms is None for samples in recording.samples)


def test_no_attention_of_a_batch_is_kept_until_the_next():
    """The last one of a batch waits for its values, with all its tensors, on the model's device."""
    kept = queue.SimpleQueue()  # which nothing puts back

    class Watched(plain.MaskedFill):
        def forward(self, *args, **kwargs):
            gc.collect()
            kept.put(sum(type(thing) is PaddedAttention for thing in gc.get_objects()))
            return super().forward(*args, **kwargs)

    capture(Watched(), Probe(INPUTS, TOKENS), batch_size=1, values=True)
    assert [kept.get() for _ in range(kept.qsize())] == [0] * len(LENGTHS)


class TappedWithValues(plain.Plain):
    """Its softmax is seen, its values are shown."""

    @staticmethod
    def attend(layer, q, k, v, visible):
        attnviz_tap(q, k, mask=visible, values=v)
        weights = ((q @ k.mT) / math.sqrt(q.shape[-1])).masked_fill(~visible, -torch.inf).softmax(dim=-1)
        return (weights[..., None] * v[:, :, None]).sum(dim=-2), weights


def test_a_tap_shows_values():
    recording = capture(TappedWithValues(), Probe(INPUTS, TOKENS), values=True)
    assert [layer.values for layer in recording.layers] == [True, True]


def test_the_announced_bytes_count_them_and_nothing_is_recorded_unasked(tmp_path):
    torch.manual_seed(0)
    tokens = [[str(token) for token in row] for row in IDS.tolist()]
    _, with_values = record(Decoder(), Probe(IDS, tokens), tmp_path)
    with AttentionRecorder(Decoder(), Probe(IDS, tokens), tmp_path / "without", on_error="raise") as without:
        without.record(0)
    [file] = (tmp_path / "plugins" / "attnviz").glob("samples-*.events")
    assert with_values.bytes_per_checkpoint - without.bytes_per_checkpoint == 2 * 2 * IDS.numel() * 4
    assert 0 < file.stat().st_size - with_values.bytes_per_checkpoint < 1000
    run = tb_attnviz.open_run(tmp_path / "without")
    assert run.samples(0, 0).value_norms is None
    assert "value_entropy" not in run.health()
    with pytest.raises(ValueError, match="values='all' is not known"):
        AttentionRecorder(Decoder(), Probe(IDS, tokens), tmp_path, values="all")
