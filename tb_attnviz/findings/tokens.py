"""Tokens: which of them a tokenizer adds around a text, and which are punctuation; as the tab tells them."""

import re
import unicodedata

import numpy as np
import numpy.typing as npt

from tb_attnviz.array_types import Bool
from tb_attnviz.events import Sequence

# As frontend/src/run/special.ts. Masks and unknown words stand for words of the text, so they are none of these.
_SPECIAL = re.compile(
    r"(\[(CLS|SEP|PAD|BOS|EOS)\]|</?s>|</?(cls|sep|pad|bos|eos)>|<\|[^|]*\|>|<｜[^｜]*｜>|<(start|end)_of_turn>)",
    re.IGNORECASE,
)
_MARKS = re.compile(r"^(##|[Ġ▁])|</w>$")  # of the beginning or the end of a word
_NEWLINES = frozenset("ĊĉĠ▁↵⇥␠")


def is_special(token: str) -> bool:
    return _SPECIAL.fullmatch(token) is not None


def is_punctuation(token: str) -> bool:
    text = _MARKS.sub("", token)
    return bool(text) and all(
        unicodedata.category(letter).startswith("P") or letter.isspace() or letter in _NEWLINES for letter in text
    )


def special(sequence: Sequence) -> Bool:
    """[tokens]; patches are none."""
    return np.array([is_special(token) for token in sequence.tokens], np.bool_)


def punctuation(sequence: Sequence) -> Bool:
    """[tokens]"""
    return np.array([is_punctuation(token) for token in sequence.tokens], np.bool_)


def numbered(sequence: Sequence) -> npt.NDArray[np.int64]:
    """[tokens]: equal numbers for equal tokens; -1 for special ones, which are equal to none."""
    numbers: dict[str, int] = {}
    return np.array([-1 if is_special(t) else numbers.setdefault(t, len(numbers)) for t in sequence.tokens], np.int64)
