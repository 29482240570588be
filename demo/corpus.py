"""What the decoder learns from: English sentences, and random words that come twice.

The repeated words cannot be predicted the first time, and the second time only by looking them up in the text before:
this is what an induction head does (Olsson et al. 2022, arXiv 2209.11895).
"""

import torch
from torch import Tensor

from demo import texts
from demo.vocabulary import Vocabulary
from tb_attnviz.callbacks import Probe

LONGEST = 48  # tokens of a sequence

_SHORTEST_PERIOD = 8
_VOCABULARY = 800
_RANDOM_WORDS = 128  # of the vocabulary, in the repeated sequences
_HELD_OUT = 40  # of so many sentences, one is kept for the probe
_PROBE_SENTENCES, _PROBE_REPEATS, _PROBE_PERIOD = 24, 8, 20


class Corpus:
    """Batches for training and sequences for the probe, all random numbers from `seed`."""

    def __init__(self, *, seed: int = 0) -> None:
        documents = [*texts.data_set_descriptions().values(), *texts.python_manual().values()]
        sentences = list(dict.fromkeys(sentence for document in documents for sentence in document))
        self.vocabulary = Vocabulary(sentences, size=_VOCABULARY)
        self._random_words = torch.tensor(self.vocabulary.frequent_words(_RANDOM_WORDS))
        self._held_out = [self.vocabulary.encode(sentence) for sentence in sentences[::_HELD_OUT]]
        kept = [sentence for index, sentence in enumerate(sentences) if index % _HELD_OUT]
        self.text = torch.tensor([token for sentence in kept for token in self.vocabulary.encode(sentence)])
        self._generator = torch.Generator().manual_seed(seed)

    def sentences(self, count: int) -> Tensor:
        """Pieces of the text, [count, LONGEST]."""
        starts = torch.randint(len(self.text) - LONGEST, (count, 1), generator=self._generator)
        return self.text[starts + torch.arange(LONGEST)]

    def repeats(self, count: int) -> tuple[Tensor, Tensor]:
        """Random words that repeat themselves after 8 to 23 words, behind BEGIN.

        Their tokens [count, LONGEST], and which of them come for the second time [count, LONGEST].
        """
        periods = torch.randint(_SHORTEST_PERIOD, LONGEST // 2, (count,), generator=self._generator)
        tokens = torch.stack([self._repeat(int(period), LONGEST) for period in periods])
        return tokens, torch.arange(LONGEST) > periods[:, None]

    def probe(self) -> Probe:
        """Sentences that are not in the training text, and sequences that repeat themselves."""
        fitting = [tokens[:LONGEST] for tokens in self._held_out if len(tokens) >= LONGEST // 4]
        repeats = [self._repeat(_PROBE_PERIOD, 1 + 2 * _PROBE_PERIOD).tolist() for _ in range(_PROBE_REPEATS)]
        sequences = fitting[:_PROBE_SENTENCES] + repeats
        longest = max(len(tokens) for tokens in sequences)
        padded = [tokens + [0] * (longest - len(tokens)) for tokens in sequences]
        return Probe(torch.tensor(padded), [self.vocabulary.decode(tokens) for tokens in sequences])

    def _repeat(self, period: int, length: int) -> Tensor:
        """BEGIN and `period` different random words, again and again, [length]."""
        chosen = torch.randperm(len(self._random_words), generator=self._generator)[:period]
        words = self._random_words[chosen]
        return torch.cat([torch.zeros(1, dtype=torch.long), words.repeat(length // period + 1)])[:length]
