"""Selection: which layers and heads of a model are recorded."""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import cast

from torch import Tensor

from tb_attnviz.events import Layer

from ..tracing.attention_call import AttentionCall

LayerKey = int | str  # a layer's number in the pass (-1: the last), its name, or a pattern of names ("encoder.*")
Layers = LayerKey | Sequence[LayerKey]  # one string may hold several, as on a command line: "0,-1,encoder.*"
Heads = int | str | Sequence[int] | Mapping[LayerKey, int | str | Sequence[int]]  # likewise: "0,3"

_Seen = tuple[Tensor, Tensor, Tensor]  # mask, weights and logits
_NAMED_IN_ERRORS = 6
_NUMBER = re.compile(r"-?\d+")


@dataclasses.dataclass(frozen=True)
class Chosen:
    """A layer of the model that is recorded, and its heads."""

    number: int
    heads: tuple[int, ...]  # ascending
    all_heads: int


class Selection:
    """Some `layers`, and some `heads` of them, of those that were `found` in the model; None: all.

    `heads` are numbers, in every layer the same, or by layer; a layer that is not named there keeps all of its heads.
    Raises ValueError for a layer or head that does not exist; the message says which do.

        selection = Selection(recording.layers, layers="decoder.*", heads={-1: [0, 3]})
        capture(model, probe, select=selection)
    """

    def __init__(self, found: Sequence[Layer], *, layers: Layers | None = None, heads: Heads | None = None) -> None:
        numbers = range(len(found)) if layers is None else sorted(_find_all(layers, found))
        self._chosen = {
            found[number].name: Chosen(number, tuple(range(found[number].heads)), found[number].heads)
            for number in numbers
        }
        if isinstance(heads, Mapping):
            for key, some in heads.items():
                self._choose_heads(_find(key, found, "heads"), found, some)
        elif heads is not None:
            self._choose_heads(set(numbers), found, heads)

    def __contains__(self, name: str) -> bool:
        """Whether the layer of this name is recorded."""
        return name in self._chosen

    def narrow(self, call: AttentionCall) -> AttentionCall | None:
        """`call` with the chosen heads alone; None if its layer is not chosen."""
        chosen = self._chosen.get(call.name)
        if chosen is None or len(chosen.heads) == chosen.all_heads:
            return call if chosen else None
        heads = list(chosen.heads)
        mask, whole = call.mask, call.whole
        if mask is not None and mask.dim() >= 3 and mask.shape[-3] == chosen.all_heads:
            mask = mask[..., heads, :, :]
        return dataclasses.replace(
            call,
            queries=call.queries[:, heads],
            keys=_of_heads(call.keys, heads, chosen.all_heads),
            mask=mask,
            whole=None if whole is None else lambda: cast(_Seen, tuple(x[:, heads] for x in whole())),
            sinks=None if call.sinks is None else call.sinks[heads],
            weights=None if call.weights is None else call.weights[:, heads],
            logits=None if call.logits is None else call.logits[:, heads],
            values=None if call.values is None else _of_heads(call.values, heads, chosen.all_heads),
        )

    def narrow_values(self, name: str, values: Tensor) -> Tensor:
        """`values` [batch, value_heads, n_key, d_v] of the chosen heads of a chosen layer."""
        chosen = self._chosen[name]
        everything = len(chosen.heads) == chosen.all_heads or values.dim() != 4  # without an axis of heads
        return values if everything else _of_heads(values, list(chosen.heads), chosen.all_heads)

    def narrow_figures(self, name: str, figures: Tensor) -> Tensor:
        """`figures` [..., heads of a chosen layer] of the chosen heads."""
        return figures[..., list(self._chosen[name].heads)]

    def number(self, layers: Iterable[Layer]) -> tuple[Layer, ...]:
        """`layers` as they were narrowed, with the numbers that they and their heads have in the model."""
        return tuple(self._numbered(layer) for layer in layers)

    def _numbered(self, layer: Layer) -> Layer:
        chosen = self._chosen[layer.name]
        some = len(chosen.heads) < chosen.all_heads
        return dataclasses.replace(layer, number=chosen.number, head_numbers=chosen.heads if some else None)

    def _choose_heads(self, numbers: Iterable[int], found: Sequence[Layer], heads: int | str | Sequence[int]) -> None:
        for number in numbers:
            layer = found[number]
            if layer.name in self._chosen:
                some = tuple(sorted({_head(head, layer) for head in _head_numbers(heads)}))
                if not some:
                    raise ValueError(f"heads is empty for layer {layer.name}: leave the layer out by layers= instead")
                self._chosen[layer.name] = Chosen(number, some, layer.heads)


def _find_all(layers: Layers, found: Sequence[Layer]) -> set[int]:
    keys: list[LayerKey] = [layers] if isinstance(layers, int) else list(_parts(layers))
    if not keys:
        raise ValueError("layers is empty: leave it out to record all")
    return set().union(*(_find(key, found, "layers") for key in keys))


def _find(key: LayerKey, found: Sequence[Layer], name: str) -> set[int]:
    """The numbers of the layers that `key` means."""
    if isinstance(key, int):
        if -len(found) <= key < len(found):
            return {key % len(found)}
    else:
        exact = {number for number, layer in enumerate(found) if layer.name == key}
        matching = exact or {number for number, layer in enumerate(found) if fnmatchcase(layer.name, key)}
        if matching:
            return matching
        if _NUMBER.fullmatch(key):  # as in JSON, whose keys are strings, or on a command line
            return _find(int(key), found, name)
    names = [layer.name for layer in found[:_NAMED_IN_ERRORS]] + ["…"] * (len(found) > _NAMED_IN_ERRORS)
    raise ValueError(
        f"{name} names the layer {key!r}, but the model has the layers 0 to {len(found) - 1}: {', '.join(names)}"
    )


def _parts(keys: str | Sequence[LayerKey]) -> Sequence[LayerKey]:
    return [part.strip() for part in keys.split(",") if part.strip()] if isinstance(keys, str) else keys


def _head_numbers(heads: int | str | Sequence[int]) -> list[int]:
    if isinstance(heads, int):
        return [heads]
    numbers = _parts(heads)
    wrong = [part for part in numbers if not (isinstance(part, int) or _NUMBER.fullmatch(part))]
    if wrong:
        raise ValueError(f"heads names {wrong[0]!r}, which is no number of a head: give numbers, as 0,3")
    return [int(part) for part in numbers]


def _head(head: int, layer: Layer) -> int:
    if not -layer.heads <= head < layer.heads:
        raise ValueError(f"heads names head {head}, but layer {layer.name} has heads 0 to {layer.heads - 1}")
    return head % layer.heads


def _of_heads(keys: Tensor, heads: list[int], all_heads: int) -> Tensor:
    """The keys (or values) of `heads` alone: grouped still where each group has as many of them, else one a head."""
    groups = [head * keys.shape[1] // all_heads for head in heads]
    distinct = sorted(set(groups))
    alike = len({groups.count(group) for group in distinct}) == 1
    return keys[:, distinct if alike else groups]
