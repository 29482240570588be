"""Own generators: what a model draws random numbers from beside the global generators of torch, NumPy and Python."""

import contextlib
import random
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

_KINDS = (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)


@contextlib.contextmanager
def own_generators(model: nn.Module) -> Iterator[None]:
    """Within it the generators that `model` is seen to have start from the same state; after it they are as before.

    Those are seen that modules have as attributes, in lists, tuples or dictionaries of such, or as global variables
    that their methods name. (`AttentionCalls` puts back other
    torch.Generators that operations are given.)
    """
    with contextlib.ExitStack() as stack:
        for generator in {id(found): found for found in _of(model)}.values():
            stack.callback(_restart(generator))
        yield


def _of(model: nn.Module) -> Iterator[Any]:
    for module in model.modules():
        yield from _among([*vars(module).values()])
    classes = {c for module in model.modules() for c in type(module).__mro__ if not c.__module__.startswith("torch.")}
    for function in (f for c in classes for f in vars(c).values() if isinstance(f, types.FunctionType)):
        variables = function.__globals__
        yield from _among([variables[name] for name in function.__code__.co_names if name in variables])


def _among(values: Iterable[Any], depth: int = 3) -> Iterator[Any]:
    for value in values:
        if isinstance(value, _KINDS):
            yield value
        elif type(value) in (dict, list, tuple) and depth:
            yield from _among(value.values() if isinstance(value, dict) else value, depth - 1)


def _restart(generator: Any) -> Callable[[], object]:
    """Puts `generator` at its beginning; calling the result puts it back where it was."""
    if isinstance(generator, torch.Generator):
        state = generator.get_state()
        generator.manual_seed(0)
        return lambda: generator.set_state(state)
    if isinstance(generator, np.random.Generator):
        bits = generator.bit_generator
        kept = bits.state
        with contextlib.suppress(Exception):  # of a kind that takes no seed
            bits.state = type(bits)(0).state
        return lambda: setattr(bits, "state", kept)
    if isinstance(generator, np.random.RandomState):
        legacy = generator.get_state()
        generator.seed(0)
        return lambda: generator.set_state(legacy)
    if type(generator) is random.SystemRandom:
        return lambda: None  # without a state
    python = generator.getstate()
    generator.seed(0)
    return lambda: generator.setstate(python)
