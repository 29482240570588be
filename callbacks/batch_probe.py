"""Batch probe: what a model is shown where the user gives no probe and no tokenizer says texts: a batch of its data."""

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from .capture import capture
from .capture.neutral import random_states
from .capture.own_generators import generators_of_data
from .capture.recording import Forward
from .patches import patch_size, special_tokens
from .probe import Probe
from .probes.repeats import make_repeats
from .probes.texts import readable
from .training_probe import NoProbeError, first_examples

if TYPE_CHECKING:
    from torch.utils.data import DataLoader
    from transformers import PreTrainedTokenizerBase

_log = logging.getLogger("tb_attnviz")

_MOST_TOKENS = 2048  # of all sequences together, if they are shorter
_REPEATS = 3  # one of each period
_ANSWERS = ("label", "labels", "target", "targets", "y")  # what a batch holds beside what a model is shown
_IDS = "input_ids"
_MASK = "attention_mask"
_EXTENDABLE = {_IDS, _MASK}  # inputs that sequences of our own can have, too


def batch_probe(
    loaders: "Mapping[str, DataLoader[Any] | None]",
    model: nn.Module,
    *,
    forward: Forward = nn.Module.__call__,
    tokenizer: "PreTrainedTokenizerBase | None" = None,
) -> Probe:
    """A probe of the first examples of the first data that is there, as their loader collates them.

    Ids [n, length] are sequences, and where every attention of the model is causal some that repeat themselves are
    added; pixels [n, channels, height, width] are images, if the model says the size of its patches.

    loaders: by what the data are called. tokenizer: names tokens,
    which are else called by their ids. Leaves the random numbers of the training as they were, and says in the log what
    was taken. Raises NoProbeError.
    """
    name, loader = next(((name, loader) for name, loader in loaders.items() if loader is not None), ("", None))
    if loader is None:
        raise NoProbeError("the Trainer has no data")
    with random_states(model), generators_of_data(loader):
        examples = first_examples(loader.dataset)
        if not examples:
            raise NoProbeError(f"the {name} data are a stream, which can be read only once, or empty")
        collate: Any = loader.collate_fn
        batch = collate(examples)
        if (width := _width(batch)) * len(examples) > _MOST_TOKENS:
            examples = examples[: max(1, _MOST_TOKENS // width)]
            batch = collate(examples)
    inputs = _inputs(batch, model)
    tensors = _by_name(inputs)
    pixels = _find(tensors, "pixel_values", lambda x: x.is_floating_point() and x.dim() == 4)
    ids = _find(tensors, _IDS, lambda x: not x.is_floating_point() and x.dtype != torch.bool and x.dim() == 2)
    if ids is not None:
        probe = _of_ids(inputs, ids, tensors.get(_MASK), model, forward, tokenizer)
        kind = "sequences"
    elif pixels is not None:
        if (size := patch_size(model)) is None:
            raise NoProbeError(f"the {name} data are images, and the model does not say of which size its patches are")
        if len(tensors) > 1 or _whole(inputs) is not None:
            raise NoProbeError(f"the {name} data are images, and forward takes more than these: {_said(batch)}")
        shown = pixels if isinstance(inputs, tuple) else {"pixel_values": pixels}
        probe = Probe.from_images(None, shown, size, special=special_tokens(model))
        kind = "images"
    else:
        raise NoProbeError(f"the {name} data hold {_said(batch)}")
    _log.info("no probe was given: %d %s of the %s data are it", len(examples), kind, name)
    return probe


def first_loader(loaders: Any) -> "DataLoader[Any] | None":
    """The first of what Lightning has: a DataLoader, or several in lists and dictionaries."""
    leaves = tree_leaves(loaders)
    return next((loader for loader in leaves if hasattr(loader, "dataset") and hasattr(loader, "collate_fn")), None)


def _inputs(batch: Any, model: nn.Module) -> tuple[Any, ...] | dict[str, Any]:
    """What of a batch the model's forward takes."""
    if isinstance(batch, Tensor):
        return (batch,)
    parameters = inspect.signature(model.forward).parameters.values()
    needed = [p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if isinstance(batch, Mapping):
        taken = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        anything = any(p.kind is p.VAR_KEYWORD for p in parameters)
        named = {p.name for p in needed}
        if not named <= batch.keys():
            if len(needed) == 1:
                return (dict(batch),)
            raise NoProbeError(f"forward takes {', '.join(p.name for p in needed)}, and a batch holds {_said(batch)}")
        return {
            key: value
            for key, value in batch.items()
            if key in named or (key not in _ANSWERS and (anything or key in taken))
        }
    if isinstance(batch, Sequence):
        return tuple(batch[: max(1, len(needed))])
    raise NoProbeError(f"a batch is a {type(batch).__name__}")


def _whole(inputs: tuple[Any, ...] | dict[str, Any]) -> dict[str, Any] | None:
    """The batch by name that forward takes as its only argument, if it does."""
    return inputs[0] if isinstance(inputs, tuple) and len(inputs) == 1 and isinstance(inputs[0], dict) else None


def _by_name(inputs: tuple[Any, ...] | dict[str, Any]) -> dict[str, Any]:
    """What the model takes, by name or place; of a batch that it takes whole, what is in it beside the answers."""
    if isinstance(inputs, dict):
        return inputs
    if (batch := _whole(inputs)) is not None:
        return {name: value for name, value in batch.items() if name not in _ANSWERS}
    return dict(zip(map(str, range(len(inputs))), inputs, strict=True))


def _of_ids(
    inputs: tuple[Any, ...] | dict[str, Any],
    ids: Tensor,
    mask: Tensor | None,
    model: nn.Module,
    forward: Forward,
    tokenizer: "PreTrainedTokenizerBase | None",
) -> Probe:
    held = torch.ones_like(ids) if mask is None or mask.dim() != 2 else mask
    rows = [row[there.bool()].tolist() for row, there in zip(ids, held, strict=True)]
    probe = Probe(inputs, _named(rows, tokenizer))
    whole = _whole(inputs)
    named = inputs if whole is None else whole
    alone = named.keys() <= _EXTENDABLE if isinstance(named, dict) else len(named) == 1
    if not alone or (mask is not None and mask.dim() != 2):
        return probe
    layers = capture(model, probe, health=False, forward=forward).layers
    if not layers or not all(layer.causal for layer in layers):
        return probe
    special = set() if tokenizer is None else set(tokenizer.all_special_ids)
    added = make_repeats(rows, special, count=_REPEATS, max_length=ids.shape[1])
    if not added:
        return probe
    # What fills them up comes after all of their tokens, which a decoder does not see.
    filled = [row + [row[-1]] * (ids.shape[1] - len(row)) for row in added]
    longer = {_IDS: torch.cat([ids, ids.new_tensor(filled)])}
    if mask is not None:
        masks = [[1] * len(row) + [0] * (ids.shape[1] - len(row)) for row in added]
        longer[_MASK] = torch.cat([mask, mask.new_tensor(masks)])
    given = (longer,) if whole is not None else longer if isinstance(inputs, dict) else longer[_IDS]
    return Probe(given, _named(rows + added, tokenizer))


def _named(rows: list[list[int]], tokenizer: "PreTrainedTokenizerBase | None") -> list[list[str]]:
    return [[str(token) if tokenizer is None else readable(tokenizer, token) for token in row] for row in rows]


def _find(tensors: Mapping[Any, Any], name: str, fits: Callable[[Tensor], bool]) -> Tensor | None:
    """The tensor of this name, or else the first one that fits."""
    named = [tensors[name]] if name in tensors else []
    found = [x for x in (*named, *tensors.values()) if isinstance(x, Tensor) and fits(x)]
    return found[0] if found else None


def _width(batch: Any) -> int:
    """Tokens of a sequence, if a batch holds any: the columns of its first table of whole numbers; else 1."""
    values: Any = batch.values() if isinstance(batch, Mapping) else batch if isinstance(batch, Sequence) else [batch]
    tables = [x for x in values if isinstance(x, Tensor) and x.dim() == 2 and not x.is_floating_point()]
    return int(tables[0].shape[1]) if tables else 1


def _said(batch: Any) -> str:
    """What is in a batch, for an error."""
    if isinstance(batch, Mapping):
        return ", ".join(map(str, sorted(batch))) or "nothing"
    values = list(batch) if isinstance(batch, Sequence) else [batch]
    return ", ".join(
        f"{str(x.dtype).removeprefix('torch.')} {list(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        for x in values
    )
