"""Pairing: among which tokens of the probe an attention is."""

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor

from ..probes.batch import Batch
from ..probes.side import Side
from ..tracing.attention_call import AttentionCall
from ..tracing.window_tokens import Windows
from .other_sequences import Sides, sides_of

_CROWDED = (
    "it cannot be told whose tokens it attends to, since tokens and key_tokens are equally many: pad one of the two "
    "by a position, with a mask"
)


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

    def of(self, call: AttentionCall) -> Pairing | str:
        """The tokens that `call` is among, or why they are not those of the probe."""
        named = self._found.get(call.name) or sides_of(call.name, self._others)
        if isinstance(named, str):
            return named
        if call.queries.is_nested or call.keys.is_nested:
            return "its queries are a nested tensor"
        if min(call.queries.dim(), call.keys.dim()) == 4:
            fitting = [
                pair for pair in self._possible(named) if pair.queries.fits(call.queries) and pair.keys.fits(call.keys)
            ]
            found = _CROWDED if len(fitting) > 1 else fitting[0] if fitting else _windows(call)
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
            return f"{misfit}: windows, or parts of them, whose places are not known"
        if n_query == n_key:
            return f"{misfit}: the model has {n_query} tokens a sequence there, and the probe names {known}"
        return f"{misfit}: it has {n_query} queries and {n_key} keys a sequence there"


def _windows(call: AttentionCall) -> Pairing | str | None:
    if call.windows is None or isinstance(call.windows, str):
        return call.windows
    batch, _, n, _ = call.queries.shape
    if (call.keys.shape[0], call.keys.shape[2]) != (batch, n):
        return None
    tokens, columns = call.windows.tokens.to(call.queries.device), call.windows.grid.columns
    places = torch.stack([tokens // columns, tokens % columns], dim=-1).float()  # (windows, n, 2)
    present = torch.ones(batch, n, dtype=torch.bool, device=places.device)
    side = Side("tokens", present, places=places.repeat(batch // len(tokens), 1, 1), ordered=False)
    return Pairing(side, side, call.windows)


def _shapes(call: AttentionCall) -> str:
    return f"queries {tuple(call.queries.shape)} and keys {tuple(call.keys.shape)}"
