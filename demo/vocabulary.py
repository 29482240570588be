"""A vocabulary of whole words: what a head looks at can be read."""

import re
from collections import Counter
from collections.abc import Iterable

BEGIN, UNKNOWN = "<bos>", "<unk>"

_WORD = re.compile(r"\w+|[^\w\s]")


class Vocabulary:
    """BEGIN, UNKNOWN, and the most frequent words and punctuation marks of `texts`, in lower case: `size` tokens."""

    def __init__(self, texts: Iterable[str], *, size: int) -> None:
        counts = Counter(word for text in texts for word in _split(text))
        self.tokens = [BEGIN, UNKNOWN, *(word for word, _ in counts.most_common(size - 2))]
        self._ids = {token: index for index, token in enumerate(self.tokens)}

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, text: str) -> list[int]:
        """BEGIN and the words of `text`."""
        return [0, *(self._ids.get(word, 1) for word in _split(text))]

    def decode(self, ids: Iterable[int]) -> list[str]:
        return [self.tokens[index] for index in ids]

    def frequent_words(self, count: int) -> list[int]:
        """The `count` most frequent words of letters, as tokens."""
        return [index for index, token in enumerate(self.tokens) if token.isalpha()][:count]


def _split(text: str) -> list[str]:
    return _WORD.findall(text.lower())
