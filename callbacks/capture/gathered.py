"""Gathered: the heads of one attention, of which each process of a group has some, brought together in all of them.

In the order of the group's ranks, which is that in which they are split. All processes of the group have to ask
together, whatever each of them has to say.
"""

import dataclasses
import zlib
from collections.abc import Sequence

import torch
import torch.distributed
from torch import Tensor
from torch.distributed import ProcessGroup

from ..tracing.attention_call import AttentionCall

_DIFFERENT = 0.02  # times the mean size of a process' own: processors round otherwise by far less
_OTHERS = (
    "its heads are split over processes by the model's own code, and process {} of its group {}: split it with torch's "
    "parallelize_module, or show all of its heads with attnviz_tap(q, k, …)"
)
_TEXT = 400  # bytes of a reason that other processes are told


@dataclasses.dataclass(frozen=True)
class Gathered:
    """An attention with the heads of all processes, and whether they have different ones; or why that is not known."""

    call: AttentionCall | None
    differ: bool = False
    problem: str | None = None


def gathered_call(call: AttentionCall | None, group: ProcessGroup, device: torch.device) -> Gathered:
    """`call` as this process has it; None where it has been refused here."""
    fits = call is not None and call.queries.dim() == call.keys.dim() == 4
    heads = [0, 0, 0] if call is None or not fits else [_heads(call.queries), _heads(call.keys), _heads(call.values)]
    own = torch.tensor([fits, *heads, _form(call) if call is not None and fits else 0], device=device)
    told = torch.stack(_parts(own, group)).tolist()  # of each process
    own_rank = torch.distributed.get_rank(group)
    for rank, (can, *of_rank, form) in enumerate(told):
        if not can:
            here = rank == own_rank
            return Gathered(call if here else None, problem=None if here else _OTHERS.format(rank, "cannot record it"))
        if form != told[own_rank][-1]:
            return Gathered(None, problem=_OTHERS.format(rank, "has it with another scale, mask or length"))
        if any(n * heads[0] != of_rank[0] * own_n for n, own_n in zip(of_rank[1:], heads[1:], strict=True)):
            return Gathered(None, problem=_OTHERS.format(rank, "shares its keys among another number of heads"))
    assert call is not None
    counts = list(zip(*[of_rank for _, *of_rank, _ in told], strict=True))  # of queries, keys and values
    tensors = [(call.queries, counts[0]), (call.keys, counts[1])]
    tensors += [] if call.values is None else [(call.values, counts[2])]
    parts = [_parts_of_heads(x, of_each, group) for x, of_each in tensors]
    masks = _masks(call, counts[0], group)
    differ = any(_differ(x, part[0]) for part in parts for x in part[1:])
    changed = {name: torch.cat(x, dim=1) for name, x in zip(("queries", "keys", "values"), parts, strict=False)}
    if call.sinks is not None:
        sinks = call.sinks.reshape(1, -1, 1, 1)
        changed["sinks"] = torch.cat(_parts_of_heads(sinks, counts[0], group), dim=1).flatten()
    for name in ("weights", "logits"):
        if (x := getattr(call, name)) is not None:
            changed[name] = torch.cat(_parts_of_heads(x, counts[0], group), dim=1)
    if masks is not None:
        changed["mask"] = masks
    return Gathered(dataclasses.replace(call, **changed), differ)  # type: ignore[arg-type]


def gathered_heads(x: Tensor, group: ProcessGroup) -> Tensor:
    """x [batch, heads, …] of as many heads in each process, with all of them."""
    return torch.cat(_parts(x, group), dim=1)


def gathered_texts(texts: Sequence[str], group: ProcessGroup, device: torch.device) -> list[list[str]]:
    """As many of every process: [processes][texts]."""
    own = torch.zeros(len(texts), _TEXT, dtype=torch.uint8)
    for row, text in zip(own, texts, strict=True):
        encoded = text.encode()[:_TEXT]
        row[: len(encoded)] = torch.tensor(list(encoded), dtype=torch.uint8)
    parts = [part.cpu() for part in _parts(own.to(device), group)]
    return [[bytes(row.tolist()).rstrip(b"\0").decode(errors="ignore") for row in part] for part in parts]


def are_same(x: Tensor, group: ProcessGroup) -> bool:
    """Whether all processes have the same."""
    parts = _parts(x, group)
    return all(torch.equal(part, parts[0]) for part in parts)


def _heads(x: Tensor | None) -> int:
    return 0 if x is None or x.dim() != 4 else x.shape[1]


def _form(call: AttentionCall) -> int:
    """Of all that its processes must agree in."""
    shapes = [
        None if x is None else (x.dtype, x.shape[0], *x.shape[2:]) for x in (call.queries, call.keys, call.values)
    ]
    mask = None if call.mask is None else (call.mask.dtype, call.mask.dim(), *call.mask.shape[-2:])
    seen = [x is None for x in (call.sinks, call.weights, call.logits, call.rows)]
    numbers = (call.scale, call.softcap, call.causal, call.window, call.beside)
    return zlib.crc32(repr((shapes, mask, seen, numbers)).encode())


def _masks(call: AttentionCall, counts: Sequence[int], group: ProcessGroup) -> Tensor | None:
    """The mask of all heads; None where it is none, or the same in all processes for all heads."""
    if call.mask is None:
        return None
    mask = call.mask[(None,) * (4 - call.mask.dim())]
    of_heads = mask.expand(-1, call.queries.shape[1], -1, -1)
    parts = _parts_of_heads(of_heads, counts, group)
    if mask.shape[1] == 1 and all(torch.equal(part[:, :1], parts[0][:, :1]) for part in parts):
        return None
    return torch.cat(parts, dim=1)


def _parts_of_heads(x: Tensor, counts: Sequence[int], group: ProcessGroup) -> list[Tensor]:
    """x [batch, heads, …] of every process, which have so many heads."""
    most = max(counts)
    padded = x if x.shape[1] == most else torch.cat([x, x[:, :1].expand(-1, most - x.shape[1], -1, -1)], dim=1)
    return [part[:, :count] for part, count in zip(_parts(padded, group), counts, strict=True)]


def _parts(x: Tensor, group: ProcessGroup) -> list[Tensor]:
    own = x.detach().contiguous()
    parts = [torch.empty_like(own) for _ in range(group.size())]
    torch.distributed.all_gather(parts, own, group=group)
    return parts


def _differ(x: Tensor, other: Tensor) -> bool:
    if x.shape != other.shape:
        return True
    return bool(((x - other).abs() > _DIFFERENT * other.abs().float().mean()).any())
