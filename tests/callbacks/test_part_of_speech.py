"""Parts of speech: words' tags on word pieces, whatever tagger says them; and what is said where there is none."""

import importlib.util
import sys
from types import ModuleType, SimpleNamespace

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from tb_attnviz.callbacks import Probe
from tb_attnviz.callbacks.part_of_speech import LABEL, NoTaggerError, find_tagger, part_of_speech
from tests.callbacks.models import MINILM

TEXT = "The unbelievably grey cat sleeps."
WORDS = [(0, 3, "DET"), (4, 16, "ADV"), (17, 21, "ADJ"), (22, 25, "NOUN"), (26, 32, "VERB"), (32, 33, "PUNCT")]
TAGS = {"The": "DET", "sky": "NOUN", "is": "AUX", "blue": "ADJ", ".": "PUNCT"}


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(MINILM)


def by_hand(text: str):
    assert text == TEXT
    return WORDS


def test_every_piece_of_a_word_has_its_tag(tokenizer) -> None:
    pieces = tokenizer.tokenize(TEXT)
    assert pieces == ["the", "un", "##bel", "##ie", "##va", "##bly", "grey", "cat", "sleeps", "."]
    tags = part_of_speech([TEXT], tokenizer, tagger=by_hand)
    assert tags == {LABEL: [["", "DET", *["ADV"] * 5, "ADJ", "NOUN", "VERB", "PUNCT", ""]]}


def test_byte_level_tokens_begin_with_the_space_before_their_word() -> None:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet)
    bpe.train_from_iterator([TEXT] * 9, trainer)
    gpt = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|endoftext|>")
    [labels] = part_of_speech([TEXT], gpt, tagger=by_hand)[LABEL]
    assert gpt.tokenize(TEXT) == ["The", "Ġunbelievably", "Ġgrey", "Ġcat", "Ġsleeps", "."]
    assert labels == ["DET", "ADV", "ADJ", "NOUN", "VERB", "PUNCT"]


def test_they_fit_the_probe_that_was_made_of_the_texts(tokenizer) -> None:
    probe = Probe.from_texts([TEXT], tokenizer, max_length=8, repeated=0)
    tokens = [sequence.tokens for sequence in probe.record.sequences]
    [labels] = part_of_speech([TEXT], tokenizer, tokens=tokens, max_length=8, tagger=by_hand)[LABEL]
    assert labels == ["", "DET", *["ADV"] * 5, ""]
    added = [*tokens, ("a", "b", "a", "b")]
    assert part_of_speech([TEXT], tokenizer, tokens=added, max_length=8, tagger=by_hand)[LABEL][1] == [""] * 4
    with pytest.raises(ValueError, match=r"text 0 has 12 tokens, but sequence 0 of the probe has 8: give the texts"):
        part_of_speech([TEXT], tokenizer, tokens=tokens, tagger=by_hand)
    with pytest.raises(ValueError, match="there are 2 texts, but the probe has only 1 sequences"):
        part_of_speech([TEXT, TEXT], tokenizer, tokens=tokens, max_length=8, tagger=by_hand)


def test_what_cannot_be_tagged(tokenizer) -> None:
    with pytest.raises(TypeError, match="texts is one string"):
        part_of_speech(TEXT, tokenizer, tagger=by_hand)
    with pytest.raises(
        TypeError, match="SimpleNamespace does not say where its tokens stand in the text: use the fast"
    ):
        part_of_speech([TEXT], SimpleNamespace(is_fast=False), tagger=by_hand)


def spacy_with(*installed: str) -> ModuleType:
    """As spaCy is with these models: `blank` ones tag nothing."""
    module = ModuleType("spacy")

    def load(name: str, *, exclude: list[str]):
        def pipeline(text: str):
            words = [(text.index(word), word) for word in ("The", "sky", "is", "blue", ".")]
            return [Spacy(idx, word, "" if "blank" in name else TAGS[word]) for idx, word in words]

        return pipeline

    module.util = SimpleNamespace(get_installed_models=lambda: list(installed))
    module.load = load
    return module


