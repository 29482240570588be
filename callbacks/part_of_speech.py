"""Parts of speech for the tokens of a probe, as labels to colour its points by: where a tagger is installed.

    probe = Probe.from_texts(texts, tokenizer)
    tags = part_of_speech(texts, tokenizer, tokens=[s.tokens for s in probe.record.sequences])

gives {"part of speech": [["DET", "NOUN", "VERB", …], …]}: the labels of each sequence, one a token, in the universal
tag set (Petrov et al. 2012, arXiv 1104.2086; https://universaldependencies.org/u/pos). Special tokens, and sequences
without a text (random repeats), have the empty label: not known.
"""

import importlib
import importlib.util
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from .probes.texts import token_offsets

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Word = tuple[int, int, str]  # where it begins and ends in its text, and its tag
Tagger = Callable[[str], Iterable[Word]]

LABEL = "part of speech"
UNKNOWN = ""

# One English sentence: what a tagger needs beside its package is missed when it is used, not when it is imported.
_TRIAL = "The sky is blue."
_WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


class NoTaggerError(RuntimeError):
    """No tagger of parts of speech is installed; the message says what to install."""


def part_of_speech(
    texts: Sequence[str],
    tokenizer: "PreTrainedTokenizerBase",
    *,
    tokens: Sequence[Sequence[str]] | None = None,
    max_length: int = 64,
    tagger: Tagger | None = None,
) -> dict[str, list[list[str]]]:
    """Labels for `texts` cut by `tokenizer` as `Probe.from_texts` cuts them: a tag for each token.

    tokens: those of each sequence of the probe, to be checked against; sequences after the texts, which the probe has
        added, get empty labels.
    tagger: gives the words of a text as (begin, end, tag); by default spaCy's or NLTK's, the first that is installed
        with its data.

    Each word piece has the tag of the word in which it begins. Raises NoTaggerError where there is no tagger,
    TypeError for a tokenizer that cannot say where its tokens stand in the text, and ValueError where `tokens` are not
    those of the texts.
    """
    offsets = token_offsets(texts, tokenizer, max_length)
    tag = tagger or find_tagger()
    labels = [
        [_tag_at(span, words) for span in spans]
        for text, spans in zip(texts, offsets, strict=True)
        for words in (list(tag(text)),)
    ]
    if tokens is not None:
        labels = _fitted(labels, tokens)
    return {LABEL: labels}


def find_tagger() -> Tagger:
    """The first tagger that is installed with its data: spaCy's, else NLTK's. Raises NoTaggerError."""
    for find in (_spacy, _nltk):
        tagger = find()
        if tagger is not None:
            return tagger
    raise NoTaggerError(
        "no tagger of parts of speech is installed with its data: install spaCy and a model of it "
        "(pip install spacy && python -m spacy download en_core_web_sm), or NLTK and its tagger (pip install nltk && "
        "python -m nltk.downloader averaged_perceptron_tagger_eng universal_tagset)"
    )


def _spacy() -> Tagger | None:
    if importlib.util.find_spec("spacy") is None:
        return None
    spacy: Any = importlib.import_module("spacy")
    # English first, of these the smallest: all tag parts of speech nearly alike.
    models = sorted(spacy.util.get_installed_models(), key=lambda name: (not name.startswith("en_"), name))
    for model in models:
        pipeline = spacy.load(model, exclude=["ner", "parser", "lemmatizer", "senter"])
        if any(word.pos_ for word in pipeline(_TRIAL)):
            return lambda text: [(word.idx, word.idx + len(word), word.pos_) for word in pipeline(text)]
    return None


def _nltk() -> Tagger | None:
    if importlib.util.find_spec("nltk") is None:
        return None
    nltk: Any = importlib.import_module("nltk")

    def tag(text: str) -> list[Word]:
        found = list(_WORD.finditer(text))
        tagged = nltk.pos_tag([match.group() for match in found], tagset="universal")
        return [
            (match.start(), match.end(), _UNIVERSAL.get(name, name))
            for match, (_, name) in zip(found, tagged, strict=True)
        ]

    try:
        tag(_TRIAL)
    except LookupError:  # the package without its data
        return None
    return tag


# NLTK's names of the first universal tag set that are others in the one of today.
_UNIVERSAL = {".": "PUNCT", "CONJ": "CCONJ", "PRT": "PART"}


def _tag_at(span: tuple[int, int] | None, words: Sequence[Word]) -> str:
    """The tag of the word in which the token that spans this of its text begins."""
    if span is None:
        return UNKNOWN
    return next((tag for start, stop, tag in words if start <= span[0] < stop), UNKNOWN)


def _fitted(labels: list[list[str]], tokens: Sequence[Sequence[str]]) -> list[list[str]]:
    """The labels for these sequences: those of the texts, then empty ones."""
    for index, (of_text, sequence) in enumerate(zip(labels, tokens, strict=False)):
        if len(of_text) != len(sequence):
            raise ValueError(
                f"text {index} has {len(of_text)} tokens, but sequence {index} of the probe has {len(sequence)}: give "
                "the texts, the tokenizer and the max_length that the probe was made with"
            )
    if len(tokens) < len(labels):
        raise ValueError(f"there are {len(labels)} texts, but the probe has only {len(tokens)} sequences")
    return labels + [[UNKNOWN] * len(sequence) for sequence in tokens[len(labels) :]]
