"""Written parameters: those that a model writes to as it runs, in evaluation, too: tables with max_norm, codebooks.

And gradients, and buffers, which most models write to: running statistics, caches.
"""

import contextlib
import itertools
import warnings
from collections.abc import Iterator, Mapping
from weakref import WeakKeyDictionary

from torch import Tensor, nn

from .distributed import inside_flat_parameters
from .kept_tensors import KeptTensor, bytes_of

MOST = 2**28  # bytes that are copied without being known to be written to
_written: WeakKeyDictionary[nn.Module, set[str]] = WeakKeyDictionary()  # by earlier passes
_seen: WeakKeyDictionary[nn.Module, set[str]] = WeakKeyDictionary()  # which of them may have


@contextlib.contextmanager
def parameters_put_back(model: nn.Module) -> Iterator[None]:
    """Within it `model` may write to its parameters, gradients and buffers; after it they are as before.

    The first pass with them shows which parameters and gradients it writes to: before it all are copied, or as many as
    fit into MOST bytes; of buffers as many before every pass. One that is written to later, or does not fit, is warned
    of by name, and put back from the next pass on.
    """
    known, seen = _written.setdefault(model, set()), _seen.setdefault(model, set())
    flat = {x for module in inside_flat_parameters(model) for x in module.parameters()}
    every: dict[str, Tensor] = dict(model.named_parameters())
    parameters = {name: x for name, x in every.items() if type(x) is nn.Parameter and not x.is_inference()}
    gradients = {
        f"{name}.grad": x.grad
        for name, x in every.items()
        if x.grad is not None and x not in flat and not x.grad.is_inference()
    }
    buffers = {name: x for name, x in model.named_buffers() if not x.is_inference()}
    new = {name: x for name, x in (parameters | gradients).items() if name not in seen}
    seen.update(new)
    copied = known | _tables(model, parameters) | _fitting(new) | _fitting(buffers)
    everything = {**parameters, **gradients, **buffers}
    kept = {name: KeptTensor(x, copied=name in copied, by_version=x in flat) for name, x in everything.items()}
    try:
        yield
    finally:
        changed = {name for name, one in kept.items() if one.put_back()}
        lost = sorted(changed - copied)
        known |= changed
        if lost:
            warnings.warn(
                "the model wrote to its parameters, gradients or buffers in evaluation mode, in the pass over the "
                f"probe: {', '.join(lost)}. They cannot be put back this time, and are from the next pass on",
                RuntimeWarning,
                stacklevel=2,
            )


def _fitting(parameters: Mapping[str, Tensor]) -> set[str]:
    """As many of them as may be copied, the smallest first."""
    sizes = sorted((bytes_of(x), name) for name, x in parameters.items())
    sums = itertools.accumulate(size for size, _ in sizes)
    return {name for (_, name), together in zip(sizes, sums, strict=True) if together <= MOST}


def _tables(model: nn.Module, parameters: Mapping[str, Tensor]) -> set[str]:
    """Those of which every look-up scales rows to be no longer than max_norm."""
    found = [module.weight for module in model.modules() if getattr(module, "max_norm", None) is not None]
    return {name for name, x in parameters.items() if any(x is one for one in found)}
