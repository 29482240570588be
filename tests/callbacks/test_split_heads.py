"""Tensor parallelism over two processes: all heads are recorded, or it is said which are missing."""

import numpy as np
import pytest
import torch

import tb_attnviz
from tests.callbacks.ranks import run_in_two_processes
from tests.callbacks.split_processes import HEADS, IDS, MODELS, SIZE, Model, record_all


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


def test_heads_that_another_process_has_split_by_hand_are_missed_aloud(ended):
    assert tb_attnviz.open_run(ended / "by hand").layers[0].heads == 2
    assert "process 1 has other heads of layer attention" in (ended / "0.txt").read_text()
    assert (ended / "1.txt").read_text() == "", "the process that writes says it"
