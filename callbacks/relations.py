"""Ready-made relations, for `relations=` of a recorder: what is known about pairs of tokens, which heads may follow.

    relations = {"same token": same_token, "same part": SameLabel("part of speech"), "bracket": matching_bracket}
    AttentionRecorder(model, probe, "runs/a", relations=relations | dependencies(texts, tokenizer))

Pairs are (query, key). Where both directions are given, a decoder sees the one that goes back.
"""

import dataclasses
import importlib
import importlib.util
import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any

from tb_attnviz.events import Sequence as ProbeSequence
from tb_attnviz.events import Side as SideName

from .probes.relations import Pair, Relation
from .probes.texts import token_offsets

__all__ = ["NoParserError", "Relation", "SameLabel", "dependencies", "matching_bracket", "next_indent", "same_token"]

_BRACKETS = {")": "(", "]": "[", "}": "{"}
_SPACES = str.maketrans({"Ġ": " ", "▁": " ", "Ċ": "\n", "ĉ": "\t"})  # as byte-level and SentencePiece tokens have them


def same_token(tokens: Sequence[str]) -> list[Pair]:
    """Each token with all others of its name."""
    return list(_alike(tokens))


def matching_bracket(tokens: Sequence[str]) -> list[Pair]:
    """Each bracket with the one that closes or opens it. What does not match stays alone."""
    found: list[Pair] = []
    opened: list[tuple[str, int]] = []
    for position, token in enumerate(tokens):
        for sign in token:
            if sign in _BRACKETS.values():
                opened.append((sign, position))
            elif sign in _BRACKETS and opened and opened[-1][0] == _BRACKETS[sign]:
                begun = opened.pop()[1]
                if begun != position:
                    found += [(position, begun), (begun, position)]
    return found


def next_indent(tokens: Sequence[str]) -> list[Pair]:
    """The token that ends a line, where the next line's indent is decided, with the indent of the line that it ends.

    Lines end with a token that has a line break in it; the indent is the white space that follows it, in that token or
    in those behind it. Of a line that is not indented it is the line's first token.
    """
    found: list[Pair] = []
    indent = 0
    for position, token in enumerate(tokens):
        text = token.translate(_SPACES)
        if "\n" not in text:
            continue
        if indent < position:
            found.append((position, indent))
        inside = text.rpartition("\n")[2]
        indent = position if inside and inside.isspace() else position + 1
    return found


@dataclasses.dataclass(frozen=True, init=False)
class SameLabel(Relation):
    """Each token with all others of its label `label`; those whose label is not known ("", NaN) with none.

    Of an image whose probe has a label map, `labels={"object": [[[0, 0, 1], …], …]}`, `SameLabel("object")` relates
    the patches of an object. Of two sides both need the label.
    """

    label: str = ""

    def __init__(self, label: str, *, queries_of: SideName = "tokens", keys_of: SideName = "tokens") -> None:
        super().__init__((), queries_of=queries_of, keys_of=keys_of)
        object.__setattr__(self, "label", label)

    def of(self, own: Sequence[ProbeSequence], others: Sequence[ProbeSequence]) -> list[list[Pair]]:
        for one in (*own, *others):
            if self.label not in one.labels:
                known = ", ".join(map(repr, one.labels)) or "none"
                raise ValueError(
                    f"a relation is of the label {self.label!r}, and the probe has {known}: give it labels= or "
                    "with_labels"
                )
        return [
            list(_alike(one.labels[self.label], None if self.queries_of == self.keys_of else other.labels[self.label]))
            for one, other in zip(own, others, strict=True)
        ]


class NoParserError(RuntimeError):
    """No parser of dependencies is installed; the message says what to install."""


def dependencies(
    texts: Sequence[str],
    tokenizer: Any,
    *,
    sequences: int | None = None,
    max_length: int = 64,
    parse: Callable[[str], Iterable[Any]] | None = None,
) -> dict[str, Relation]:
    """ "parent" and "child" of each word by its syntax, for `texts` cut by `tokenizer` as `Probe.from_texts` cuts them.

    sequences: how many the probe has, `len(probe.lengths)`: those after the texts, which the probe has added, have no
        pairs.
    parse: gives a document of spaCy, or what looks like one: words with `text`, `idx` (where it begins in its text)
        and `head`, another of the words, itself for a root. By default the first model of spaCy that is installed.

    Each piece of a word goes with all pieces of the other. Raises NoParserError where no parser is installed, TypeError
    for a tokenizer that cannot say where its tokens stand in the text.
    """
    if sequences is not None and sequences < len(texts):
        raise ValueError(f"there are {len(texts)} texts, but sequences={sequences}: give as many as the probe has")
    parse = parse or _spacy()
    offsets = token_offsets(texts, tokenizer, max_length)
    parents = [list(_parents(spans, list(parse(text)))) for text, spans in zip(texts, offsets, strict=True)]
    parents += [[] for _ in range((sequences or len(texts)) - len(texts))]
    children = [[(parent, child) for child, parent in pairs] for pairs in parents]
    return {"parent": Relation(parents), "child": Relation(children)}


def _parents(spans: Iterable[tuple[int, int] | None], words: Sequence[Any]) -> Iterator[Pair]:
    begins = {word.idx: number for number, word in enumerate(words)}
    pieces: dict[int, list[int]] = defaultdict(list)
    for position, span in enumerate(spans):
        if span is not None:  # else a special token, which stands nowhere
            begin = span[0]
            word = next((n for n, one in enumerate(words) if one.idx <= begin < one.idx + len(one.text)), None)
            if word is not None:
                pieces[word].append(position)
    for number, word in enumerate(words):
        parent = begins[word.head.idx]
        if parent != number:
            yield from ((own, other) for own in pieces[number] for other in pieces[parent])


def _spacy() -> Callable[[str], Iterable[Any]]:
    if importlib.util.find_spec("spacy") is not None:
        spacy: Any = importlib.import_module("spacy")
        # English first, of these the smallest.
        for model in sorted(spacy.util.get_installed_models(), key=lambda name: (not name.startswith("en_"), name)):
            pipeline = spacy.load(model, exclude=["ner", "lemmatizer"])
            if "parser" in pipeline.pipe_names:
                found: Callable[[str], Iterable[Any]] = pipeline
                return found
    raise NoParserError(
        "no parser of dependencies is installed: install spaCy and a model of it "
        "(pip install spacy && python -m spacy download en_core_web_sm), or give parse="
    )


def _alike(own: Sequence[Hashable], others: Sequence[Hashable] | None = None) -> Iterator[Pair]:
    """The positions of equal values that are known; of one sequence each with all but itself."""
    positions: dict[Hashable, list[int]] = defaultdict(list)
    for key, value in enumerate(own if others is None else others):
        positions[value].append(key)
    for query, value in enumerate(own):
        if value != "" and not (isinstance(value, float) and math.isnan(value)):
            yield from ((query, key) for key in positions[value] if others is not None or key != query)
