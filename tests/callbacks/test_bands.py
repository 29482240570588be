"""Masks that are bands are read as such, and all others are not."""

import pytest
import torch

from tb_attnviz.callbacks.capture import bands
from tb_attnviz.callbacks.capture.bands import Band, agree, read_band
from tb_attnviz.callbacks.probes.side import Side
from tb_attnviz.callbacks.tracing.attention_call import AttentionCall

N, LENGTHS = 9, [9, 4, 7]
PRESENT = torch.arange(N) < torch.tensor(LENGTHS)[:, None]  # padding at the end
OFFSET = torch.arange(N) - torch.arange(N)[:, None]  # key - query
KEYS_PRESENT = PRESENT[:, None, None, :]


def read(mask=None, *, present=PRESENT, causal=False, window=(None, None), keys=None):
    sequences = len(present)
    queries, vectors = (
        torch.zeros(sequences, 2, N, 4),
        torch.zeros(sequences, 2, N if keys is None else keys.shape[1], 4),
    )
    call = AttentionCall("a", queries, vectors, 1.0, causal, mask, window=window)
    own = Side("tokens", present)
    return read_band(call, own, own if keys is None else Side("key_tokens", keys))


def added(visible, *, hidden=-torch.inf):
    return torch.where(visible, 0.0, hidden)


@pytest.fixture(params=[2**19, 1], ids=["at once", "a query at a time"], autouse=True)
def pairs(request, monkeypatch):
    monkeypatch.setattr(bands, "_PAIRS", request.param)


@pytest.mark.parametrize("spelled", [lambda visible: visible, added, lambda visible: added(visible, hidden=-1e4)])
@pytest.mark.parametrize(
    ("visible", "window"),
    [
        (OFFSET < 99, (None, None)),
        (OFFSET <= 0, (None, 0)),
        ((OFFSET <= 0) & (OFFSET > -3), (2, 0)),
        (OFFSET.abs() <= 2, (2, 2)),
        ((OFFSET >= -1) & (OFFSET <= 4), (1, 4)),
    ],
)
def test_bands(visible, window, spelled):
    assert read(spelled(visible & KEYS_PRESENT)) == Band(window, False)
    assert read(spelled(visible[None, None]), present=torch.ones(1, N, dtype=torch.bool)) == Band(window, False)


@pytest.mark.parametrize("spelled", [lambda visible: visible, added])
def test_a_query_may_see_nothing(spelled):
    assert read(spelled((OFFSET < 0) & KEYS_PRESENT)) == Band((None, -1), False)


def test_padding_before_tokens_does_not_count():
    present = PRESENT.flip(1)
    visible = (OFFSET <= 0) & (OFFSET > -3) & present[:, None, None, :]
    assert read(visible, present=present) == Band((2, 0), False)


def test_padding_that_is_seen_is_told():
    assert read() == Band((None, None), True)
    assert read(causal=True) == Band((None, 0), False)  # it comes after all tokens
    assert read((OFFSET <= 1)[None, None]).shows_padding
    assert read(causal=True, present=PRESENT.flip(1)).shows_padding
    assert read(window=(2, None)).shows_padding
    assert not read(window=(2, 0)).shows_padding


def test_what_the_call_says_and_what_its_mask_says_go_together():
    assert read(KEYS_PRESENT, causal=True, window=(3, None)) == Band((3, 0), False)


@pytest.mark.parametrize(
    "mask",
    [
        (OFFSET <= 0) & KEYS_PRESENT & (torch.arange(N) != 3),  # a key that nobody sees
        ((OFFSET <= 0) | (torch.arange(N) < 3)) & KEYS_PRESENT,  # a prefix
        (OFFSET <= 0) & (OFFSET % 2 == 0) & KEYS_PRESENT,  # strides
        added((OFFSET <= 0) & KEYS_PRESENT) - 0.5 * OFFSET.abs(),  # distances
        torch.stack([OFFSET <= 0, OFFSET > -3])[None] & KEYS_PRESENT,  # heads differ
        (torch.tensor([1, 2, 3])[:, None, None, None] > OFFSET) & KEYS_PRESENT,  # sequences differ
        added(OFFSET <= 0)[None, None] * torch.nan,
    ],
)
def test_what_says_more_is_no_band(mask):
    assert read(mask) is None


def test_across_two_sequences_all_is_seen_or_it_is_no_band():
    keys = torch.arange(5) < torch.tensor([5, 2, 1])[:, None]
    assert read(keys[:, None, None, :], keys=keys) == Band((None, None), False)
    assert read(keys=keys) == Band((None, None), True)
    assert read(keys[:, None, None, :] & (OFFSET[:, :5] <= 0), keys=keys) is None


@pytest.mark.parametrize(
    ("windows", "longest", "window"),
    [
        ([(None, 0), (None, 0)], [9, 4], (None, 0)),
        ([(None, 0), (None, None)], [9, 1], (None, 0)),  # a single token sees itself either way
        ([(3, 0), (None, 0)], [9, 4], (3, 0)),  # 4 tokens are too few to tell
        ([(3, 0), (None, 0)], [9, 5], None),
        ([(3, 0), (2, 0)], [9, 9], None),
        ([(None, None), (None, 0)], [9, 9], None),
    ],
)
def test_batches_agree_as_far_as_their_lengths_tell(windows, longest, window):
    assert agree(windows, longest) == window
