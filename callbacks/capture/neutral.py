"""Neutrality: a pass over the probe leaves the model, and the training around it, as they were."""

import contextlib
import contextvars
import itertools
import os
import random
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from .distributed import inside_flat_parameters, sharded_again, swaps_parameters
from .kept_attributes import KeptAttributes, KeptClassAttributes, Memory
from .kept_functions import KeptFunctions
from .kept_hooks import gradients_put_back, hooks_put_back
from .own_code import OwnCode
from .own_generators import own_generators
from .own_objects import keeps_its_own
from .written_parameters import parameters_put_back


@contextlib.contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Within it `model` runs in evaluation mode, without gradients and uncompiled; after it nothing has changed.

    Restored, also after an exception: training flags, buffers, parameters that the pass writes to, what else modules
    and their classes keep (numbers, tensors, lists, …), hooks, gradients, environment and context variables, and the
    random states of torch, NumPy and Python, and of generators of the model's own. What goes forward only
    (itertools.count, a file that is written) is warned of by name.
    Raises ValueError for a model whose first pass is still to make its weights.

        with undisturbed(model):
            model(inputs)
    """
    for name, x in itertools.chain(model.named_parameters(), model.named_buffers()):
        if is_lazy(x):
            raise ValueError(
                f"{name} has no numbers yet: a lazy module makes them in the model's first pass, which must be one of "
                "training's own, with its own random numbers. Call the model with a batch before it is recorded"
            )
    with contextlib.ExitStack() as stack:
        stack.enter_context(random_states(model))
        stack.enter_context(own_generators(model))
        stack.enter_context(_buffers(model))
        stack.enter_context(parameters_put_back(model))
        stack.enter_context(_attributes(model))
        stack.enter_context(_parts(model))
        stack.enter_context(hooks_put_back(model))
        stack.enter_context(gradients_put_back(model))
        stack.enter_context(_environment())
        stack.enter_context(_context_variables())
        stack.enter_context(_evaluation(model))
        stack.enter_context(_autocast_cache_off())
        stack.enter_context(sharded_again(model))
        # Not inference_mode: what a model caches in this pass (rotary tables, masks) must be usable in training.
        stack.enter_context(torch.no_grad())
        if "torch._dynamo" in sys.modules:  # else nothing is compiled, and importing it would take seconds
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        yield


@contextlib.contextmanager
def random_states(model: nn.Module) -> Iterator[None]:
    """Within it random numbers may be drawn; after it those of torch, NumPy and Python are where they were."""
    python, numpy = random.getstate(), np.random.get_state()
    accelerators = _accelerators(model)
    mps = torch.mps.get_rng_state() if accelerators.pop("mps", None) else None  # fork_rng does not know how to ask it
    with contextlib.ExitStack() as stack:
        for kind, devices in accelerators.items():
            stack.enter_context(torch.random.fork_rng(devices, device_type=kind))
        stack.enter_context(torch.random.fork_rng(devices=[]))  # the processor's
        _seed(accelerators)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
            if mps is not None:
                torch.mps.set_rng_state(mps)


def _seed(accelerators: dict[str, list[int]]) -> None:
    """The same for every pass, so that a model that draws random numbers in it, too, differs by its weights only."""
    random.seed(0)
    np.random.seed(0)
    torch.default_generator.manual_seed(0)
    for kind, devices in accelerators.items():
        for device in devices:
            with getattr(torch, kind).device(device):
                getattr(torch, kind).manual_seed(0)


def _accelerators(model: nn.Module) -> dict[str, list[int]]:
    """Kind ("cuda", …) → indices of the devices that hold parameters."""
    found = {parameter.device for parameter in model.parameters()}
    kinds = sorted({device.type for device in found} - {"cpu", "meta"})
    return {kind: sorted(device.index or 0 for device in found if device.type == kind) for kind in kinds}


@contextlib.contextmanager
def _buffers(model: nn.Module) -> Iterator[None]:
    """Puts back buffers that were replaced."""
    kept: list[tuple[nn.Module, dict[str, Tensor | None]]] = [
        (module, dict(module._buffers))
        for module in model.modules()
        if not isinstance(module, torch.jit.ScriptModule)  # which cannot replace them
    ]
    try:
        yield
    finally:
        for module, buffers in kept:
            module._buffers.clear()
            module._buffers.update(buffers)


@contextlib.contextmanager
def _attributes(model: nn.Module) -> Iterator[None]:
    """Puts back what modules, and functions, keep beside parameters and buffers: counters, lists of losses, caches.

    All of it, since parts of it may only make sense together: a table, and the flag that it has been made.
    """
    flat = inside_flat_parameters(model)
    code = OwnCode(model)
    memory = Memory(model, code.packages)
    with contextlib.ExitStack() as told, contextlib.ExitStack() as stack:
        stack.callback(memory.put_back)  # also where something cannot be kept: queues are watched from now on
        kept: list[KeptAttributes | KeptClassAttributes | KeptFunctions] = [
            KeptAttributes(module, tensors=module not in flat, memory=memory)
            for module in model.modules()
            if not keeps_its_own(module)
        ]
        in_flat = {x for module in flat for x in module.parameters()}
        own = [x for x in model.parameters() if type(x) is nn.Parameter and x not in in_flat]
        kept += [KeptAttributes(x, tensors=True, memory=memory) for x in own]
        kept += [KeptClassAttributes(kind, memory) for kind in memory.own_classes(model) | code.classes]
        kept.append(KeptFunctions(code, memory))
        told.callback(memory.only_forward().tell, model)
        for one in kept:
            stack.callback(one.put_back)
        yield


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    kept = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - kept.keys():
            del os.environ[name]
        os.environ.update({name: value for name, value in kept.items() if os.environ.get(name) != value})


@contextlib.contextmanager
def _context_variables() -> Iterator[None]:
    kept = contextvars.copy_context()
    try:
        yield
    finally:
        for variable, value in kept.items():
            if variable.get() is not value:
                variable.set(value)


@contextlib.contextmanager
def _parts(model: nn.Module) -> Iterator[None]:
    """Takes away the parameters and modules that the pass makes, and puts back those that it replaces or removes.

    Freezes or thaws as it was what is trained or not. Where FSDP has others in their place while it computes, these
    stay.
    """
    flat = inside_flat_parameters(model)
    own = [module for module in model.modules() if not keeps_its_own(module) and module not in flat]
    held: list[dict[str, Any]] = [of for module in own for of in (module._parameters, module._modules)]
    kept = [(of, {**of}) for of in held]
    may_be_replaced = not swaps_parameters(model)
    thawed = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    try:
        yield
    finally:
        for parts, before in kept:
            for name in parts.keys() - before.keys():
                del parts[name]
            if may_be_replaced and any(parts.get(name, parts) is not part for name, part in before.items()):
                parts.clear()
                parts.update(before)
        for parameter, requires_grad in thawed:
            if parameter.requires_grad != requires_grad:
                parameter.requires_grad_(requires_grad)


@contextlib.contextmanager
def _evaluation(model: nn.Module) -> Iterator[None]:
    """Sets each module's flag instead of calling eval(): models override it, to merge adapters for example."""
    flags = [(module, module.training) for module in model.modules() if hasattr(module, "training")]  # frozen scripts
    try:
        for module, _ in flags:
            module.training = False
        yield
    finally:
        for module, training in flags:
            module.training = training


@contextlib.contextmanager
def _autocast_cache_off() -> Iterator[None]:
    """Within autocast, training would reuse a weight that was cast without gradients, and the weight would get none.

    A context that was made before turns the cache on again: it is emptied afterwards.
    https://github.com/pytorch/pytorch/issues/112583
    """
    enabled = torch.is_autocast_cache_enabled()
    torch.set_autocast_cache_enabled(False)
    try:
        yield
    finally:
        torch.set_autocast_cache_enabled(enabled)
        torch.clear_autocast_cache()
