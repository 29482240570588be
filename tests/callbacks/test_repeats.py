"""Which sequences count as repeating themselves."""

import pytest

from tb_attnviz.callbacks.probes.repeats import find_repeat
from tb_attnviz.events import Repeat


@pytest.mark.parametrize(
    ("text", "repeat"),
    [
        ("a b c d a b c d", Repeat(0, 4)),
        ("<bos> a b c d e a b c d e", Repeat(1, 5)),
        ("a b c d a b c d a b", Repeat(0, 4)),  # a third period that is cut off
        ("a b c d a b c d a b c d a b c d", Repeat(0, 4)),  # of all periods, the shortest
        ("a a b c a a b c", None),  # only three different tokens
        ("a b c d a b c", None),  # less than two periods
        ("a b c a b c a b c", None),  # too short a period
        ("a b c d a b c x", None),
        ("a b c d a b c d [SEP]", None),  # does not last to the end
        ("1 2 3 4 5 a b c d a b c d", None),  # a text that happens to end in a repetition
        ("a", None),
    ],
)
def test_find_repeat(text, repeat):
    assert find_repeat(text.split()) == repeat