class Spacy:
    """A token of spaCy's."""

    def __init__(self, idx: int, text: str, pos: str) -> None:
        self.idx, self.text, self.pos_ = idx, text, pos

    def __len__(self) -> int:
        return len(self.text)


def nltk_with(*, data: bool) -> ModuleType:
    """As NLTK is with the data of its tagger, or without."""
    module = ModuleType("nltk")

    def pos_tag(words: list[str], *, tagset: str):
        if not data:
            raise LookupError("Resource averaged_perceptron_tagger_eng not found")
        assert tagset == "universal"
        return [(word, {"PUNCT": ".", "AUX": "VERB"}.get(TAGS[word], TAGS[word])) for word in words]

    module.pos_tag = pos_tag
    return module


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch):
    """Makes these, and no other, the taggers that are installed."""

    def install(**modules: ModuleType | None) -> None:
        real = importlib.util.find_spec
        for name in ("spacy", "nltk"):
            monkeypatch.setitem(sys.modules, name, modules.get(name))
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name: modules.get(name) if name in ("spacy", "nltk") else real(name)
        )

    return install


SKY = [(0, 3, "DET"), (4, 7, "NOUN"), (8, 10, "AUX"), (11, 15, "ADJ"), (15, 16, "PUNCT")]


def test_spacy_comes_first_and_english_of_its_models(installed) -> None:
    installed(spacy=spacy_with("de_core_news_sm", "en_blank", "en_core_web_sm"), nltk=nltk_with(data=True))
    assert list(find_tagger()("The sky is blue.")) == SKY


def test_nltk_where_spacy_has_no_model(installed) -> None:
    installed(spacy=spacy_with(), nltk=nltk_with(data=True))
    expected = [(begin, end, "VERB" if tag == "AUX" else tag) for begin, end, tag in SKY]
    assert list(find_tagger()("The sky is blue.")) == expected


@pytest.mark.parametrize("data", [False, None])
def test_without_a_tagger_it_is_said_what_to_install(installed, data: bool | None) -> None:
    installed(nltk=None if data is None else nltk_with(data=False))
    with pytest.raises(NoTaggerError, match=r"pip install spacy .*en_core_web_sm.*, or NLTK .*pip install nltk"):
        find_tagger()


@pytest.mark.skipif(
    not any(importlib.util.find_spec(name) for name in ("spacy", "nltk")), reason="no tagger is installed"
)
def test_a_real_tagger_knows_nouns_from_verbs(tokenizer) -> None:
    try:
        [tags] = part_of_speech(["The old man reads a book."], tokenizer)[LABEL]
    except NoTaggerError:
        pytest.skip("the tagger that is installed has no data")
    assert tags == ["", "DET", "ADJ", "NOUN", "VERB", "DET", "NOUN", "PUNCT", ""]


def test_a_probe_of_texts_asks_for_them_in_one_word(tokenizer, monkeypatch) -> None:
    monkeypatch.setattr("tb_attnviz.callbacks.part_of_speech.find_tagger", lambda: by_hand)
    probe = Probe.from_texts([TEXT], tokenizer, repeated=1, part_of_speech=True, labels={"source": ["a book"]})
    text, repeat = probe.record.sequences
    assert text.labels[LABEL] == ("", "DET", *["ADV"] * 5, "ADJ", "NOUN", "VERB", "PUNCT", "")
    assert text.labels["source"] == ("a book",) * 12
    assert set(repeat.labels[LABEL]) == {""}
    with pytest.raises(ValueError, match="part_of_speech goes with texts alone"):
        Probe.from_texts([TEXT], tokenizer, targets=[TEXT], part_of_speech=True)


def test_a_probe_without_them_looks_for_no_tagger_and_one_with_them_says_what_to_install(
    tokenizer, monkeypatch
) -> None:
    def nothing():
        raise NoTaggerError("no tagger")

    monkeypatch.setattr("tb_attnviz.callbacks.part_of_speech.find_tagger", nothing)
    assert LABEL not in Probe.from_texts([TEXT], tokenizer).record.sequences[0].labels
    with pytest.raises(NoTaggerError, match="no tagger"):
        Probe.from_texts([TEXT], tokenizer, part_of_speech=True)
