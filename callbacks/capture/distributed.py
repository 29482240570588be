"""Several processes: which one writes, and what of a wrapped model the probe is shown to.

Every process makes the pass, since a sharded model needs them all; the first one alone writes. Nothing is exchanged
beyond what the model itself exchanges in its forward pass: a process that fails to record keeps no other waiting.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch.distributed
from torch import nn
from torch.nn.parallel import DistributedDataParallel

if TYPE_CHECKING:
    from torch.distributed.fsdp import FullyShardedDataParallel


def writes_here() -> bool:
    """Whether this process is the one that writes."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank() == 0
    return int(os.environ.get("RANK", "0")) == 0  # the launcher's, before the processes have met


def in_several_processes() -> bool:
    """Whether this training is one of several processes."""
    there = torch.distributed.is_available() and torch.distributed.is_initialized()
    return there and torch.distributed.get_world_size() > 1


def without_reducer(model: nn.Module) -> nn.Module:
    """`model` without DistributedDataParallel around it, which would take the pass for one of training."""
    inner = getattr(model, "_orig_mod", model)  # torch.compile(DistributedDataParallel(…))
    return inner.module if isinstance(inner, DistributedDataParallel) else model


def is_sharded(model: nn.Module) -> bool:
    """Whether parameters of `model` are kept in parts by several processes."""
    fsdp, tensors = (sys.modules.get(f"torch.distributed.{name}") for name in ("fsdp", "tensor"))
    flat = fsdp is not None and any(isinstance(module, fsdp.FullyShardedDataParallel) for module in model.modules())
    return flat or (tensors is not None and any(isinstance(x, tensors.DTensor) for x in model.parameters()))


@contextlib.contextmanager
def sharded_again(model: nn.Module) -> Iterator[None]:
    """Shards the parameters again that the pass has gathered.

    Both kinds of FSDP keep those of the root for the backward pass, which does not come: after an optimizer step
    training would go on with the gathered ones, which are then old.
    """
    try:
        yield
    finally:
        fsdp = sys.modules.get("torch.distributed.fsdp")  # where nothing has imported it, nothing is sharded
        if fsdp is not None:
            for module in model.modules():
                if isinstance(module, fsdp.FSDPModule):
                    module.reshard()
                elif isinstance(module, fsdp.FullyShardedDataParallel):
                    _reshard(module)


def inside_flat_parameters(model: nn.Module) -> set[nn.Module]:
    """The modules whose parameters FSDP1 keeps in one flat one: what they have in their place are views of it."""
    fsdp = sys.modules.get("torch.distributed.fsdp")
    if fsdp is None:
        return set()
    wrappers = (module for module in model.modules() if isinstance(module, fsdp.FullyShardedDataParallel))
    return {inner for wrapper in wrappers for inner in wrapper.modules()}


def swaps_parameters(model: nn.Module) -> bool:
    """Whether FSDP2 has whole parameters in the place of its own while modules of `model` compute."""
    fsdp = sys.modules.get("torch.distributed.fsdp")
    return fsdp is not None and any(isinstance(module, fsdp.FSDPModule) for module in model.modules())


def _reshard(module: "FullyShardedDataParallel") -> None:
    """What `reshard` does for FSDPModule; FullyShardedDataParallel has no public way."""
    from torch.distributed.fsdp import _runtime_utils

    handle = module._handle  # of its parameters, where it has some
    if handle is not None and handle.uses_sharded_strategy:
        _runtime_utils._reshard(module, handle, free_unsharded_flat_param=True)
