"""Texts as what a model is given: ids, masks and the names of the tokens."""

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from tb_attnviz.text_file import read_texts

from .repeats import SHORTEST_PERIOD, make_repeats

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerBase

Inputs = dict[str, Tensor]
Tokens = list[list[str]]

_MASK = "attention_mask"  # what Hugging Face calls the input that tells tokens (1) from padding (0)
_TEXTS_A_REPEAT = 8  # so that the other figures stay those of the texts
_FEWEST_REPEATS = 2  # of different periods


def as_texts(texts: "Sequence[str] | str | os.PathLike[str]", name: str) -> Sequence[str]:
    """`texts`, or those of the file of this path; `name` is what the caller calls them."""
    if not isinstance(texts, (str, os.PathLike)):
        if not texts:
            raise ValueError("the probe is empty: give at least one text")
        return list(texts)
    if isinstance(texts, str) and not os.path.isfile(os.path.expanduser(texts)):
        raise ValueError(
            f"{name}={texts[:60]!r} is no file: give the path of a text file, one text a line, or a list of strings"
        )
    return read_texts(texts)


def as_tokenizer(
    tokenizer: "PreTrainedTokenizerBase | Tokenizer | str | os.PathLike[str]",
) -> "PreTrainedTokenizerBase":
    """`tokenizer` with the interface of transformers: the one of this name or directory, or one that is wrapped.

    One of the package tokenizers stays as it is.
    """
    if isinstance(tokenizer, (str, os.PathLike)):
        return _load(os.fspath(tokenizer))
    if not hasattr(tokenizer, "encode_batch"):
        return cast("PreTrainedTokenizerBase", tokenizer)
    try:
        from transformers import PreTrainedTokenizerFast
    except ImportError as error:
        raise ImportError(
            f"a tokenizer of the package tokenizers is read by transformers ({error}): "
            "pip install 'tb-attnviz[transformers]'"
        ) from error
    given = cast("Tokenizer", tokenizer)
    own = type(given).from_str(given.to_str())
    own.no_padding()
    own.no_truncation()
    special = [token.content for token in own.get_added_tokens_decoder().values() if token.special]
    wrapped = PreTrainedTokenizerFast(tokenizer_object=own, extra_special_tokens=special)  # type: ignore[no-untyped-call]
    return cast("PreTrainedTokenizerBase", wrapped)


def _load(name: str) -> "PreTrainedTokenizerBase":
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise ImportError(
            f"tokenizer={name!r} is loaded by transformers ({error}): pip install 'tb-attnviz[transformers]'"
        ) from error
    try:
        found = AutoTokenizer.from_pretrained(os.path.expanduser(name))
    except Exception as error:  # the hub, files and configurations fail in many ways
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"no tokenizer could be loaded from {name!r}: {reason} (give a directory that holds one, the name of a "
            "model on the Hugging Face hub, or a tokenizer)"
        ) from error
    return cast("PreTrainedTokenizerBase", found)


def encode(
    texts: Sequence[str], tokenizer: "PreTrainedTokenizerBase", max_length: int, *, repeated: int | None
) -> tuple[Inputs, Tokens]:
    """Inputs and tokens of `texts`, and behind them of sequences that repeat themselves, as of Probe.from_texts."""
    encoding = tokenizer(list(texts), truncation=True, max_length=max_length)
    ids = cast(list[list[int]], encoding["input_ids"])
    special = set(tokenizer.all_special_ids)
    ended = all(row and row[-1] in special for row in ids)
    wanted = 0 if ended else max(math.ceil(len(ids) / _TEXTS_A_REPEAT), _FEWEST_REPEATS)
    count = wanted if repeated is None else repeated
    repeats = make_repeats(ids, special, count=count, max_length=max_length)
    if repeated and not repeats:
        raise ValueError(
            f"repeated={repeated}, but the texts have too few different tokens to say {SHORTEST_PERIOD} of them "
            f"twice within max_length={max_length}: give more texts, a larger max_length, or repeated=0"
        )
    inputs = {
        name: _pad([*encoding[name], *([0] * len(row) for row in repeats)], 0)
        for name in encoding
        if name in tokenizer.model_input_names
    }
    known, tokens = encode_ids(ids + repeats, tokenizer)
    return inputs | known, tokens


