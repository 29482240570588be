"""Every way to call scaled_dot_product_attention is understood; what cannot be recorded is named."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tb_attnviz.callbacks import NoAttentionError, Probe
from tb_attnviz.callbacks.capture import capture
from tb_attnviz.geometry import attention, logits, visible_pairs

N, D = 6, 8
TOKENS = [list("abcdef"), list("ghi")]
QUERIES = torch.randn(2, 4, N, D, generator=torch.Generator().manual_seed(0))
KEYS = torch.randn(2, 4, N, D, generator=torch.Generator().manual_seed(1))
LENGTHS = [6, 3]
PRESENT = torch.arange(N) < torch.tensor(LENGTHS)[:, None]
PADDING = PRESENT[:, None, None, :]  # (2, 1, 1, 6): keys that are tokens
TRIANGLE = torch.ones(N, N, dtype=torch.bool).tril()


class Calls(nn.Module):
    """A model that does nothing but `calls`: functions of queries and keys [batch, 4, n, d]."""

    def __init__(self, *calls):
        super().__init__()
        self.calls = calls

    def forward(self, queries, keys, *masks):
        return [call(queries, keys, *masks) for call in self.calls]


def attend(queries, keys, mask=None, **options):
    return functional.scaled_dot_product_attention(queries, keys, keys, attn_mask=mask, **options)


def record(*calls, masks=(), tokens=TOKENS, batch_size=32):
    return capture(Calls(*calls), Probe((QUERIES, KEYS, *masks), tokens), batch_size=batch_size)


def recomputed(recording, sequence, *, layer=0):
    """Attention of all heads on one sequence, [heads, n, n], from a recording."""
    samples, described = recording.samples[layer], recording.layers[layer]
    part = slice(sum(LENGTHS[:sequence]), sum(LENGTHS[: sequence + 1]))
    queries, keys = samples.queries[:, part], samples.expanded_keys()[:, part]
    n = LENGTHS[sequence]
    bias = None if samples.bias is None else samples.bias[sequence % len(samples.bias), :, :n, :n]
    visible = visible_pairs(n, n, causal=described.causal, bias=bias, like=queries)
    return attention(logits(queries, keys, scale=described.scale, bias=bias), visible)


def reference(additive, sequence, *, scale=D**-0.5):
    """Softmax in float64 of the whole padded sequence, cut to its tokens, [heads, n, n]."""
    scores = QUERIES[sequence].double() @ KEYS[sequence].double().mT * scale + additive[sequence].double()
    n = LENGTHS[sequence]
    return scores.softmax(dim=-1)[:, :n, :n].numpy()


def hide(visible):
    """0 where visible, -inf elsewhere."""
    return torch.zeros(visible.shape).masked_fill(~visible, -torch.inf)


DISTANCES = -(torch.arange(N)[:, None] - torch.arange(N)).abs().float()
SLOPES = torch.tensor([0.1, 0.5, 1.0, 2.0])[:, None, None]
MASKS = {  # name → (mask as the model gives it, is recorded as causal, shape of the recorded bias)
    "keys that are tokens, boolean": (PADDING, False, None),
    "keys that are tokens, additive": (hide(PADDING), False, None),
    "hidden by the least float": (hide(PADDING).nan_to_num(neginf=torch.finfo(torch.float32).min), False, None),
    "hidden by -1e4": (hide(PADDING).clamp(min=-1e4), False, None),
    "causal, boolean": ((TRIANGLE & PADDING), True, None),
    "causal, of its heads": ((TRIANGLE & PADDING).expand(2, 4, N, N), True, None),
    "causal, additive": (hide(TRIANGLE & PADDING), True, None),
    "two texts packed in one row": (
        (TRIANGLE & (torch.tensor([0, 0, 0, 0, 1, 1])[:, None] == torch.tensor([0, 0, 0, 0, 1, 1])) & PADDING),
        False,
        (1, 1, 6, 6),
    ),
    "a window": ((TRIANGLE & ~TRIANGLE.tril(-3) & PADDING), False, (1, 1, 6, 6)),
    "a window, of its heads": ((TRIANGLE & ~TRIANGLE.tril(-3) & PADDING).expand(2, 4, N, N), False, (1, 1, 6, 6)),
    "slopes a head": (hide(PADDING) + SLOPES * DISTANCES, False, (1, 4, 6, 6)),
    "a prefix a sequence": (
        (TRIANGLE | (torch.arange(N) < torch.tensor([2, 3])[:, None, None, None])) & PADDING, False, (2, 1, 6, 6)
    ),
}  # fmt: skip


@pytest.mark.parametrize("batch_size", [2, 1])
@pytest.mark.parametrize("name", MASKS)
def test_masks(name, batch_size):
    mask, causal, bias_shape = MASKS[name]
    recording = record(attend, masks=(mask.expand(2, *mask.shape[1:]),), batch_size=batch_size)
    assert recording.layers[0].causal == causal
    bias = recording.samples[0].bias
    assert (bias.shape if bias is not None else None) == bias_shape
    additive = hide(mask) if mask.dtype == torch.bool else mask
    for sequence in range(2):
        np.testing.assert_allclose(recomputed(recording, sequence), reference(additive, sequence), atol=1e-6)


def test_causal_without_a_mask():
    recording = record(lambda q, k: attend(q, k, is_causal=True))
    assert recording.layers[0].causal
    for sequence in range(2):
        expected = reference(hide(TRIANGLE).expand(2, 1, N, N), sequence)
        np.testing.assert_allclose(recomputed(recording, sequence), expected, atol=1e-6)


def test_arguments_by_position():
    recording = record(lambda q, k: functional.scaled_dot_product_attention(q, k, k, None, 0.0, True))
    assert recording.layers[0].causal


@pytest.mark.parametrize(("given", "recorded"), [(None, 1 / math.sqrt(D)), (0.3, 0.3), (1, 1.0)])
def test_scale(given, recorded):
    assert record(lambda q, k: attend(q, k, is_causal=True, scale=given)).layers[0].scale == recorded


def test_grouped_keys_are_kept_once():
    recording = record(lambda q, k: attend(q, k[:, :2], is_causal=True, enable_gqa=True))
    assert (recording.layers[0].heads, recording.layers[0].kv_heads) == (4, 2)
    assert recording.samples[0].keys.shape == (2, 9, D)
    np.testing.assert_array_equal(recording.samples[0].keys[1, :6], KEYS[0, 1])


def test_one_head_without_an_axis_for_heads():
    recording = record(lambda q, k: attend(q[:, 0], k[:, 0], is_causal=True))
    assert recording.layers[0].heads == 1
    np.testing.assert_array_equal(recording.samples[0].queries[0, 6:], QUERIES[1, 0, :3])


def test_half_precision_is_computed_in_single():
    recording = record(lambda q, k: attend(q.bfloat16(), k.bfloat16(), is_causal=True))
    assert recording.samples[0].queries.dtype == np.float32
    np.testing.assert_array_equal(recording.samples[0].queries[:, :6], QUERIES[0].bfloat16().float())


def test_layers_are_named_and_ordered_as_they_are_called():
    class Block(nn.Module):
        def forward(self, q, k):
            return attend(q, k, is_causal=True)

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.late, self.early = Block(), Block()

        def forward(self, q, k):
            self.early(q, k), attend(q, k, is_causal=True), self.late(q, k), self.early(q, k)

    recording = capture(Model(), Probe((QUERIES, KEYS), TOKENS), batch_size=1)
    assert [layer.name for layer in recording.layers] == ["early", "Model", "late", "early#1"]


def test_names_survive_a_module_that_raises():
    class Raising(nn.Module):
        def forward(self):
            raise ValueError

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.part = nn.Sequential(Raising())

        def forward(self, q, k):
            try:
                self.part[0]()
            except ValueError:
                attend(q, k, is_causal=True)

    assert capture(Model(), Probe((QUERIES, KEYS), TOKENS)).layers[0].name == "Model"


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda q, k: attend(q, k[:, :, :4]), r"keys \(2, 4, 4, 8\) are not those of 2 sequences of 6 tokens"),
        (lambda q, k: attend(q[:, :, :3], k), r"queries \(2, 4, 3, 8\)"),
        (lambda q, k: attend(q.reshape(4, 4, 3, 8), k.reshape(4, 4, 3, 8)), r"queries \(4, 4, 3, 8\)"),
        (attend, "its tokens attend to padding: give the probe an attention mask"),
    ],
    ids=["pooled keys", "pooled queries", "windows", "padding"],
)
def test_other_attention_is_skipped_and_the_rest_recorded(call, reason):
    recording = record(call, lambda q, k: attend(q, k, is_causal=True))
    assert [layer.name for layer in recording.layers] == ["Calls#1"]
    assert list(recording.skipped) == ["Calls"]
    with pytest.raises(NoAttentionError, match=f"no attention .* can be recorded with this probe .Calls: .*{reason}"):
        record(call)


def test_a_layer_that_is_not_called_for_all_sequences_is_skipped():
    def first_sequence_only(q, k):
        if torch.equal(q[0], QUERIES[0]):
            attend(q, k, is_causal=True)

    def always(q, k):
        attend(q, k, is_causal=True)

    recording = record(always, first_sequence_only, batch_size=1)
    assert [layer.name for layer in recording.layers] == ["Calls"]
    assert "not called alike" in recording.skipped["Calls#1"]


def test_no_attention_at_all_says_what_to_do():
    with pytest.raises(NoAttentionError, match=r"no attention was seen .* attnviz_tap"):
        record(lambda q, k: q @ k.mT @ k)


class TestFlashAttention:
    """By an operator of its name and arguments, which computes what flash-attn documents."""

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def operator(cls):
        library = torch.library.Library("attnviz_flash_attn", "DEF")
        library.define(
            "_flash_attn_forward(Tensor q, Tensor k, Tensor v, float dropout_p, float softmax_scale, bool causal, "
            "int window_size_left, int window_size_right, float softcap, Tensor? alibi_slopes, bool return_softmax) "
            "-> Tensor"
        )
        library.define("_flash_attn_varlen_forward(Tensor q, Tensor k, Tensor v) -> Tensor")
        library.impl("_flash_attn_forward", lambda q, k, v, *rest: torch.zeros_like(q), "CompositeExplicitAutograd")
        library.impl("_flash_attn_varlen_forward", lambda q, k, v: torch.zeros_like(q), "CompositeExplicitAutograd")
        yield
        library._destroy()

    @staticmethod
    def call(q, k, *, causal=False, window=(-1, -1), softcap=0.0, slopes=None):
        q, k = q.transpose(1, 2), k.transpose(1, 2)  # (batch, n, heads, d): its order
        torch.ops.attnviz_flash_attn._flash_attn_forward(q, k, k, 0.0, 0.3, causal, *window, softcap, slopes, False)

    @pytest.mark.parametrize(
        ("options", "visible"),
        [
            ({}, torch.ones(N, N, dtype=torch.bool)),
            ({"causal": True}, TRIANGLE),
            ({"causal": True, "window": (2, 0)}, TRIANGLE & ~TRIANGLE.tril(-3)),
            ({"window": (2, 1)}, TRIANGLE.mT.tril(1) | (TRIANGLE & ~TRIANGLE.tril(-3))),
        ],
    )
    def test_masks(self, options, visible):
        tokens = [list("abcdef")] * 2
        recording = record(lambda q, k: self.call(q, k, **options), tokens=tokens)
        samples, layer = recording.samples[0], recording.layers[0]
        seen = visible_pairs(N, N, causal=layer.causal, bias=samples.bias, like=samples.queries)
        assert np.array_equal(np.broadcast_to(seen, (1, 1, N, N))[0, 0], visible)
        assert layer.scale == 0.3

    def test_slopes_and_soft_cap(self):
        tokens = [list("abcdef")] * 2
        recording = record(
            lambda q, k: self.call(q, k, softcap=5.0, causal=True, slopes=SLOPES.flatten()), tokens=tokens
        )
        expected = (SLOPES * DISTANCES).masked_fill(~TRIANGLE, -torch.inf)
        np.testing.assert_allclose(recording.samples[0].bias[0], expected, rtol=1e-6)
        assert recording.layers[0].softcap == 5.0

    def test_packed_sequences_are_refused_with_a_remedy(self):
        with pytest.raises(NoAttentionError, match=r"packed: .*set_attn_implementation\(\"sdpa\"\)"):
            record(lambda q, k: torch.ops.attnviz_flash_attn._flash_attn_varlen_forward(q, k, k))


def test_a_kernel_that_is_called_by_its_operator_is_refused_by_name():
    operator = "_scaled_dot_product_flash_attention_for_cpu"
    with pytest.raises(NoAttentionError, match=f"it calls aten::{operator}, which is not understood"):
        record(lambda q, k: getattr(torch.ops.aten, operator)(q, k, k))


def test_the_operator_of_scaled_dot_product_attention_is_recorded_as_its_function():
    of_operator, of_function = (
        record(lambda q, k, attend=attend: attend(q, k, k, is_causal=True, scale=0.3), tokens=[list("abcdef")] * 2)
        for attend in (torch.ops.aten.scaled_dot_product_attention, functional.scaled_dot_product_attention)
    )
    assert of_operator.layers == of_function.layers
    for side in ("queries", "keys"):
        np.testing.assert_array_equal(*(getattr(one.samples[0], side) for one in (of_operator, of_function)))


def test_nested_tensors_are_refused_by_name_and_what_is_made_of_them_is_recorded():
    class Nested(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(64, 16)

        def forward(self, ids):
            x = torch.nested.nested_tensor(list(self.embedding(ids)), layout=torch.jagged)
            q = x.unflatten(-1, (2, 8)).transpose(1, 2)
            y = functional.scaled_dot_product_attention(q, q, q).transpose(1, 2).flatten(2)
            y = torch.nested.to_padded_tensor(y, 0.0).unflatten(-1, (2, 8)).transpose(1, 2)
            return functional.scaled_dot_product_attention(y, y, y)

    torch.manual_seed(0)
    recording = capture(Nested(), Probe(torch.arange(8).view(2, 4), [list("abcd"), list("efgh")]))
    assert [layer.name for layer in recording.layers] == ["Nested#1"]
    assert "its queries are a nested tensor" in recording.skipped["Nested"]
