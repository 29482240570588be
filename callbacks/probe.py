"""Probe: the fixed inputs that are shown to the model at every checkpoint."""

import copy
import dataclasses
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from tb_attnviz.events import ProbeRecord, Repeat
from tb_attnviz.events import Sequence as ProbeSequence

from .labels import GivenLabels, read_labels
from .repeats import SHORTEST_PERIOD, find_repeat, make_repeats

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Inputs = Tensor | Sequence[Any] | Mapping[str, Any]
_MASK = "attention_mask"  # what Hugging Face calls the input that tells tokens (1) from padding (0)
_TEXTS_A_REPEAT = 8  # so that the other figures stay those of the texts


@dataclasses.dataclass(frozen=True)
class Batch:
    """Some sequences of a probe, ready for the model."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    present: Tensor  # [sequences, width] boolean: which positions hold a token of the probe
    repeats: tuple[Repeat | None, ...]


class Probe:
    """Fixed inputs, and the tokens that name their positions.

    `inputs` is what the model is called with: a tensor or a tuple for `model(*inputs)`, a dictionary for
    `model(**inputs)`. Every tensor in it has the sequences as its first axis; anything else is passed on as it is.
    `tokens` names the positions of every sequence. Shorter sequences are padded at their end, or wherever
    `inputs["attention_mask"]` is 0; padding is never recorded.
    `labels` are what points can be coloured by: names, each with one value a token of every sequence, or one for a
    whole sequence; strings (categories), or numbers with NaN for what is not known.

        probe = Probe(ids, tokens=[["the", "sky", "is"], ["it", "rains"]], labels={"part of speech": [...]})
    """

    def __init__(
        self,
        inputs: Inputs,
        tokens: Sequence[Sequence[str]],
        *,
        labels: GivenLabels | None = None,
        kind: str = "text",
    ) -> None:
        self._args, self._kwargs = _as_call(inputs)
        _check_tokens(tokens)
        self._present = self._find_present([len(sequence) for sequence in tokens])
        labelled = read_labels(labels or {}, tokens)
        self.record = ProbeRecord(
            tuple(
                ProbeSequence(tuple(sequence), kind=kind, repeat=find_repeat(sequence), labels=of_sequence)
                for sequence, of_sequence in zip(tokens, labelled, strict=True)
            )
        )

    @classmethod
    def from_texts(
        cls,
        texts: Sequence[str],
        tokenizer: "PreTrainedTokenizerBase",
        *,
        max_length: int = 64,
        repeated: int | None = None,
        labels: GivenLabels | None = None,
    ) -> "Probe":
        """A probe of `texts`, cut to `max_length` tokens each, special tokens included.

        repeated: how many sequences to add in which random tokens of the texts are said twice: on them induction heads
            show (Olsson et al. 2022, arXiv 2209.11895). By default one for every eight texts; none if the tokenizer
            ends texts with a special token ([SEP], </s>), as those of encoders do, or if the texts are too few.
        labels: as of Probe, for the texts alone. Where they depend on how a text is cut into tokens, see `with_labels`.

        The texts are padded here, at their end and whatever the tokenizer does, so that positions are those of the
        text alone, a tokenizer without a padding token will do, and the tokenizer stays as it is.
        """
        if isinstance(texts, str):
            raise TypeError(f"texts is one string ({texts[:40]!r}); give a list of strings")
        if not texts:
            raise ValueError("the probe is empty: give at least one text")
        encoding = tokenizer(list(texts), truncation=True, max_length=max_length)
        ids = cast(list[list[int]], encoding["input_ids"])
        special = set(tokenizer.all_special_ids)
        ended = all(row and row[-1] in special for row in ids)
        count = repeated if repeated is not None else 0 if ended else math.ceil(len(ids) / _TEXTS_A_REPEAT)
        repeats = make_repeats(ids, special, count=count, max_length=max_length)
        if repeated and not repeats:
            raise ValueError(
                f"repeated={repeated}, but the texts have too few different tokens to say {SHORTEST_PERIOD} of them "
                f"twice within max_length={max_length}: give more texts, a larger max_length, or repeated=0"
            )
        padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id or 0
        inputs = {
            name: _pad([*encoding[name], *([0] * len(row) for row in repeats)], 0)
            for name in encoding
            if name in tokenizer.model_input_names
        }
        ids = ids + repeats
        inputs["input_ids"] = _pad(ids, padding)
        inputs[_MASK] = _pad([[1] * len(row) for row in ids], 0)
        for name, given in (labels or {}).items():
            if len(given) != len(texts):
                raise ValueError(f"the labels {name!r} are of {len(given)} sequences, but there are {len(texts)} texts")
        of_all = {name: [*given, *(None for _ in repeats)] for name, given in (labels or {}).items()}
        return cls(inputs, tokens=[[_readable(tokenizer, token) for token in row] for row in ids], labels=of_all)

    def with_labels(self, labels: GivenLabels) -> "Probe":
        """The same probe with more labels, for what can only be said of tokens once they are there.

        probe = probe.with_labels({"length": [[len(token) for token in s.tokens] for s in probe.record.sequences]})
        """
        sequences = self.record.sequences
        read = read_labels(labels, [sequence.tokens for sequence in sequences])
        labelled = copy.copy(self)
        labelled.record = dataclasses.replace(
            self.record,
            sequences=tuple(
                dataclasses.replace(sequence, labels={**sequence.labels, **of_sequence})
                for sequence, of_sequence in zip(sequences, read, strict=True)
            ),
        )
        return labelled

    @property
    def lengths(self) -> tuple[int, ...]:
        """Tokens of each sequence."""
        return self.record.lengths

    def within(self, max_tokens: int, *, seed: int = 0) -> "Probe":
        """As many whole sequences as have at most `max_tokens` tokens together: chosen at random, in their order.

        The choice is a function of `seed` and the lengths alone, so that a restarted training has the same probe.
        Raises ValueError if not even one fits.
        """
        order = random.Random(seed).sample(range(len(self.lengths)), len(self.lengths))
        chosen: list[int] = []
        left = max_tokens
        for index in order:
            if self.lengths[index] <= left:
                chosen.append(index)
                left -= self.lengths[index]
        if not chosen:
            raise ValueError(
                f"max_tokens={max_tokens} holds no sequence of the probe: the shortest has {min(self.lengths)} tokens"
            )
        return self._only(sorted(chosen))

    def batches(self, size: int, *, device: torch.device) -> Iterator[Batch]:
        """The probe in batches of at most `size` sequences, on `device`."""
        repeats = tuple(sequence.repeat for sequence in self.record.sequences)
        for first in range(0, len(repeats), size):
            part = slice(first, first + size)
            yield Batch(
                args=tuple(_take(value, part, device) for value in self._args),
                kwargs={name: _take(value, part, device) for name, value in self._kwargs.items()},
                present=self._present[part].to(device),
                repeats=repeats[part],
            )

    def _only(self, rows: list[int]) -> "Probe":
        """The probe without the other sequences."""
        part = copy.copy(self)
        part._args = tuple(_rows(value, rows) for value in self._args)
        part._kwargs = {name: _rows(value, rows) for name, value in self._kwargs.items()}
        part._present = self._present[rows]
        part.record = dataclasses.replace(self.record, sequences=tuple(self.record.sequences[row] for row in rows))
        return part

    def _find_present(self, lengths: list[int]) -> Tensor:
        """Which positions hold a token, [sequences, width]. Raises ValueError if `lengths` do not fit the inputs."""
        named = {**{f"inputs[{i}]": value for i, value in enumerate(self._args)}, **self._kwargs}
        tensors = {name: value for name, value in named.items() if isinstance(value, Tensor)}
        if not tensors:
            raise ValueError("the probe's inputs hold no tensor: give what the model is called with, sequences first")
        for name, tensor in tensors.items():
            rows = tensor.shape[0] if tensor.dim() else 0
            if rows != len(lengths):
                raise ValueError(
                    f"tokens names {len(lengths)} sequences, but {name} of shape {tuple(tensor.shape)} has {rows} "
                    "along its first axis: give one list of tokens for each sequence of the inputs"
                )
        mask = tensors.get(_MASK)
        if mask is not None and mask.dim() == 2:
            return _present_by_mask(mask, lengths)
        ids = next((tensor for tensor in tensors.values() if _holds_ids(tensor)), None)
        if ids is not None:
            _check_width(ids.shape[1], lengths)
        return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]  # (sequences, width)


def _as_call(inputs: Inputs) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(inputs, Tensor):
        return (inputs,), {}
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    if isinstance(inputs, (tuple, list)):
        return tuple(inputs), {}
    raise TypeError(f"inputs is a {type(inputs).__name__}; give a tensor, a tuple for model(*inputs), or a dictionary")


def _check_tokens(tokens: Sequence[Sequence[str]]) -> None:
    if not tokens:
        raise ValueError("the probe is empty: give at least one sequence")
    for index, sequence in enumerate(tokens):
        if isinstance(sequence, str):
            raise TypeError(f"the tokens of sequence {index} are one string ({sequence[:40]!r}); give a list")
        if not sequence:
            raise ValueError(f"sequence {index} of the probe has no tokens: leave it out")


def _present_by_mask(mask: Tensor, lengths: list[int]) -> Tensor:
    present = mask.detach().cpu().bool()
    for index, (found, named) in enumerate(zip(present.sum(dim=1).tolist(), lengths, strict=True)):
        if found != named:
            raise ValueError(
                f"sequence {index} of the probe has {named} tokens, but {_MASK} marks {found} positions in it: "
                "give one token for each position that is not padding"
            )
    return present


def _check_width(width: int, lengths: list[int]) -> None:
    longest = max(range(len(lengths)), key=lambda index: lengths[index])
    if lengths[longest] != width:
        raise ValueError(
            f"sequence {longest}, the longest of the probe, has {lengths[longest]} tokens, but the inputs are {width} "
            f"positions wide: give one token for each position, or mark the padding in an {_MASK}"
        )


def _holds_ids(tensor: Tensor) -> bool:
    return tensor.dim() == 2 and not tensor.is_floating_point() and tensor.dtype != torch.bool


def _take(value: Any, part: slice, device: torch.device) -> Any:
    return value[part].to(device) if isinstance(value, Tensor) else value


def _rows(value: Any, rows: list[int]) -> Any:
    return value[rows] if isinstance(value, Tensor) else value


def _pad(rows: list[list[int]], filling: int) -> Tensor:
    """`rows` as one tensor [rows, longest], filled up at the end."""
    longest = max(len(row) for row in rows)
    return torch.tensor([row + [filling] * (longest - len(row)) for row in rows])


def _readable(tokenizer: "PreTrainedTokenizerBase", token: int) -> str:
    """A token as text: byte-level pieces decoded ("ĠcafÃ©" is " café"), the start of a word kept as a space."""
    piece = cast(str, tokenizer.convert_ids_to_tokens(token))
    text = cast(str, tokenizer.decode([token], clean_up_tokenization_spaces=False))
    if not text.strip() or "\N{REPLACEMENT CHARACTER}" in text:
        return piece  # white space, or a part of a character
    return " " + text if piece[0] in "Ġ▁" and not text.startswith(" ") else text
