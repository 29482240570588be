"""Probe: the fixed inputs that are shown to the model at every checkpoint."""

import copy
import dataclasses
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from tb_attnviz.events import Grid, ProbeRecord
from tb_attnviz.events import Sequence as ProbeSequence
from tb_attnviz.events import Side as SideName

from .labels import GivenLabels, read_labels
from .present import check_rows, find_present
from .ragged import Ragged
from .repeats import SHORTEST_PERIOD, find_repeat, make_repeats
from .side import Side

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Inputs = Tensor | Ragged | Sequence[Any] | Mapping[str, Any]
_MASK = "attention_mask"  # what Hugging Face calls the input that tells tokens (1) from padding (0)
_TEXTS_A_REPEAT = 8  # so that the other figures stay those of the texts


@dataclasses.dataclass(frozen=True)
class Batch:
    """Some sequences of a probe, ready for the model."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    sides: tuple[Side, ...]  # the tokens, and the key_tokens where there are some

    @property
    def present(self) -> Tensor:
        """[sequences, width] boolean: which positions hold a token."""
        return self.sides[0].present


class Probe:
    """Fixed inputs, and the tokens that name their positions.

    `inputs` is what the model is called with: a tensor or a tuple for `model(*inputs)`, a dictionary for
    `model(**inputs)`. Every tensor in it has the sequences as its first axis; anything else is passed on as it is.
    `tokens` names the positions of every sequence. Shorter sequences are padded at their end, or wherever
    `inputs["attention_mask"]` is 0; padding is never recorded.
    `labels` are what points can be coloured by: names, each with one value a token of every sequence, or one for a
    whole sequence; strings (categories), or numbers with NaN for what is not known.

        probe = Probe(ids, tokens=[["the", "sky", "is"], ["it", "rains"]], labels={"part of speech": [...]})

    `key_tokens`: a model with two sides (a decoder that attends to an encoder, an image to a text) attends from
    `tokens` to these, too; `key_labels` are theirs. Their padding is where `inputs["encoder_attention_mask"]` is 0;
    beside `inputs["decoder_input_ids"]`, which `tokens` name then, where `inputs["attention_mask"]` is.
    `kind`: "text", "image", or what else the tokens are of. `grid`: (rows, columns) if the last tokens of every
    sequence are patches of an image, row after row; `from_images` has the images with it.
    """

    def __init__(
        self,
        inputs: Inputs,
        tokens: Sequence[Sequence[str]],
        *,
        key_tokens: Sequence[Sequence[str]] | None = None,
        labels: GivenLabels | None = None,
        key_labels: GivenLabels | None = None,
        kind: str = "text",
        key_kind: str = "text",
        grid: tuple[int, int] | None = None,
    ) -> None:
        self._args, self._kwargs = _as_call(inputs)
        patches = None if grid is None else [Grid(*grid)] * len(tokens)
        sequences = _sequences(tokens, labels, kind, patches)
        if key_tokens is not None:
            if len(key_tokens) != len(tokens):
                raise ValueError(
                    f"key_tokens names {len(key_tokens)} sequences, and tokens {len(tokens)}: give as many"
                )
            others = _sequences(key_tokens, key_labels, key_kind)
            sequences = [replace(own, key_tokens=other) for own, other in zip(sequences, others, strict=True)]
        elif key_labels:
            raise ValueError("key_labels are given, but no key_tokens that they could be about")
        self.record = ProbeRecord(tuple(sequences))
        self.pictures: dict[str, bytes] = {}
        """PNG files by the names that the record has for them."""
        self._present = self._find_present()

    @classmethod
    def from_texts(
        cls,
        texts: Sequence[str],
        tokenizer: "PreTrainedTokenizerBase",
        *,
        max_length: int = 64,
        targets: Sequence[str] | None = None,
        decoder_start: int | None = None,
        repeated: int | None = None,
        labels: GivenLabels | None = None,
    ) -> "Probe":
        """A probe of `texts`, cut to `max_length` tokens each, special tokens included.

        repeated: how many sequences to add in which random tokens of the texts are said twice: on them induction heads
            show (Olsson et al. 2022, arXiv 2209.11895). By default one for every eight texts; none if the tokenizer
            ends texts with a special token ([SEP], </s>), as those of encoders do, or if the texts are too few.
        targets: for an encoder with a decoder: what the decoder is given for each of `texts`. Its tokens are then those
            of the probe, and the encoder's the `key_tokens`. They follow `decoder_start`, the model's
            `config.decoder_start_token_id`: the padding token unless given, as of T5, Marian and Pegasus.
        labels: as of Probe, for the texts alone (the targets, where there are some). Where they depend on how a text is
            cut into tokens, see `with_labels`.

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
        ended = targets is not None or all(row and row[-1] in special for row in ids)
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
        tokens = [[_readable(tokenizer, token) for token in row] for row in ids]
        if targets is None:
            return cls(inputs, tokens, labels=of_all)
        if len(targets) != len(texts) or isinstance(targets, str):
            raise ValueError(f"targets are {len(targets)} for {len(texts)} texts: give a list with one for each")
        start = padding if decoder_start is None else decoder_start
        answers = tokenizer(text_target=list(targets), truncation=True, max_length=max_length)["input_ids"]
        shifted = [[start, *row[:-1]] for row in cast(list[list[int]], answers)]  # each token is to follow from these
        inputs["decoder_input_ids"] = _pad(shifted, padding)
        inputs[f"decoder_{_MASK}"] = _pad([[1] * len(row) for row in shifted], 0)
        decoded = [[_readable(tokenizer, token) for token in row] for row in shifted]
        return cls(inputs, decoded, key_tokens=tokens, labels=of_all)

    @classmethod
    def from_images(
        cls,
        images: Sequence[Any] | None,
        pixel_values: Tensor | Sequence[Tensor] | Mapping[str, Any],
        patch_size: int | tuple[int, int] = 16,
        *,
        special: Sequence[str] = ("[CLS]",),
        labels: GivenLabels | None = None,
        key_tokens: Sequence[Sequence[str]] | None = None,
        key_labels: GivenLabels | None = None,
    ) -> "Probe":
        """A probe of images, cut into patches of `patch_size` pixels (height, width), row after row.

        pixel_values: what the model is shown, [images, channels, height, width]: a tensor, or what an image processor
            gives; for images of several sizes a list of tensors [channels, height, width].
        images: pictures to show: PIL images, or arrays [height, width(, 3)] or [3, height, width], in bytes or from 0
            to 1; as the model sees them, resized and cropped like the pixels. None: the pixels are shown, stretched
            to the range of colours. They are stored in the run, once, no side longer than images.LONGEST_SIDE.
        special: names of the tokens before the patches: ("[CLS]",), ("[CLS]", "[REG1]", …), or () if there are none.
        labels: as of Probe; of patches alone, [rows, columns] for each image, too. Row, column, distance from the
            centre, hue, brightness and contrast of every patch are found in the pictures.

        For models whose layers have grids of their own, as Swin, patch_size is that of the first, and special ().
        """
        from . import images as pictures

        inputs, pixels = pictures.as_inputs(pixel_values)
        shown = pictures.as_pictures(images, pixels)
        grids = [pictures.find_grid(x, patch_size) for x in pixels]
        probe = cls(
            inputs,
            [(*special, *grid.tokens) for grid in grids],
            kind="image",
            key_tokens=key_tokens,
            key_labels=key_labels,
        )
        stored = [pictures.store(picture) for picture in shown]
        probe.pictures = {image.file: png for image, png in stored}
        probe.record = ProbeRecord(
            tuple(
                replace(sequence, grid=grid, image=image)
                for sequence, grid, (image, _) in zip(probe.record.sequences, grids, stored, strict=True)
            )
        )
        found = [pictures.patch_labels(picture, grid) for picture, grid in zip(shown, grids, strict=True)]
        of_patches: dict[str, Any] = {name: [of[name] for of in found] for name in found[0]}
        return probe.with_labels(pictures.of_tokens({**of_patches, **(labels or {})}, grids, len(special)))

    def with_labels(self, labels: GivenLabels) -> "Probe":
        """The same probe with more labels, for what can only be said of tokens once they are there.

        probe = probe.with_labels({"length": [[len(token) for token in s.tokens] for s in probe.record.sequences]})
        """
        sequences = self.record.sequences
        read = read_labels(labels, [sequence.tokens for sequence in sequences])
        labelled = copy.copy(self)
        labelled.record = replace(
            self.record,
            sequences=tuple(
                replace(sequence, labels={**sequence.labels, **of_sequence})
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

    def own_grid(self, grid: Grid) -> Grid | None:
        """`grid`, or None if the tokens of every sequence are the patches of just this one."""
        same = all(sequence.grid == grid and len(sequence.tokens) == grid.size for sequence in self.record.sequences)
        return None if same else grid

    def batches(self, size: int, *, device: torch.device) -> Iterator[Batch]:
        """The probe in batches of at most `size` sequences, on `device`."""
        for part in self._parts(size):
            yield Batch(
                args=tuple(_take(value, part, device) for value in self._args),
                kwargs={name: _take(value, part, device) for name, value in self._kwargs.items()},
                sides=tuple(self._side(side, part, device) for side in self._present),
            )

    def _only(self, rows: list[int]) -> "Probe":
        """The probe without the other sequences."""
        part = copy.copy(self)
        part._args = tuple(_rows(value, rows) for value in self._args)
        part._kwargs = {name: _rows(value, rows) for name, value in self._kwargs.items()}
        part._present = {side: present[rows] for side, present in self._present.items()}
        part.record = replace(self.record, sequences=tuple(self.record.sequences[row] for row in rows))
        shown = {sequence.image.file for sequence in part.record.sequences if sequence.image}
        part.pictures = {file: png for file, png in self.pictures.items() if file in shown}
        return part

    def _parts(self, size: int) -> Iterator[slice]:
        """At most `size` sequences each, whose inputs have the same shapes."""
        values = [value for value in (*self._args, *self._kwargs.values()) if isinstance(value, Ragged)]
        shapes = [tuple(value[row].shape for value in values) for row in range(len(self.lengths))]
        first = 0
        for row in range(1, len(shapes) + 1):
            if row == len(shapes) or row - first == size or shapes[row] != shapes[first]:
                yield slice(first, row)
                first = row

    def _side(self, side: SideName, part: slice, device: torch.device) -> Side:
        """The positions of some sequences, without those that only others have."""
        sequences = self.record.side(side)[part]
        present = self._present[side][part]
        if any(isinstance(value, Ragged) for value in (*self._args, *self._kwargs.values())):
            present = present[:, : max(len(sequence.tokens) for sequence in sequences)]
        places = None
        if all(sequence.grid is not None for sequence in sequences):
            known = [place or (math.nan, math.nan) for place in sequences[0].places]
            places = torch.tensor(known, device=device)  # (width, 2)
        repeats = [sequence.repeat for sequence in sequences]
        return Side(side, present.to(device), places=places, repeats=repeats)

    def _find_present(self) -> dict[SideName, Tensor]:
        """Which positions hold a token, side → [sequences, width]. Raises ValueError if they do not fit the inputs."""
        inputs = {**{f"inputs[{i}]": value for i, value in enumerate(self._args)}, **self._kwargs}
        check_rows(inputs, len(self.lengths))
        two_sides = self.record.sequences[0].key_tokens is not None
        sides: tuple[SideName, ...] = ("tokens", "key_tokens") if two_sides else ("tokens",)
        return {
            side: find_present(inputs, [len(s.tokens) for s in self.record.side(side)], side, two_sides=two_sides)
            for side in sides
        }


def _sequences(
    tokens: Sequence[Sequence[str]], labels: GivenLabels | None, kind: str, grids: Sequence[Grid] | None = None
) -> list[ProbeSequence]:
    _check_tokens(tokens)
    labelled = read_labels(labels or {}, tokens)
    sequences = [
        ProbeSequence(tuple(sequence), kind=kind, repeat=find_repeat(sequence), labels=of_sequence)
        for sequence, of_sequence in zip(tokens, labelled, strict=True)
    ]
    if grids is None:
        return sequences
    for index, (sequence, grid) in enumerate(zip(sequences, grids, strict=True)):
        if len(sequence.tokens) < grid.size:
            raise ValueError(
                f"sequence {index} of the probe has {len(sequence.tokens)} tokens, fewer than the {grid.size} patches "
                f"of a grid of {grid.rows} rows and {grid.columns} columns"
            )
    return [replace(sequence, grid=grid) for sequence, grid in zip(sequences, grids, strict=True)]


def _as_call(inputs: Inputs) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(inputs, (Tensor, Ragged)):
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


def _take(value: Any, part: slice, device: torch.device) -> Any:
    if isinstance(value, Ragged):
        return value.stacked(part).to(device)
    return value[part].to(device) if isinstance(value, Tensor) else value


def _rows(value: Any, rows: list[int]) -> Any:
    if isinstance(value, Ragged):
        return Ragged(value[row] for row in rows)
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