def token_offsets(
    texts: Sequence[str], tokenizer: "PreTrainedTokenizerBase", max_length: int
) -> list[list[tuple[int, int] | None]]:
    """Where each token of `texts` begins and ends in its text, cut as `encode` cuts them; None for special tokens.

    White space at the start of a token is no part of it. Raises TypeError for one string, and for a tokenizer that
    cannot say where its tokens stand.
    """
    if isinstance(texts, str):
        raise TypeError(f"texts is one string ({texts[:40]!r}); give a list of strings")
    if not getattr(tokenizer, "is_fast", False):
        raise TypeError(
            f"{type(tokenizer).__name__} does not say where its tokens stand in the text: use the fast tokenizer "
            "(AutoTokenizer.from_pretrained gives it where there is one)"
        )
    encoding = tokenizer(list(texts), truncation=True, max_length=max_length, return_offsets_mapping=True)
    of_texts = cast(list[list[tuple[int, int]]], encoding["offset_mapping"])
    return [[_without_space(text, *span) for span in spans] for text, spans in zip(texts, of_texts, strict=True)]


def _without_space(text: str, begin: int, end: int) -> tuple[int, int] | None:
    if begin == end:
        return None  # a special token, which stands nowhere
    while begin < end - 1 and text[begin].isspace():
        begin += 1  # byte-level tokens begin with the space before their word
    return begin, end


def encode_pairs(
    texts: Sequence[str],
    targets: Sequence[str],
    tokenizer: "PreTrainedTokenizerBase",
    max_length: int,
    *,
    start: int | None,
) -> tuple[Inputs, Tokens, Tokens]:
    """Inputs of an encoder and its decoder, tokens of the one and of the other.

    The decoder is given `start` (the padding token for None) and each target but for its last token.
    """
    if isinstance(targets, str) or len(targets) != len(texts):
        raise ValueError(f"targets are {len(targets)} for {len(texts)} texts: give a list with one for each")
    inputs, tokens = encode(texts, tokenizer, max_length, repeated=0)
    answers = tokenizer(text_target=list(targets), truncation=True, max_length=max_length)["input_ids"]
    first = _padding(tokenizer) if start is None else start
    shifted = [[first, *row[:-1]] for row in cast(list[list[int]], answers)]
    of_decoder, decoded = encode_ids(shifted, tokenizer)
    return inputs | {f"decoder_{name}": x for name, x in of_decoder.items()}, tokens, decoded


def encode_ids(rows: list[list[int]], tokenizer: "PreTrainedTokenizerBase") -> tuple[Inputs, Tokens]:
    """Ids, padded at the end, their mask, and their tokens."""
    inputs = {"input_ids": _pad(rows, _padding(tokenizer)), _MASK: _pad([[1] * len(row) for row in rows], 0)}
    return inputs, [[readable(tokenizer, token) for token in row] for row in rows]


def _padding(tokenizer: "PreTrainedTokenizerBase") -> int:
    return cast(int, tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id or 0)


def _pad(rows: list[list[int]], filling: int) -> Tensor:
    """`rows` as one tensor [rows, longest], filled up at the end."""
    longest = max(len(row) for row in rows)
    return torch.tensor([row + [filling] * (longest - len(row)) for row in rows])


def readable(tokenizer: "PreTrainedTokenizerBase", token: int) -> str:
    """A token as text: byte-level pieces decoded ("ĠcafÃ©" is " café"), the start of a word kept as a space."""
    piece = cast(str, tokenizer.convert_ids_to_tokens(token))
    text = cast(str, tokenizer.decode([token], clean_up_tokenization_spaces=False))
    if not text.strip() or "\N{REPLACEMENT CHARACTER}" in text:
        return piece  # white space, or a part of a character
    return " " + text if piece[0] in "Ġ▁" and not text.startswith(" ") else text
