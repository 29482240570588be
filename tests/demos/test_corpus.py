"""The text and the sequences that the demos train on."""

import re

import pytest
import torch

from demo import texts
from demo.chapters import CHAPTERS, examples
from demo.corpus import LONGEST, Corpus
from demo.vocabulary import BEGIN, UNKNOWN, Vocabulary
from tb_attnviz.events import Repeat


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus()


def test_there_is_real_text_in_whole_sentences() -> None:
    documents = texts.python_manual() | texts.data_set_descriptions()
    sentences = [sentence for document in documents.values() for sentence in document]
    assert len(sentences) > 2000
    assert sum(bool(re.match(r"[A-Z].*[.!?]$", sentence)) for sentence in sentences) > 0.7 * len(sentences)


def test_vocabulary_keeps_the_most_frequent_words() -> None:
    vocabulary = Vocabulary(["The cat, the dog, the cat."], size=5)
    assert vocabulary.tokens == [BEGIN, UNKNOWN, "the", "cat", ","]
    assert vocabulary.decode(vocabulary.encode("The dog, the cat")) == [BEGIN, "the", UNKNOWN, ",", "the", "cat"]
    assert vocabulary.frequent_words(2) == [2, 3]


def test_repeats_come_twice_and_say_where(corpus: Corpus) -> None:
    tokens, repeated = corpus.repeats(50)
    assert tokens.shape == repeated.shape == (50, LONGEST)
    for row, second in zip(tokens, repeated, strict=True):
        period = int((~second).sum()) - 1
        assert 8 <= period < LONGEST // 2
        assert torch.equal(row[1 + period :], row[1:-period])
        assert len(set(row[1 : 1 + period].tolist())) == period, "no word twice in a period"


def test_the_probe_holds_unseen_sentences_and_repeats(corpus: Corpus) -> None:
    sequences = corpus.probe().record.sequences
    assert [sequence.repeat for sequence in sequences] == [None] * 24 + [Repeat(1, 20)] * 8
    assert all(sequence.tokens[0] == BEGIN for sequence in sequences)
    seen = " ".join(corpus.vocabulary.decode(corpus.text.tolist()))
    assert not any(" ".join(sequence.tokens) in seen for sequence in sequences)


def test_the_same_seed_gives_the_same_sequences() -> None:
    assert torch.equal(Corpus(seed=3).sentences(4), Corpus(seed=3).sentences(4))


def test_every_chapter_has_sentences_and_none_is_in_both_parts() -> None:
    training, held_out = examples(held_out=100)
    assert {example.chapter for example in training} == set(range(len(CHAPTERS)))
    assert len(held_out) == 100
    assert not {example.sentence for example in training} & {example.sentence for example in held_out}
