"""A model built by hand, in which one head feeds another and two are dead: found at every step, and nothing else is."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tb_attnviz import open_run
from tb_attnviz.callbacks import AttentionRecorder, Probe

WORDS, LONGEST = 12, 24
PLACES, WORD, BEFORE, NEXT = (
    slice(a, b) for a, b in ((0, LONGEST), (24, 36), (36, 48), (48, 60))
)  # of the residual stream: where, which word, which word before, which word follows


class Built(nn.Module):
    """Predicts words that come again. Heads, by layer:

    previous: layer 0 head 0 brings to each token the word before it; layer 1 head 0 attends to the token whose word
    before is this one's word, and brings that token's word. Layer 0 head 1 brings nothing. Layer 1 head 1 attends to
    the same place and brings what it finds to where nobody reads it.
    """

    def __init__(self, strength: float) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.tensor(strength))

    def forward(self, ids):
        batch, n = ids.shape
        x = torch.zeros(batch, n, 64)
        x[..., PLACES] = torch.eye(LONGEST)[:n]
        x[..., WORD] = functional.one_hot(ids, WORDS).float()
        place, word = x[..., PLACES], x[..., WORD]
        before = torch.cat([place[:, :1], place[:, :-1]], dim=1)  # the place before
        x = x + self.attend((8 * before, 8 * place), (place, word), (word, torch.zeros_like(word)), (BEFORE, NEXT))
        place, word, told, nobody = x[..., PLACES], x[..., WORD], x[..., BEFORE], slice(60, 64)
        fits = self.strength * word, told  # queries and keys of the induction head
        x = x + self.attend((fits[0], 8 * place), (fits[1], place), (word, word[..., :4]), (NEXT, nobody))
        return 4 * x[..., NEXT]

    def attend(self, queries, keys, values, to):
        """Two heads; what each brings is added to its part of the stream."""

        def wide(parts, d):
            return torch.stack([functional.pad(x, (0, d - x.shape[-1])) for x in parts], dim=1)

        q, k, v = wide(queries, LONGEST), wide(keys, LONGEST), wide(values, WORDS)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True, scale=1.0)
        x = y.new_zeros(len(y), y.shape[2], 64)
        for head, part in enumerate(to):
            x[..., part] += y[:, head, :, : part.stop - part.start]
        return x


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    torch.manual_seed(0)
    words = torch.stack([torch.randperm(WORDS) for _ in range(6)])
    ids = torch.cat([words, words], dim=1)  # each word comes again after twelve
    model, directory = Built(0.0), tmp_path_factory.mktemp("built")
    probe = Probe(ids, [[str(word) for word in row] for row in ids.tolist()])
    options = {"loss": "auto", "ablate_every": 1, "connections_every": 1, "every": 1, "on_error": "raise"}
    with AttentionRecorder(model, probe, directory, **options) as recorder:
        for step, strength in enumerate((0.0, 3.0, 4.0, 6.0)):
            with torch.no_grad():
                model.strength.fill_(strength)
            recorder.record(step)
    return open_run(directory)


def test_one_head_feeds_another_by_its_keys_since_the_step_at_which_it_does(run):
    for step, formed in ((1, 1), (2, 1), (3, 2)):
        found = run.connections(step)
        (pair,) = found.pairs
        assert (pair.layer_from, pair.head_from, pair.layer_to, pair.head_to, pair.by) == (0, 0, 1, 0, "keys")
        assert (pair.share, pair.formed) == (pytest.approx(1.0), formed)
        others = found.keys.copy()
        others[0, 2] = 0
        assert np.abs(np.nan_to_num(others)).max() < 1e-3, "nobody else is fed by keys"
        assert np.abs(np.nan_to_num(found.queries)).max() < 1e-3, "nobody is fed by queries"
    assert run.connections(0).pairs == ()
    assert run.connection_steps == [0, 1, 2, 3]


def test_dead_heads_cost_nothing_and_those_that_copy_cost_much_at_every_step(run):
    found = run.importance()
    assert found.steps == (0, 1, 2, 3)
    for step in (1, 2, 3):
        assert np.abs(found.exact[step, [1, 3]]).max() < 1e-6
        assert np.abs(found.first_order[step, [1, 3]]).max() < 1e-6
        assert found.exact[step, [0, 2]].min() > 0.05
        assert np.abs(found.first_order[step, [0, 2]]).min() > 1e-3
    assert [(head.layer, head.head) for head in found.prunable] == [(0, 1), (1, 1)]
    assert found.loss[3] < found.loss[0]
