"""Pairing: among which tokens of the probe an attention is."""

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor

from tb_attnviz.events import Grid

from ..probes.batch import Batch
from ..probes.relations import Related
from ..probes.side import Side
from ..tracing.attention_call import AttentionCall
from ..tracing.patches import UNKNOWN, OnGrid, Windows
from ..tracing.sources import RANDOM, SHUFFLED
from ..tracing.token_places import LATENTS
from .other_sequences import SAME_INPUT_WHY, Sides, sides_of
from .own_grids import OwnGrids, agrees, side_of_windows

_CROWDED = (
    "it cannot be told whose tokens it attends to, since tokens and key_tokens are equally many: pad one of the two "
    "by a position, with a mask"
)


_BESIDE = (
    "it attends to {} keys of the model's own beside those of the tokens (memory, a prefix, a bias), and other layers "
    "to other numbers of them: one number of such keys is recorded, that of the most layers (give the probe key_tokens "
    "with as many names more, and those of that number are)"
)
OwnGrid = tuple[Grid, int]  # and how many tokens without a place there are before its patches


@dataclasses.dataclass(frozen=True)
class Pairing:
    """The tokens that queries are of, and those that keys are of.

    With `windows` the two are the same, and a sequence there is a window of one.
    """

    queries: Side
    keys: Side
    windows: Windows | None = None

    @property
    def sides(self) -> Sides:
        return self.queries.name, self.keys.name

    @property
    def grids(self) -> tuple[OwnGrid | None, OwnGrid | None]:
        """Those that queries and keys have of their own."""
        if self.windows is not None:
            return (self.windows.grid, 0), (self.windows.grid, 0)
        own = [(side.grid, side.special) if side.own and side.grid else None for side in (self.queries, self.keys)]
        return own[0], own[1]

    def has(self, relation: Related) -> bool:
        """Whether it is among the tokens that `relation` is about, and not patches of a grid of its own, or windows."""
        own = self.queries.own or self.keys.own or self.windows is not None
        return self.sides == (relation.queries_of, relation.keys_of) and not own

    @property
    def pairs(self) -> Tensor:
        """Pairs of two tokens, neither padding, [sequences, 1, width, width of the keys]."""
        return self.queries.present[:, None, :, None] & self.keys.present[:, None, None, :]


