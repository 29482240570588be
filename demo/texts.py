"""Real English text that every machine with the demos installed has, so that nothing is downloaded.

scikit-learn's descriptions of its data sets, and the manual that Python's `help()` shows.
"""

import pydoc_data.topics
import re
from importlib import resources

_MARKUP = re.compile(r"[*|_=~+#^]{2,}|[`*|]|:\w+:|\.\. .*|https?://\S+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


def data_set_descriptions() -> dict[str, list[str]]:
    """Name of a data set of scikit-learn → the sentences of its description."""
    folder = resources.files("sklearn.datasets.descr")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".rst")), key=lambda file: file.name)
    return {file.name.removesuffix(".rst"): _sentences(file.read_text("utf-8")) for file in files}


def python_manual() -> dict[str, list[str]]:
    """Topic of Python's manual → its sentences."""
    return {topic: _sentences(text) for topic, text in sorted(pydoc_data.topics.topics.items())}


def _sentences(document: str) -> list[str]:
    """The sentences of a reStructuredText document, without headings, tables and examples of code."""
    paragraphs = [paragraph for paragraph in re.split(r"\n\s*\n", _MARKUP.sub(" ", document)) if ">>>" not in paragraph]
    found = [" ".join(part.split()) for paragraph in paragraphs for part in _SENTENCE_END.split(paragraph)]
    return [sentence for sentence in found if 30 <= len(sentence) <= 240 and sentence[-1] in ".!?"]
