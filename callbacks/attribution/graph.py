"""Graph: gradients of a number of a pass with respect to heads' outputs, and nothing else of the model touched."""

import contextlib
import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from .head_outputs import HeadOutputs

_UNREACHED = (
    "the loss has no gradient there: the model makes it without gradients (torch.no_grad, detach, a checkpoint that is "
    "reentrant), or does not use it"
)
_OVERWRITTEN = "the model writes into its heads' outputs"
_SCALES = (2.0**15, 2.0**10, 2.0**5, 1.0)


class NoGradientError(RuntimeError):
    """Nothing can be attributed; the message says why."""


@dataclasses.dataclass(frozen=True)
class Gradients:
    """Of one number with respect to the outputs of the attentions that a observer has found."""

    value: float
    of: dict[str, Tensor]  # attention → of the form of its output
    refused: dict[str, str]
    bytes: int  # that the graph kept beside parameters; 0 where nobody counted


def gradients(observer: HeadOutputs, make: Callable[[], Tensor], *, count: nn.Module | None = None) -> Gradients:
    """Those of the number that `make` computes while `observer` looks on. `count`: the model, where bytes are counted.

    Raises NoGradientError where the number depends on nothing.
    """
    kept = _Kept(count)
    with kept.counting() if count is not None else contextlib.nullcontext():
        value = make()
    refused = dict(observer.refused)
    for name, output in observer.found.items():
        if output.tensor._version != output.version:
            refused.setdefault(name, _OVERWRITTEN)
    names = [name for name in observer.found if name not in refused and observer.found[name].tensor.requires_grad]
    if not value.requires_grad:
        raise NoGradientError(
            "the loss has no gradient: the model, or the function that shows it the probe, runs without them "
            "(torch.no_grad, detach, inference_mode)"
        )
    found = _scaled(value, [observer.found[name].tensor for name in names]) if names else ()
    of = {name: gradient for name, gradient in zip(names, found, strict=True) if gradient is not None}
    for name in observer.found.keys() - of.keys():
        refused.setdefault(name, _UNREACHED)
    return Gradients(float(value.detach()), of, refused, kept.bytes)


def _scaled(value: Tensor, tensors: Sequence[Tensor]) -> Sequence[Tensor | None]:
    """Gradients of `value`; those in float16, whose smallest number is 6e-8, of a multiple of it that they can hold."""
    if not any(x.dtype == torch.float16 for x in tensors):
        return torch.autograd.grad(value, tensors, allow_unused=True)
    for scale in _SCALES:
        factor = torch.full_like(value, scale)
        found = torch.autograd.grad(value, tensors, factor, allow_unused=True, retain_graph=scale != _SCALES[-1])
        if all(x is None or bool(x.isfinite().all()) for x in found):
            break
    return [None if x is None else x.float() / scale for x in found]


@contextlib.contextmanager
def without_backward_hooks(model: nn.Module) -> Iterator[None]:
    """Within it the backward hooks of modules are not there: what they count and log is training's."""
    names = ("_backward_hooks", "_backward_pre_hooks")
    kept = [(vars(module), name, vars(module).get(name)) for module in model.modules() for name in names]
    try:
        for attributes, name, hooks in kept:
            if hooks:
                attributes[name] = OrderedDict()
        yield
    finally:
        for attributes, name, hooks in kept:
            if hooks:
                attributes[name] = hooks


class _Kept:
    """Counts the bytes that a graph keeps for its backward pass."""

    def __init__(self, model: nn.Module | None) -> None:
        self.bytes = 0
        parameters = () if model is None else model.parameters()
        self._known = {parameter.untyped_storage().data_ptr() for parameter in parameters}

    def counting(self) -> torch.autograd.graph.saved_tensors_hooks:
        return torch.autograd.graph.saved_tensors_hooks(self._count, lambda x: x)

    def _count(self, x: Tensor) -> Tensor:
        storage = x.untyped_storage()
        if storage.data_ptr() not in self._known:
            self._known.add(storage.data_ptr())
            self.bytes += storage.nbytes()
        return x