class Pairings:
    """Those of a batch's attentions.

    found: what `find_sides` says of attentions; others: what `other_sequences` says of the model's modules.
    """

    def __init__(self, batch: Batch, found: Mapping[str, Sides | str], others: Mapping[str, Sides | str]) -> None:
        self._found = found
        self._sides = {side.name: side for side in batch.sides}
        self._others = others
        self._own = OwnGrids(len(batch.present), batch.present.device)
        self._own_keys = {batch.beside: batch.own_keys}
        self.beside: dict[str, tuple[int, int]] = {}
        """Attention → its keys of the model's own before and behind those of tokens, where the probe names others."""

    def of(self, call: AttentionCall) -> Pairing | str:
        """The tokens that `call` is among, or why they are not those of the probe."""
        named = self._found.get(call.name) or sides_of(call.name, self._others)
        if named == SAME_INPUT_WHY and None not in call.places and len(self._sides) == 1:
            named = None  # both are patches of the same image
        has_heads = min(call.queries.dim(), call.keys.dim()) == 4
        one = self._of_one_for_all(call, named) if has_heads and call.disorder is None else None
        if isinstance(named, str) and one is None:
            return call.disorder if call.disorder == LATENTS else named
        if call.disorder is not None:
            return call.disorder
        if has_heads:
            found = one or self._found_of(call, None if isinstance(named, str) else named)
            if isinstance(found, str):
                return found
            if found is not None:
                together = (
                    call.queries.shape[1] % call.keys.shape[1] == 0 and call.queries.shape[3] == call.keys.shape[3]
                )
                return found if together else f"{_shapes(call)} do not go together"
        return self._misfit(call)

    def looks_like_attention(self, shape: torch.Size) -> bool:
        """Whether a softmax over `shape` is one over the pairs of two tokens."""
        widths = {side.present.shape[1] for side in self._sides.values()}
        return len(shape) >= 3 and shape[-2] in widths and shape[-1] in widths

    def _found_of(self, call: AttentionCall, named: Sides | None) -> Pairing | str | None:
        if call.beside is not None and len(self._sides) == 1 and named in (None, ("tokens", "tokens")):
            found = self._beside(call, call.beside)
            if found is not None:
                return found
        fitting = [
            pair for pair in self._possible(named) if pair.queries.fits(call.queries) and pair.keys.fits(call.keys)
        ]
        agreeing = [
            pair for pair in fitting if agrees(pair.queries, call.places[0]) and agrees(pair.keys, call.places[1])
        ]
        if agreeing:
            return _CROWDED if len(agreeing) > 1 else agreeing[0]
        if isinstance(call.places[0], Windows) or isinstance(call.places[1], Windows):
            return _windows(call)
        if not any(isinstance(places, OnGrid) for places in call.places):
            reason = next((places for places in call.places if isinstance(places, str)), None)
            alone = len(call.queries) == len(self._sides["tokens"].present)  # no windows
            return reason if fitting or alone or reason != UNKNOWN else None
        return self._on_grids(call, named)

    def _of_one_for_all(self, call: AttentionCall, named: Sides | str | None) -> Pairing | None:
        """A learned query, or an image's class token, that looks at all of a sequence stands for it: a grid of one."""
        own, others = call.places
        is_known = not isinstance(named, str) or named == SAME_INPUT_WHY
        sides = [self._sides[named[1]]] if isinstance(named, tuple) else list(self._sides.values())
        if own is not None or not is_known or len(sides) > 1:
            return None
        (side,) = sides
        if (len(call.queries), call.queries.shape[-2]) != (len(side.present), 1) or side.present.shape[1] == 1:
            return None
        is_learned = not call.sources[0] & ~RANDOM
        keys = side
        if isinstance(others, OnGrid) and (is_learned or call.sources[0] & call.sources[1] & ~(RANDOM | SHUFFLED)):
            keys = side if side.fits(call.keys) and agrees(side, others) else self._own.side(side.name, others)
        elif others is not None or not is_learned or not side.fits(call.keys):
            return None
        return Pairing(self._own.side(side.name, OnGrid(Grid(1, 1), 0, None)), keys)

    def _beside(self, call: AttentionCall, beside: tuple[int, int]) -> Pairing | str | None:
        """Keys of the model's own beside those of the tokens."""
        own, keys = self._sides["tokens"], self._own_keys.get(beside)
        n = own.present.shape[1]
        if not own.fits(call.queries) or (len(call.keys), call.keys.shape[2]) != (len(own.present), n + sum(beside)):
            return None
        if keys is not None:
            return Pairing(own, keys)
        self.beside[call.name] = beside
        return _BESIDE.format(sum(beside))

    def _on_grids(self, call: AttentionCall, named: Sides | None) -> Pairing | str | None:
        """Queries or keys, or both, are the patches of a grid that the probe's tokens are not."""
        found: list[Side] = []
        for side, x, places in zip(named or (None, None), (call.queries, call.keys), call.places, strict=True):
            if isinstance(places, str):
                return places
            of = [self._sides[side]] if side is not None else list(self._sides.values())
            if isinstance(places, OnGrid):
                of = [one for one in of if one.grid is not None] if len(of) > 1 else of
                if len(of) != 1 or len(x) != len(of[0].present):
                    return _CROWDED if len(of) > 1 else None
                found.append(of[0] if of[0].fits(x) and agrees(of[0], places) else self._own.side(of[0].name, places))
            else:
                of = [one for one in of if one.fits(x)]
                if len(of) != 1:
                    return _CROWDED if of else None
                found.append(of[0])
        return Pairing(found[0], found[1])

    def _possible(self, named: Sides | None) -> list[Pairing]:
        """What an attention may be among: the sides that are `named`, else any of which widths can tell."""
        if named is not None:
            return [Pairing(self._sides[named[0]], self._sides[named[1]])]
        own, other = self._sides["tokens"], self._sides.get("key_tokens")
        if other is None:
            return [Pairing(own, own)]
        if self._others and own.present.shape == other.present.shape:
            return [Pairing(own, own)]  # the model tells by its names what is across
        return [Pairing(own, own), Pairing(other, other), Pairing(own, other)]

    def _misfit(self, call: AttentionCall) -> str:
        present = self._sides["tokens"].present
        (batch, _, n_query), n_key = call.queries.shape[:3], call.keys.shape[-2]
        known = " or ".join(str(side.present.shape[1]) for side in self._sides.values())
        misfit = f"{_shapes(call)} are not those of {len(present)} sequences of {known} tokens"
        if (n_query, str(batch)) == (len(present), known):
            return (
                f"{misfit}: it attends among the sequences of the batch, since the model takes tokens before sequences "
                "(batch_first=False, say), and the probe shows sequences first: make it batch_first, or turn them in "
                "forward=, say lambda model, x: model(x.transpose(0, 1))"
            )
        if batch > len(present) and batch % len(present) == 0:
            return f"{misfit}: windows, parts of them, or copies of the sequences, whose places are not known"
        if n_query == 1 < n_key and batch == len(present):
            return (
                f"{misfit}: one query a sequence (a class token's, or a learned one that pools) looks at {n_key} keys: "
                "of a text, attention is recorded where a learned query looks at all tokens, or all of these look"
            )
        if n_query == n_key:
            return f"{misfit}: the model has {n_query} tokens a sequence there, and the probe names {known}"
        remedy = " (where some of these are the model's own, memory or a prefix, name all by the probe's key_tokens)"
        own = n_key > n_query == present.shape[1]
        return f"{misfit}: it has {n_query} queries and {n_key} keys a sequence there{remedy if own else ''}"


def _windows(call: AttentionCall) -> Pairing | str | None:
    own, others = call.places
    if not isinstance(own, Windows):
        return own if isinstance(own, str) else None
    batch, _, n, _ = call.queries.shape
    if isinstance(others, Windows) and others.tokens.shape != own.tokens.shape:
        sizes = " and ".join(f"{grid.rows} × {grid.columns}" for grid in (own.grid, others.grid))
        return f"windows whose queries and keys are other patches ({sizes}) cannot be recorded"
    if (call.keys.shape[0], call.keys.shape[2]) != (batch, n):
        return None
    if isinstance(others, str):
        return others
    if not isinstance(others, Windows) or (own.grid, own.tokens.tolist()) != (others.grid, others.tokens.tolist()):
        return "windows: their keys are of other tokens than their queries"
    side = side_of_windows(call.queries, own)
    return Pairing(side, side, own)


def _shapes(call: AttentionCall) -> str:
    return f"queries {tuple(call.queries.shape)} and keys {tuple(call.keys.shape)}"
