"""Whole heads: those of a layer that is split over several processes (tensor parallelism), brought together.

All processes of such a layer make the pass together and see its attention at the same places, so what is gathered
here keeps none of them waiting that the layer itself would not.
"""

import contextlib
import dataclasses
import sys
from typing import Any

import torch
import torch.distributed
from torch import Tensor, nn
from torch.distributed import ProcessGroup

from ..tracing.attention_call import AttentionCall
from ..tracing.module_names import named_modules
from ..tracing.whole_tensors import whole
from .batch_recording import BatchRecording
from .guarded_observer import GuardedObserver
from .selection import Selection


class WholeHeads(GuardedObserver):
    """An observer that is told of all heads of a layer, also where this process has some of them only."""

    def __init__(self, recording: BatchRecording, select: Selection | None, model: nn.Module) -> None:
        super().__init__(recording, select)
        self._modules = dict(named_modules(model)) if _is_split(model) else {}
        self._groups: dict[str, ProcessGroup] = {}  # attention → the processes that its heads are split over

    @property
    def is_split(self) -> bool:
        """Whether parameters are DTensors: what is made with them goes out of sight."""
        return bool(self._modules)

    def mixed_tensors(self) -> contextlib.AbstractContextManager[None]:
        """Within it what is made of a model's DTensors may be computed with tensors that all processes have alike."""
        if not self._modules:
            return contextlib.nullcontext()
        from torch.distributed.tensor.experimental import implicit_replication

        return implicit_replication()

    def take(self, call: AttentionCall) -> None:
        if self._modules:
            call = self._whole(call)
        super().take(call)

    def keeps_weights(self, name: str, before: Tensor, after: Tensor) -> bool:
        return super().keeps_weights(name, whole(before), whole(after))

    def rows(self, name: str, count: int) -> Tensor | None:
        """All, where processes could come to different findings: each has to gather what the others do."""
        return None if self._modules else super().rows(name, count)

    def take_values(self, name: str, values: Tensor) -> None:
        values = whole(values)
        if name in self._groups:
            values = _gathered(values, self._groups[name])
        super().take_values(name, values)

    def _whole(self, call: AttentionCall) -> AttentionCall:
        parts = {field.name: getattr(call, field.name) for field in dataclasses.fields(call)}
        joined: dict[str, Any] = {name: whole(x) for name, x in parts.items() if isinstance(x, Tensor)}
        if joined["queries"] is not call.queries:  # the model computes with tensors that know of all processes
            return dataclasses.replace(call, **joined)
        module = self._modules.get(call.name.partition("#")[0])
        group = None if module is None else _group(module)
        if group is None or _is_same(call.queries, group):  # sharded elsewhere than by heads
            return call
        self._groups[call.name] = group
        heads = call.queries.shape[1]
        # Keys that all processes have alike are repeated, so that each query head finds its own at the same place.
        changed: dict[str, Any] = {name: _gathered(getattr(call, name), group) for name in ("queries", "keys")}
        if call.sinks is not None:
            changed["sinks"] = _gathered(call.sinks, group, axis=0)
        for name in ("mask", "weights", "logits", "values"):
            value = getattr(call, name)
            if value is not None and value.dim() == 4 and (name == "values" or value.shape[1] == heads > 1):
                changed[name] = _gathered(value, group)
        return dataclasses.replace(call, **changed)


def _is_split(model: nn.Module) -> bool:
    if "torch.distributed.tensor" not in sys.modules:  # then nothing is
        return False
    from torch.distributed.tensor import DTensor

    return any(isinstance(parameter, DTensor) for parameter in model.parameters())


def _group(module: nn.Module) -> ProcessGroup | None:
    """The processes over which `module` is split while it runs; None where it is whole (as FSDP has it then)."""
    return next((group for x in module.parameters() if (group := _split_over(x)) is not None), None)


def _split_over(parameter: Tensor) -> ProcessGroup | None:
    from torch.distributed.tensor import DTensor

    if not isinstance(parameter, DTensor):
        return None
    mesh = parameter.device_mesh
    split = [
        axis for axis, placement in enumerate(parameter.placements) if placement.is_shard() and mesh.size(axis) > 1
    ]
    return mesh.get_group(split[-1]) if split else None  # the last: data are parallel along those before it


def _parts(x: Tensor, group: ProcessGroup) -> list[Tensor]:
    own = x.detach().contiguous()
    parts = [torch.empty_like(own) for _ in range(group.size())]
    torch.distributed.all_gather(parts, own, group=group)
    return parts


def _gathered(x: Tensor, group: ProcessGroup, axis: int = 1) -> Tensor:
    return torch.cat(_parts(x, group), dim=axis)


def _is_same(x: Tensor, group: ProcessGroup) -> bool:
    parts = _parts(x, group)
    return all(torch.equal(part, parts[0]) for part in parts)
