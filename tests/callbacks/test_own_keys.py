"""Keys of the model's own beside those of the tokens (memory, a learned prefix, a bias) are recorded, and named."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from transformers import DynamicCache, GPT2Config, GPT2LMHeadModel

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, NoAttentionError, Probe
from tb_attnviz.callbacks.capture import capture
from tests.callbacks.models import IDS, LENGTHS, MASK, TOKENS

WIDTH, HEADS, D = 16, 2, 8


class Memory(nn.Module):
    """Attends to learned keys, too, as x-transformers' attn_num_mem_kv (arXiv 1907.01470); keeps its weights."""

    def __init__(self, count, *, behind=False, fused=False):
        super().__init__()
        self.count, self.behind, self.fused = count, behind, fused
        self.q, self.k, self.v = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.keys, self.values = (nn.Parameter(torch.randn(HEADS, count, D)) for _ in range(2))

    def forward(self, x, visible):
        q, k, v = (layer(x).unflatten(-1, (HEADS, D)).transpose(1, 2) for layer in (self.q, self.k, self.v))
        own = [part.expand(len(x), -1, -1, -1) for part in (self.keys, self.values)]
        both = [[tokens, part] if self.behind else [part, tokens] for tokens, part in zip((k, v), own, strict=True)]
        k, v = (torch.cat(parts, dim=2) for parts in both)
        visible = functional.pad(visible, (0, self.count) if self.behind else (self.count, 0), value=True)
        if self.fused:
            return x + functional.scaled_dot_product_attention(q, k, v, attn_mask=visible).transpose(1, 2).flatten(2)
        self.weights = (q @ k.mT / math.sqrt(D)).masked_fill(~visible, -torch.inf).softmax(-1)
        return x + (self.weights @ v).transpose(1, 2).flatten(2)


class Model(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.embedding, self.layers = nn.Embedding(64, WIDTH), nn.ModuleList(layers)

    def forward(self, input_ids, attention_mask):
        x = self.embedding(input_ids.long())
        causal = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
        for layer in self.layers:
            x = layer(x, causal & attention_mask.bool()[:, None, None, :])
        return x


def probe(mask=MASK):
    return Probe({"input_ids": IDS, "attention_mask": mask}, TOKENS)


def recorded(model, given, logdir):
    with AttentionRecorder(model, given, logdir, on_error="raise") as recorder:
        recorder.record(0)
    return tb_attnviz.open_run(logdir)


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("left", [False, True], ids=["padded at the end", "padded in front"])
def test_memory_is_recorded_with_the_models_own_weights(tmp_path, behind, left):
    model = Model(Memory(3, behind=behind), Memory(3, behind=behind))
    ids, mask = (x.flip(1) if left else x for x in (IDS, MASK))
    given = Probe({"input_ids": ids, "attention_mask": mask}, TOKENS)
    run = recorded(model, given, tmp_path)
    memory = ("memory 1", "memory 2", "memory 3")
    for own, n in zip(run.probe.sequences, LENGTHS, strict=True):
        names = own.tokens
        assert own.key_tokens.tokens == (names + memory if behind else memory + names)
        assert len(names) == n
    assert [(layer.queries_of, layer.keys_of) for layer in run.layers] == [("tokens", "key_tokens")] * 2
    with torch.no_grad():
        model(ids, mask)
    for layer, own in enumerate(model.layers):
        for sequence, present in enumerate(mask.bool()):
            keys = functional.pad(present, (0, 3) if behind else (3, 0), value=True)
            expected = own.weights[sequence][:, present][:, :, keys]
            found = np.stack([run.attention(0, layer, head, sequence) for head in range(HEADS)])
            np.testing.assert_allclose(found, expected, atol=2e-4)


def test_a_fused_kernel_is_the_same(tmp_path):
    plain = Model(Memory(2))
    fused = Model(Memory(2, fused=True))
    fused.load_state_dict(plain.state_dict())
    one, other = (capture(model, probe()) for model in (plain, fused))
    assert not other.skipped
    np.testing.assert_array_equal(one.samples[0].keys, other.samples[0].keys)
    assert other.samples[0].keys.shape[1] == sum(LENGTHS) + 2 * len(LENGTHS)


@pytest.mark.parametrize("options", [{"add_bias_kv": True}, {"add_zero_attn": True},
                                     {"add_bias_kv": True, "add_zero_attn": True}])  # fmt: skip
def test_pytorchs_own_bias_keys(tmp_path, options):
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(64, WIDTH)
            self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True, **options)
            if options.get("add_bias_kv"):
                nn.init.normal_(self.attention.bias_k)

        def forward(self, input_ids, attention_mask, **kwargs):
            x = 3 * self.embedding(input_ids)
            return self.attention(x, x, x, key_padding_mask=attention_mask == 0, **kwargs)

    model = Own()
    run = recorded(model, probe(), tmp_path)
    with torch.no_grad():
        _, weights = model(IDS, MASK, average_attn_weights=False)
    for sequence, present in enumerate(MASK.bool()):
        keys = functional.pad(present, (0, len(options)), value=True)
        found = np.stack([run.attention(0, 0, head, sequence) for head in range(HEADS)])
        np.testing.assert_allclose(found, weights[sequence][:, present][:, :, keys], atol=2e-4)


