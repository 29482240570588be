"""Probe: the fixed inputs that are shown to the model at every checkpoint."""

import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from tb_attnviz.events import Grid, ProbeRecord
from tb_attnviz.events import Sequence as ProbeSequence
from tb_attnviz.events import Side as SideName

from .probes import images as probe_images
from .probes.batch import Batch
from .probes.batching import find_present, rows_within, side_beside, side_of, unlike
from .probes.inputs import GivenInputs, Inputs
from .probes.labels import GivenLabels, read_labels
from .probes.own_keys import Beside, named_beside
from .probes.relations import GivenRelations, Related, read_relations
from .probes.sequences import check_grids, read_sequences
from .probes.texts import as_texts, as_tokenizer, encode, encode_pairs

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerBase


class Probe:
    """Fixed inputs, and the tokens that name their positions.

    `inputs` is what the model is called with: a tensor or a tuple for `model(*inputs)`, a dictionary for
    `model(**inputs)`; a tuple of one dictionary where that is the model's only argument. Tensors in it, however deep in
    dictionaries and lists, have the sequences as their first axis. Those that have not belong to no sequence (a time
    step, a mask [n, n]) and are passed on as they are, as anything else is; `shared` names those whose first axis is
    as long as there are sequences by chance.
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
        inputs: GivenInputs,
        tokens: Sequence[Sequence[str]],
        *,
        key_tokens: Sequence[Sequence[str]] | None = None,
        labels: GivenLabels | None = None,
        key_labels: GivenLabels | None = None,
        kind: str = "text",
        key_kind: str = "text",
        grid: tuple[int, int] | None = None,
        shared: Sequence[str] = (),
    ) -> None:
        self._inputs = Inputs(inputs, len(tokens), shared)
        patches = None if grid is None else [Grid(*grid)] * len(tokens)
        sequences = read_sequences(tokens, labels, kind, patches)
        if key_tokens is not None:
            if len(key_tokens) != len(tokens):
                raise ValueError(
                    f"key_tokens names {len(key_tokens)} sequences, and tokens {len(tokens)}: give as many"
                )
            others = read_sequences(key_tokens, key_labels, key_kind)
            sequences = [replace(own, key_tokens=other) for own, other in zip(sequences, others, strict=True)]
        elif key_labels:
            raise ValueError("key_labels are given, but no key_tokens that they could be about")
        self.record = ProbeRecord(tuple(sequences))
        self.pngs: dict[str, bytes] = {}
        """PNG files by the names that the record has for them."""
        self.relations: tuple[Related, ...] = ()
        """The pairs of its tokens that heads may follow."""
        self._present = find_present(self._inputs, self.record)
        self._beside: Beside = (0, 0)

    @classmethod
    def from_texts(
        cls,
        texts: Sequence[str] | str | os.PathLike[str],
        tokenizer: "PreTrainedTokenizerBase | Tokenizer | str | os.PathLike[str]",
        *,
        max_length: int = 64,
        targets: Sequence[str] | str | os.PathLike[str] | None = None,
        decoder_start: int | None = None,
        repeated: int | None = None,
        labels: GivenLabels | None = None,
        part_of_speech: bool = False,
    ) -> "Probe":
        """A probe of `texts`, cut to `max_length` tokens each, special tokens included.

        texts: strings, or the path of a text file that has one a line; `targets` likewise.
        tokenizer: of transformers, or of the package tokenizers; or a directory or name on the Hugging Face hub that
            transformers loads one from: `Probe.from_texts("probe.txt", "bert-base-uncased")`.
        repeated: how many sequences to add in which random tokens of the texts are said twice: on them induction heads
            show (Olsson et al. 2022, arXiv 2209.11895), at several distances, so that they can be told from heads that
            attend at a fixed one. By default one for every eight texts, but two at least; none if the tokenizer ends
            texts with a special token ([SEP], </s>), as those of encoders do, or if the texts are too few.
        targets: for an encoder with a decoder: what the decoder is given for each of `texts`. Its tokens are then those
            of the probe, and the encoder's the `key_tokens`. They follow `decoder_start`, the model's
            `config.decoder_start_token_id`: the padding token unless given, as of T5, Marian and Pegasus.
        labels: as of Probe, for the texts alone (the targets, where there are some). Where they depend on how a text is
            cut into tokens, see `with_labels`.
        part_of_speech: adds the tokens' parts of speech as labels, by spaCy or NLTK (module `part_of_speech`); raises
            NoTaggerError where neither is installed with its data.

        The texts are padded here, at their end and whatever the tokenizer does, so that positions are those of the
        text alone, a tokenizer without a padding token will do, and the tokenizer stays as it is.
        """
        texts = as_texts(texts, "texts")
        targets = None if targets is None else as_texts(targets, "targets")
        tokenizer = as_tokenizer(tokenizer)
        for name, given in (labels or {}).items():
            if len(given) != len(texts):
                raise ValueError(f"the labels {name!r} are of {len(given)} sequences, but there are {len(texts)} texts")
        if targets is not None:
            if repeated:
                raise ValueError(
                    f"repeated={repeated} goes with texts for a decoder alone: leave it out beside targets"
                )
            if part_of_speech:
                raise ValueError("part_of_speech goes with texts alone: leave it out beside targets")
            inputs, key_tokens, tokens = encode_pairs(texts, targets, tokenizer, max_length, start=decoder_start)
            return cls(inputs, tokens, key_tokens=key_tokens, labels=labels)
        inputs, tokens = encode(texts, tokenizer, max_length, repeated=repeated)
        added = len(tokens) - len(texts)
        known: dict[str, Any] = {name: [*given, *[None] * added] for name, given in (labels or {}).items()}
        if part_of_speech:
            from .part_of_speech import part_of_speech as tagged

            known |= tagged(texts, tokenizer, tokens=tokens, max_length=max_length)
        return cls(inputs, tokens, labels=known)

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
        images: to show: PIL images, or arrays [height, width(, 3)] or [3, height, width], in bytes or from 0
            to 1; as the model sees them, resized and cropped like the pixels. None: the pixels are shown, stretched
            to the range of colours. They are stored in the run, once, no side longer than images.LONGEST_SIDE.
        special: names of the tokens before the patches: ("[CLS]",), ("[CLS]", "[REG1]", …), or () if there are none.
        labels: as of Probe; of patches alone, [rows, columns] for each image, too. Row, column, distance from the
            centre, hue, brightness and contrast of every patch are found in the images.

        For models whose layers have grids of their own, as Swin, patch_size is that of the first, and special ().
        """
        inputs, pixels = probe_images.as_inputs(pixel_values)
        grids = [probe_images.find_grid(x, patch_size) for x in pixels]
        shown = probe_images.all_as_rgb(images, pixels, patch_size)
        tokens = [(*special, *grid.tokens) for grid in grids]
        probe = cls(inputs, tokens, kind="image", key_tokens=key_tokens, key_labels=key_labels)
        probe._inputs.patch = probe_images.sides(patch_size)
        return probe._with_images(shown, grids, labels or {}, "tokens")

    def with_images(
        self,
        images: Sequence[Any],
        grid: tuple[int, int],
        *,
        side: SideName = "tokens",
        labels: GivenLabels | None = None,
    ) -> "Probe":
        """The same probe with the images that its last (rows · columns) tokens are patches of, row after row.

        For models whose images come some other way than from_images has it, as the other side of a text:

            probe = Probe({"input_ids": ids, "pixel_values": pixels}, tokens=words, key_tokens=patches)
            probe = probe.with_images(images, grid=(14, 14), side="key_tokens")

        images, labels: as of from_images, one image a sequence. side: the tokens that are patches: the probe's own,
        or its key_tokens. Raises ValueError for tokens that are fewer than the patches.
        """
        sequences = self.record.side(side)
        if len(images) != len(sequences):
            raise ValueError(f"images are {len(images)}, and the probe has {len(sequences)} sequences: give as many")
        patches = [Grid(*grid)] * len(sequences)
        check_grids([sequence.tokens for sequence in sequences], patches)
        return self._with_images([probe_images.as_rgb(image) for image in images], patches, labels or {}, side)

    def with_labels(self, labels: GivenLabels) -> "Probe":
        """The same probe with more labels, for what can only be said of tokens once they are there.

        probe = probe.with_labels({"length": [[len(token) for token in s.tokens] for s in probe.record.sequences]})
        """
        return self._labelled(labels, "tokens")

    def with_own_keys(self, before: int, behind: int) -> "Probe":
        """The same probe with key_tokens: its tokens, beside keys of the model's own that layers attend to, too."""
        changed = copy.copy(self)
        changed.record, changed._beside = named_beside(self.record, (before, behind)), (before, behind)
        return changed

    def with_relations(self, relations: GivenRelations) -> "Probe":
        """The same probe with pairs of tokens that heads may follow, as AttentionRecorder takes them."""
        changed = copy.copy(self)
        changed.relations = read_relations(relations, self.record)
        return changed

    @property
    def lengths(self) -> tuple[int, ...]:
        """Tokens of each sequence."""
        return self.record.lengths

    def within(self, max_tokens: int) -> "Probe":
        """As many whole sequences as have at most `max_tokens` tokens together: chosen at random, in their order.

        The choice is a function of the lengths alone, so that a restarted training has the same probe.
        Raises ValueError if not even one fits.
        """
        return self.only(rows_within(max_tokens, self.lengths))

    def batches(self, size: int, *, device: torch.device) -> Iterator[Batch]:
        """The probe in batches of at most `size` sequences, on `device`.

        None has as many sequences as positions, so that a model that takes the one for the other shows it.
        """
        size = unlike(size, len(self.lengths), {present.shape[1] for present in self._present.values()})
        for part in self._inputs.parts(size):
            args, kwargs = self._inputs.batch(part, device)
            which = part, device, self._inputs.ragged
            yield Batch(
                args=args,
                kwargs=kwargs,
                sides=tuple(side_of(side, self.record, self._present, *which) for side in self._present),
                own_keys=side_beside(self.record, self._present, self._beside, *which),
                beside=self._beside,
                relations=tuple(one.only(range(*part.indices(len(self.lengths)))) for one in self.relations),
                patch=self._inputs.patch,
                doubtful=self._inputs.doubtful,
            )

    def _with_images(
        self, shown: "list[probe_images.PILImage]", grids: list[Grid], labels: GivenLabels, side: SideName
    ) -> "Probe":
        """The probe with images of `side`, the patches of `grids` in them, and what is seen in these."""
        stored = [probe_images.store(image) for image in shown]
        sequences = self.record.side(side)
        changed = self._replaced(
            side,
            [
                replace(sequence, kind="image", grid=grid, image=image)
                for sequence, grid, (image, _) in zip(sequences, grids, stored, strict=True)
            ],
        )
        changed.pngs = {**self.pngs, **{image.file: png for image, png in stored}}
        found = [probe_images.patch_labels(image, grid) for image, grid in zip(shown, grids, strict=True)]
        of_patches: dict[str, Any] = {name: [of[name] for of in found] for name in found[0]}
        special = [len(sequence.tokens) - grid.size for sequence, grid in zip(sequences, grids, strict=True)]
        return changed._labelled(probe_images.of_tokens({**of_patches, **labels}, grids, special), side)

    def _labelled(self, labels: GivenLabels, side: SideName) -> "Probe":
        sequences = self.record.side(side)
        read = read_labels(labels, [sequence.tokens for sequence in sequences])
        return self._replaced(
            side,
            [
                replace(sequence, labels={**sequence.labels, **of_sequence})
                for sequence, of_sequence in zip(sequences, read, strict=True)
            ],
        )

    def _replaced(self, side: SideName, sequences: list[ProbeSequence]) -> "Probe":
        """The probe with others in the place of what its record has on one side."""
        changed = copy.copy(self)
        if side == "key_tokens":
            own = self.record.sequences
            sequences = [replace(one, key_tokens=other) for one, other in zip(own, sequences, strict=True)]
        changed.record = ProbeRecord(tuple(sequences))
        return changed

    def only(self, rows: list[int]) -> "Probe":
        """The probe of these of its sequences alone."""
        part = copy.copy(self)
        part._inputs = self._inputs.rows(rows)
        part._present = {side: present[rows] for side, present in self._present.items()}
        part.record = replace(self.record, sequences=tuple(self.record.sequences[row] for row in rows))
        part.relations = tuple(one.only(rows) for one in self.relations)
        part.pngs = probe_images.shown_in(part.record, self.pngs)
        return part
