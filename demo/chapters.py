"""A task for a sentence classifier: from which chapter of Python's manual is a sentence?"""

import dataclasses
import random

from demo import texts

CHAPTERS = {  # topic of the manual → what it is about
    "compound": "statements",
    "specialnames": "special methods",
    "debugger": "the debugger",
    "string-methods": "strings",
    "formatstrings": "formatting",
    "typesseq": "sequences",
    "typesmapping": "dictionaries",
    "execmodel": "names and scopes",
}


@dataclasses.dataclass(frozen=True)
class Example:
    """A sentence and the number of its chapter."""

    sentence: str
    chapter: int


def examples(*, held_out: int, seed: int = 0) -> tuple[list[Example], list[Example]]:
    """Shuffled sentences to train on, and `held_out` others."""
    manual = texts.python_manual()
    found = {sentence: chapter for chapter, topic in enumerate(CHAPTERS) for sentence in manual.get(topic, [])}
    shuffled = [Example(sentence, chapter) for sentence, chapter in found.items()]
    random.Random(seed).shuffle(shuffled)
    return shuffled[held_out:], shuffled[:held_out]