class Prefixed(nn.Module):
    """GPT-2 after learned keys and values, as prefix tuning has it (arXiv 2101.00190)."""

    def __init__(self, kind):
        super().__init__()
        config = GPT2Config(vocab_size=64, n_positions=32, n_embd=WIDTH, n_layer=2, n_head=HEADS, use_cache=True)
        self.model = GPT2LMHeadModel._from_config(config, attn_implementation=kind)
        self.prefix = nn.Parameter(torch.randn(2, 2, HEADS, 4, D))  # (layers, keys and values, heads, prefix, d)

    def forward(self, input_ids, attention_mask, **kwargs):
        cache = DynamicCache()
        for index, both in enumerate(self.prefix):
            cache.update(*(x.expand(len(input_ids), -1, -1, -1) for x in both), index)
        mask = functional.pad(attention_mask, (4, 0), value=1)
        return self.model(input_ids, attention_mask=mask, past_key_values=cache, **kwargs)


@pytest.mark.parametrize("kind", ["eager", "sdpa"])
def test_a_learned_prefix_of_a_transformers_model(tmp_path, kind):
    model = Prefixed(kind)
    run = recorded(model, probe(), tmp_path)
    assert run.probe.sequences[3].key_tokens.tokens == (*(f"memory {n}" for n in range(1, 5)), "11")
    model.model.set_attn_implementation("eager")
    with torch.no_grad():
        weights = model.eval()(IDS, MASK, output_attentions=True).attentions
    for layer in range(2):
        for sequence, n in enumerate(LENGTHS):
            found = np.stack([run.attention(0, layer, head, sequence) for head in range(HEADS)])
            np.testing.assert_allclose(found, weights[layer][sequence, :, :n, : n + 4], atol=2e-4)


def test_layers_without_memory_are_among_the_tokens_and_other_counts_are_refused_by_name():
    recording = capture(Model(Memory(3), Memory(0), Memory(3), Memory(2)), probe())
    assert [layer.keys_of for layer in recording.layers] == ["key_tokens", "tokens", "key_tokens"]
    assert "2 keys of the model's own" in recording.skipped["layers.3"]
    named = Probe({"input_ids": IDS, "attention_mask": MASK}, TOKENS, key_tokens=[["a", "b", *x] for x in TOKENS])
    others = capture(Model(Memory(3), Memory(0), Memory(3), Memory(2)), named)
    assert "layers.3" in [layer.name for layer in others.layers], "as the reason says"
    assert recording.probe.record.sequences[0].key_tokens.tokens[:3] == ("memory 1", "memory 2", "memory 3")


def test_keys_that_are_other_tokens_are_no_memory():
    class Across(nn.Module):
        """Attends to as many other tokens as there would be with a memory."""

        def __init__(self):
            super().__init__()
            self.embedding, self.layer = nn.Embedding(64, WIDTH), nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)

        def forward(self, x, y):
            x, y = self.embedding(x), self.embedding(y)
            return self.layer(x, y, y)[0]

    others = torch.randint(64, (4, 12), generator=torch.Generator().manual_seed(0))
    with pytest.raises(NoAttentionError, match="cross-attention"):
        capture(Across(), Probe((IDS, others), [["a"] * 9] * 4))
