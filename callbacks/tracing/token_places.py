"""Token places: whether queries and keys lie as [sequences, heads, tokens] of the probe, in its order.

Shapes do not tell where there are as many heads as sequences, or where tokens are shifted, dealt out or cut otherwise.
So every token of the inputs is numbered, as a row of patches, and the numbers are followed to the attention. Only what
was followed all the way is judged.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .numbered import Numbered
from .patch_grid import MIXED, SPECIAL, PatchGrid
from .remembered import Remembered
from .sources import Sources
from .spread import is_constant, without_spread

_HEADS = (
    "the model lays its heads, or something else, before its sequences ([heads · sequences, tokens, d], say), or "
    "attends from one sequence to another: lay queries and keys out as [sequences, heads, tokens, d], or show them so "
    "with attnviz_tap(q, k, …)"
)
_MOVED = (
    "the model puts the tokens in another order before it attends to them (by moving them): the probe names them in "
    "that of the inputs"
)
_MIXED = (
    "its heads have different tokens in the same place, or vectors made of several: its queries or keys are cut across "
    "tokens (by view(…) where a transpose is meant, say)"
)
_POOLED = (
    "its queries, or its keys, are made of several tokens each (pooled, or mixed by a matrix over all tokens): they "
    "are no tokens of the probe, though as many"
)
_PART = (
    "its queries, or its keys, are {} of the {} tokens: attention of some tokens alone, or in chunks one after the "
    "other, is not brought together (show it with attnviz_tap(q, k, …) with those of all tokens)"
)
_ALL_BUT_ONE = (
    "its queries, or its keys, are {} of the {} tokens: the model leaves out the {} one. Give it one more that it may "
    "leave out, by forward=: lambda model, x: model(torch.nn.functional.pad(x, {}))"
)
_OUT_OF_SIGHT = (
    "its queries, or its keys, are made of what the model gave to NumPy or Python (by {}), where it is not seen which "
    "token becomes which: compute with tensors there, or show it with attnviz_tap(q, k, …) where it is seen"
)
LATENTS = (
    "its queries, or its keys, are made of none of the inputs (learned latents or a memory, say): they are no tokens "
    "of the probe, though as many"
)
_LATENT = -4  # a number beside those of `patch_grid`
_LEAVING = {"numpy": "numpy()", "tolist": "tolist()", "array": "NumPy", "dlpack": "DLPack"}


class TokenPlaces:
    """Follows the tokens of `inputs` that are [sequences, tokens] of numbers, or [sequences, tokens, features]."""

    def __init__(
        self, sequences: int, widths: set[int], inputs: Sequence[Tensor], sources: Sources, *, sides: int = 1
    ) -> None:
        """widths: how many tokens each of the `sides` of the probe has."""
        self._sequences = sequences
        self._sides = sides
        self._widths = widths
        self._followed = Numbered(sequences, sources)
        for x in inputs:
            if x.dim() not in (2, 3) or len(x) != sequences or x.shape[1] not in widths:
                continue
            if x.is_floating_point() if x.dim() == 2 else x.shape[2] in widths:
                continue
            grid = PatchGrid.whole(1, x.shape[1])
            numbers = grid.numbers(sequences, x.device)[:, 0]
            self._followed.begin(x, numbers if x.dim() == 2 else numbers[..., None].expand(x.shape), grid)
        self._remembered = Remembered()
        self._left = ""  # by what tokens went out of sight
        self._shared: list[tuple[Tensor, Tensor, int]] = []  # whose memory NumPy has, too: what they held, and version

    def follow(self, func: Callable[..., Any], operation: str, given: Sequence[Tensor], args: tuple[Any, ...],
               kwargs: dict[str, Any], result: Any) -> None:  # fmt: skip
        """Take notice of one operation of the pass, as `Sources.follow` does."""
        if operation in _LEAVING and args and isinstance(args[0], Tensor):
            self._leave(operation, args[0])
        self._followed.follow(func, operation, given, args, kwargs, result)

    def are_none(self, x: Tensor) -> None:
        """`x` is of no tokens, whatever it has seen of them: what attends with latents as queries, say."""
        numbers = torch.full((), _LATENT, dtype=torch.int32, device=x.device).expand(x.shape)
        self._followed.set(x, numbers, PatchGrid.whole(1, 1))

    def are_latents(self, x: Tensor, arrange: Callable[[Tensor], Tensor | None]) -> bool:
        """Whether queries, or keys, were seen to be of no tokens, though made with some: by attending to them, say."""
        placed = None if self._is_written_over() else self._followed.placed(x)
        numbers = None if placed is None else arrange(placed[0])
        return numbers is not None and bool(((numbers == _LATENT) | (numbers == SPECIAL)).all())

    def sequences_of(self, x: Tensor) -> Tensor | None:
        """Of which sequence each element of `x` is, of its shape, -1 for none; None if it was not followed."""
        placed = None if self._is_written_over() else self._followed.placed(x)
        if placed is None:
            return None
        numbers = without_spread(placed[0])
        return torch.where(numbers >= 0, numbers // placed[1].size, -1).expand(x.shape)

    def in_place(self, x: Tensor, arrange: Callable[[Tensor], Tensor | None]) -> bool:
        """Whether all tokens of queries, or keys, were followed to their own places."""
        placed = None if self._is_written_over() else self._followed.placed(x)
        numbers = None if placed is None else arrange(placed[0])
        if placed is None or numbers is None or numbers.dim() != 4 or numbers.shape[2] != placed[1].size:
            return False
        both = numbers, placed[1]
        return self._remembered.once(lambda: self._are_in_place(*both), "in place", both)

    def _are_in_place(self, numbers: Tensor, grid: PatchGrid) -> bool:
        own = grid.numbers(self._sequences, numbers.device)[:, :, :, None]
        return len(numbers) == self._sequences and bool((without_spread(numbers) == own).all())

    def beside(self, x: Tensor, arrange: Callable[[Tensor], Tensor | None]) -> tuple[int, int] | None:
        """How many keys there are before and behind those of the tokens, all of which are there in their order.

        None where there are no more, or where that was not seen.
        """
        placed = None if self._is_written_over() else self._followed.placed(x)
        numbers = None if placed is None else arrange(placed[0])
        if placed is None or numbers is None or numbers.dim() != 4 or len(numbers) != self._sequences:
            return None
        n, of_tokens = placed[1].size, torch.nonzero(numbers[0, 0, :, 0] >= 0)[:, 0]
        if not 0 < n < numbers.shape[2] or len(of_tokens) != n:
            return None
        before = int(of_tokens[0])
        tokens, others = numbers.narrow(2, before, n), numbers.clone()
        others.narrow(2, before, n).fill_(-1)
        own = placed[1].numbers(self._sequences, numbers.device)[:, :, :, None]
        if not bool((tokens == own).all()) or bool((others >= 0).any()):
            return None
        return before, numbers.shape[2] - before - n

    def problem(self, x: Tensor, arrange: Callable[[Tensor], Tensor | None]) -> str | None:
        """Why the tokens of queries, or keys, are not where the probe has them; None if that was not seen.

        arrange: puts a tensor of the shape of `x`, which they were made of, in their order [sequences, heads, n, d].
        """
        placed = self._followed.placed(x)
        lost = placed is None and not self._followed.had_a_part_in(x)
        if self._left and (lost or self._is_written_over()):
            return _OUT_OF_SIGHT.format(self._left)
        numbers = None if placed is None else arrange(placed[0])
        if placed is None or numbers is None or numbers.dim() != 4:
            return None
        both = numbers, placed[1]
        return self._remembered.once(lambda: self._verdict(*both), "verdict", both)

    def _verdict(self, numbers: Tensor, grid: PatchGrid) -> str | None:
        """The same of what was followed, [sequences, heads, n, d]."""
        n, once = numbers.shape[2], without_spread(numbers)
        if n in self._widths and bool((once == _LATENT).all()):
            return LATENTS
        together = is_constant(numbers, (1, 3))
        if len(numbers) == self._sequences and n < grid.size and together and _are_apart(numbers):
            return _part_of(once, n, grid.size) if int(once.min()) >= 0 else None
        if len(numbers) != self._sequences or n not in self._widths:
            return None
        if bool((once == MIXED).any()) or (together and not _are_apart(numbers)):
            return _POOLED
        if n != grid.size:
            return None if _ascend(numbers) else _MOVED
        own = grid.numbers(self._sequences, numbers.device)[:, :, :, None]  # [sequences, 1, n, 1]
        if not bool(((once >= 0) & (once != own)).any()):
            return None
        elsewhere = (once >= 0) & (once // grid.size != own // grid.size)
        if bool(elsewhere.any()):
            return _HEADS
        if not together:
            return _MIXED
        return _MOVED if self._sides == 1 else None  # a decoder's may be the encoder's, shifted

    def _leave(self, operation: str, x: Tensor) -> None:
        placed = self._followed.placed(x)
        if placed is not None and placed[1].size > 1 and int(placed[0].max()) > int(placed[0].min()):
            self._left = _LEAVING[operation]
            if operation != "tolist":
                self._shared.append((x, x.detach().clone(), x._version))

    def _is_written_over(self) -> bool:
        """Whether NumPy changed a tensor whose memory it was given."""
        return any(x._version == version and not torch.equal(x, held) for x, held, version in self._shared)


def _part_of(numbers: Tensor, n: int, size: int) -> str:
    """What is said of `n` of `size` tokens; numbers [sequences, heads, n, d] of theirs."""
    if n == size - 1:
        missing = sum(range(size)) - int((numbers[0, 0, :, 0] % size).sum())
        if missing in (0, n):
            return _ALL_BUT_ONE.format(n, size, *(("last", (0, 1)) if missing else ("first", (1, 0))))
    return _PART.format(n, size)


def _are_apart(numbers: Tensor) -> bool:
    """Whether no token is in two places; numbers [sequences, heads, n, d] of tokens, or below 0."""
    once = _once(numbers)
    ordered = torch.where(once < 0, -1 - torch.arange(once.shape[-1], device=once.device), once).sort(dim=-1).values
    return bool((ordered.diff(dim=-1) != 0).all())


def _ascend(numbers: Tensor) -> bool:
    """Whether the tokens among them stand in their order."""
    once = _once(numbers)
    highest = once.cummax(dim=-1).values
    return bool(((once < 0) | (once == highest)).all())


def _once(numbers: Tensor) -> Tensor:
    """[sequences, heads, n, d] as [sequences or 1, heads or 1, d or 1, n], once where they are spread out."""
    once: Tensor = without_spread(numbers)
    return once.expand(-1, -1, numbers.shape[2], -1).movedim(2, -1)
