"""Label attention: from which kind of token to which a head attends, for a label that sorts tokens into kinds."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from tb_attnviz.array_types import Float32
from tb_attnviz.events import Sequence as ProbeSequence
from tb_attnviz.events.shapes import shown
from tb_attnviz.recompute import Rows


@dataclasses.dataclass(frozen=True)
class LabelAttention:
    """How a head's queries of each kind share their attention among the kinds of keys, as means over these queries.

    NaN where a query of the kind is not finite, or none sees a key.
    Kinds stand in the order in which they come in the probe, tokens whose label is not known ("") last.
    """

    query_labels: tuple[str, ...]
    key_labels: tuple[str, ...]
    attention: Float32  # [query labels, key labels]; a row sums to 1, but for what falls on a sink
    even: Float32
    """[query labels, key labels]: what a head would give that attends to all keys that it sees alike."""
    queries: npt.NDArray[np.int64]  # [query labels]: how many there are that see a key


def label_attention(rows: Iterable[Rows], own: Sequence[list[str]], others: Sequence[list[str]]) -> LabelAttention:
    """rows: of one head. own, others: of each sequence the labels of its queries and of its keys."""
    query_labels, key_labels = _kinds(own), _kinds(others)
    shape = len(query_labels), len(key_labels)
    attention, even, queries = np.zeros(shape), np.zeros(shape), np.zeros(shape[0], np.int64)
    for some in rows:
        visible = some.visible[0].astype(np.float64)  # (rows, n_key)
        seen = visible.sum(axis=-1, keepdims=True)
        sees = seen[:, 0] > 0
        labels = own[some.sequence]
        kinds = np.array([query_labels.index(labels[query]) for query in some.queries[sees].tolist()], np.intp)
        of_keys = _marked(others[some.sequence], key_labels)  # (n_key, key labels)
        # Each row to its own kind alone: one that is not finite says nothing of the others.
        np.add.at(attention, kinds, some.attention[0, sees].astype(np.float64) @ of_keys)
        np.add.at(even, kinds, visible[sees] / seen[sees] @ of_keys)
        np.add.at(queries, kinds, 1)
    with np.errstate(invalid="ignore", divide="ignore"):  # NaN where no query of a kind sees a key
        mean, by_chance = ((x / queries[:, None]).astype(np.float32) for x in (attention, even))
    return LabelAttention(query_labels, key_labels, mean, by_chance, queries)


def labels_of(sequences: Sequence[ProbeSequence], label: str) -> list[list[str]]:
    """Of each sequence, one a token; "" where it is not known. Raises LookupError for a label of no sequence,
    TypeError for one of numbers."""
    known = list(dict.fromkeys(name for one in sequences for name in one.labels))
    if label not in known:
        raise LookupError(
            f"the probe has no label {shown(label)}: it has {', '.join(map(shown, known[:50])) or 'none'}"
        )
    found = [list(one.labels.get(label, [""] * len(one.tokens))) for one in sequences]
    for one in found:
        for value in one:
            if not isinstance(value, str):
                raise TypeError(f"the label {label!r} is a number ({value}): a table needs one that is a name")
    return [list(map(str, one)) for one in found]


def _kinds(labels: Sequence[list[str]]) -> tuple[str, ...]:
    found = dict.fromkeys(label for one in labels for label in one)
    return (*(label for label in found if label), *([""] if "" in found else []))


def _marked(labels: Sequence[str], kinds: tuple[str, ...]) -> npt.NDArray[np.float64]:
    """[labels, kinds]: 1 at the kind of each."""
    marked = np.zeros((len(labels), len(kinds)))
    marked[np.arange(len(labels)), [kinds.index(label) for label in labels]] = 1
    return marked
