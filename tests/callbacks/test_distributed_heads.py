"""Tensor parallelism over two processes: all heads are recorded, or it is said which are missing."""

import numpy as np
import pytest
import torch

import tb_attnviz
from tests.callbacks.ranks import run_in_two_processes
from tests.callbacks.split_processes import BY_HAND, HEADS, IDS, MODELS, SIZE, HandSplit, Model, record_all


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """The directory that both processes wrote to."""
    directory = tmp_path_factory.mktemp("split")
    run_in_two_processes(record_all, directory)
    return directory


@pytest.mark.parametrize("name", MODELS)
def test_all_heads_of_a_split_layer_are_recorded_as_the_whole_model_has_them(ended, name):
    run = tb_attnviz.open_run(ended / name)
    model = Model(**MODELS[name])
    attention = model.attention
    with torch.no_grad():
        x = model.embed(IDS)
        q, k = (f(x).unflatten(-1, (-1, SIZE)).transpose(1, 2) for f in (attention.q, attention.k))
        logits = q @ k.repeat_interleave(HEADS // k.shape[1], dim=1).mT / SIZE**0.5
        hidden = torch.ones(12, 12, dtype=torch.bool).triu(1)
        expected = (logits.masked_fill(hidden, -torch.inf) if attention.fused else logits).softmax(-1)
    assert run.layers[0].heads == HEADS
    for head in range(HEADS):
        for sequence in range(2):
            found = run.attention(0, 0, head, sequence)
            np.testing.assert_allclose(found, expected[sequence, head], atol=5e-4)


@pytest.mark.parametrize("name", [*BY_HAND, "features", "features at once"])
def test_heads_that_the_model_splits_itself_are_recorded_as_one_process_has_them(ended, name):
    """Where one process changes its weights, the layer is refused in both."""
    run, options = tb_attnviz.open_run(ended / name), BY_HAND.get(name, {})
    model, seen = HandSplit(None, **options), []

    class Whole(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            if func is torch.nn.functional.scaled_dot_product_attention:
                q, k, _, mask = args
                seen.append(
                    (q @ k.repeat_interleave(q.shape[1] // k.shape[1], dim=1).mT / SIZE**0.5 + mask).softmax(-1)
                )
            result = func(*args, **kwargs or {})
            if func is torch.Tensor.softmax:
                seen.append(result)
            return result

    with torch.no_grad(), Whole():
        model(IDS)
    assert len(run.layers) == 1 + (not options.get("changes"))
    for layer, of_layer in enumerate(run.layers):
        assert (of_layer.heads, of_layer.kv_heads) == (HEADS, options.get("kv_heads", HEADS))
        for head in range(HEADS):
            found = run.attention(0, layer, head, 1)
            np.testing.assert_allclose(found, seen[layer][1, head], atol=5e-4)


def test_processes_with_models_of_their_own_are_told_from_split_heads(ended):
    """Though what they give is added up in the end."""
    assert [layer.heads for layer in tb_attnviz.open_run(ended / "ensemble").layers] == [HEADS, HEADS]
    assert "process 1 has other queries in layer inner" in (ended / "0.txt").read_text()
    assert (ended / "1.txt").read_text() == "", "the process that writes says it"
