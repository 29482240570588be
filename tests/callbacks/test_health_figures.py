"""The health figures of a run, against figures computed here from transformers' own attention."""

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2Model

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, Probe
from tb_attnviz.callbacks.capture import capture
from tests.callbacks.models import IDS, LENGTHS, MASK, TOKENS, Decoder, eager_attentions

REPEATED = [9, 21, 33, 45, 9, 21, 33, 45, 9]  # period 4


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    return GPT2Model(GPT2Config(vocab_size=64, n_embd=32, n_head=4, n_layer=2, n_positions=32, initializer_range=0.3))


@pytest.fixture(scope="module")
def probe_inputs():
    ids = torch.cat([IDS, torch.tensor([REPEATED])])
    mask = torch.cat([MASK, torch.ones(1, 9, dtype=torch.long)])
    tokens = [*TOKENS, [str(token) for token in REPEATED]]
    return {"input_ids": ids, "attention_mask": mask}, tokens


@pytest.fixture(scope="module")
def recorded(model, probe_inputs, tmp_path_factory):
    """The figures at step 7, read from disk: figure → [heads of all layers]."""
    directory = tmp_path_factory.mktemp("run")
    with AttentionRecorder(model, Probe(*probe_inputs), directory, batch_size=2, on_error="raise") as recorder:
        recorder.record(7)
    return {name: values[0] for name, values in tb_attnviz.open_run(directory).health().items()}


@pytest.fixture(scope="module")
def attentions(model, probe_inputs):
    """[head of all layers][sequence] → attention [n, n]."""
    layers = [layer.double().numpy() for layer in eager_attentions(model, probe_inputs[0])]
    lengths = [*LENGTHS, 9]
    return [[layer[s, head, :n, :n] for s, n in enumerate(lengths)] for layer in layers for head in range(4)]


def over_sequences(attentions, figure):
    """Mean of `figure` over the sequences that define it, for every head."""
    with np.errstate(invalid="ignore"):
        return [np.nanmean([figure(a) for a in sequences]) for sequences in attentions]


def entropy(a):
    rows = [-(row[: i + 1] * np.log(row[: i + 1])).sum() / np.log(i + 1) for i, row in enumerate(a) if i > 0]
    return np.mean(rows) if rows else np.nan


def previous(a):
    return np.mean([a[i, i - 1] for i in range(1, len(a))]) if len(a) > 1 else np.nan


def distance(a):
    return np.mean([sum(weight * abs(i - j) for j, weight in enumerate(row)) for i, row in enumerate(a)])


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("entropy", entropy),
        ("previous", previous),
        ("sink", lambda a: np.mean([row[0] for row in a])),
        ("self", lambda a: np.mean(np.diag(a))),
        ("distance", distance),
    ],
)
def test_figures_of_attention(recorded, attentions, name, figure):
    np.testing.assert_allclose(recorded[name], over_sequences(attentions, figure), rtol=1e-4)


def test_induction_is_what_the_repeated_sequence_has_more_than_the_others(recorded, attentions):
    """At the key that followed last time, 3 back, and at the token itself, 4 back, from the first repetition on."""
    for name, offset in (("induction", 3), ("duplicate", 4)):
        expected = []
        for *others, repeated in attentions:
            elsewhere = [np.mean([a[i, i - offset] for i in range(4, len(a))]) for a in others if len(a) > 4]
            assert elsewhere
            expected.append(np.mean([repeated[i, i - offset] for i in range(4, 9)]) - np.mean(elsewhere))
        assert min(expected) < 0 < max(expected)
        np.testing.assert_allclose(recorded[name], np.maximum(expected, 0), rtol=1e-3, atol=1e-6)


def test_norms_and_largest_logit(recorded, model, probe_inputs):
    """By hand from the weights of the first layer."""
    block = model.h[0]
    with torch.no_grad():
        x = model.wte(probe_inputs[0]["input_ids"]) + model.wpe.weight[:9]
        q, k, _ = block.attn.c_attn(block.ln_1(x)).double().numpy().reshape(5, 9, 3, 4, 8).transpose(2, 0, 3, 1, 4)
    lengths = [*LENGTHS, 9]
    assert recorded["non_finite"].tolist() == [0] * 8
    for head in range(4):
        queries = [q[s, head, :n] for s, n in enumerate(lengths)]
        keys = [k[s, head, :n] for s, n in enumerate(lengths)]
        logits = [(a @ b.T / np.sqrt(8))[np.tril_indices(len(a))].max() for a, b in zip(queries, keys, strict=True)]
        assert recorded["max_logit"][head] == pytest.approx(max(logits), rel=1e-4)
        for name, vectors in (("query_norm", queries), ("key_norm", keys)):
            norms = [np.linalg.norm(v, axis=1).mean() for v in vectors]
            assert recorded[name][head] == pytest.approx(np.mean(norms), rel=1e-4)
        k_all = np.concatenate(keys)
        energies = np.linalg.svd(np.concatenate(queries) @ (k_all - k_all.mean(axis=0)).T, compute_uv=False)[:8] ** 2
        shares = energies / energies.sum()
        rank = np.exp(-(shares * np.log(shares)).sum())
        assert recorded["effective_rank"][head] == pytest.approx(rank, rel=1e-3)


def test_an_undefined_figure_is_not_recorded(model):
    figures = capture(model, Probe(IDS[:1], [TOKENS[0]])).figures
    assert "induction" not in figures
    assert "duplicate" not in figures
    assert "next" not in figures  # a causal model
    assert "previous" in figures
    one_token = capture(model, Probe(IDS[:1, :1], [TOKENS[0][:1]])).figures
    assert "previous" not in one_token
    assert "entropy" not in one_token
    assert not any(np.isnan(values).any() for values in one_token.values())


def test_a_diverged_head_shows_as_nan_and_the_others_stay():
    model = Decoder()
    with torch.no_grad():
        model.blocks[1].qkv.weight[:8] = torch.nan  # queries of head 0 of the last layer
    tokens = [[str(token) for token in row] for row in IDS.tolist()]
    figures = capture(model, Probe(IDS, tokens)).figures
    assert np.isnan(figures["entropy"]).tolist() == [False, False, True, False]
    assert np.isnan(figures["max_logit"]).tolist() == [False, False, True, False]
    assert np.isnan(figures["effective_rank"]).tolist() == [False, False, True, False]
    assert figures["non_finite"].tolist() == [0, 0, 4 * 9 * 8, 0]  # sequences, tokens, components
