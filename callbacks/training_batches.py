"""Training batches: figures of the batches that training itself shows to the model, taken while it does."""

import contextlib
import dataclasses
import gc
import sys
import types
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tb_attnviz.array_types import Float32

from .capture.batch_figures import BATCH_FIGURES, batch_figures
from .capture.precision import without_autocast
from .capture.recording import Recording
from .capture.selection import Selection
from .tracing import tap
from .tracing.attention_call import AttentionCall
from .tracing.module_names import ModuleNames
from .tracing.training_calls import NotSeenError, TrainingCalls

_NONE = "figures of the training batch are not recorded: "
_NO_PASS = "put `with recorder.batch(step):` around the pass of training, before recorder.step(step)"
_DOUBTFUL = "another attention of its module is not recorded, and which is which is not told in a training pass"
_MOVED = (
    "its heads lie before its sequences, or in its rows, or the probe's one sequence does not tell: lay queries and "
    "keys out as [batch, heads, tokens, d], or give the probe a second sequence"
)
_UNSEEN = "no attention of it was seen in a training pass, which is one with gradients"
_COMPILED = (
    "torch.compile is used here, and would compile another pass while it is looked at: batches=True is for eager models"
)
_EVALUATION = (
    "{} is in evaluation mode, where PyTorch uses a fused encoder that would be left out while it is looked at: give "
    "batches=False"
)

_CALLERS = 3  # between a call of the outermost module and what is told of it
_FUSED_IN_EVALUATION = (nn.TransformerEncoder, nn.TransformerEncoderLayer, nn.MultiheadAttention)


class TrainingBatches:
    """The figures BATCH_FIGURES, all heads, of the passes that training makes of `model` within `watched`.

    first: the recording of the probe whose layers are wanted. found: what all of the model's attentions are, where
    `select` chooses some. given: `model` with what is around it.

    The pass goes on with its own kernels, tensors and random numbers: nothing is run twice, nothing is kept. Several
    passes count together: the largest max_logit, the mean of the others. What backward computes again is not looked at.
    """

    def __init__(
        self, model: nn.Module, given: nn.Module, first: Recording, found: Recording, select: Selection | None
    ) -> None:
        self._model, self._given, self._select = model, given, select
        self._layers = {layer.name: layer for layer in first.layers}
        self._heads = {layer.name: layer.heads for layer in found.layers if layer.name in self._layers}  # in the model
        self._calls = Counter(map(_module, (layer.name for layer in found.layers)))  # of a pass
        self._modules = {_module(name): name for name in reversed(self._heads)}
        doubtful = {_module(name) for name in found.skipped}
        self._doubtful = {name: _DOUBTFUL for name in self._heads if _module(name) in doubtful}
        self._doubtful |= dict.fromkeys(first.moved, _MOVED)
        self._found: dict[str, tuple[Tensor, int]] = {}  # name → of all passes so far, and how many
        self._refused: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._names: ModuleNames | None = None
        self._pass = contextlib.ExitStack()  # open while the outermost module is called
        self._call: types.FrameType | None = None  # that of the outermost module
        self._step: int | None = None
        self._obstacle: str | None = None  # at this step
        self._compiled = False
        self._said: set[str] = set()
        self._searched = False

    @contextlib.contextmanager
    def watched(self, step: int) -> Iterator[None]:
        """Within it the model's passes are looked at, as those of `step`."""
        if self._names is not None:  # within another one
            yield
            return
        if step != self._step:
            self._step, self._found, self._refused, self._obstacle = step, {}, dict(self._doubtful), None
        self._obstacle = self._obstacle or self._find_obstacle()
        if self._obstacle is not None:
            yield
            return
        self._counts.clear()
        with ModuleNames(self._model) as names:
            names.outermost = self._outermost
            self._names = names
            try:
                yield
            finally:
                self._pass.close()
                self._names = None

    def added(self, step: int, recording: Recording, *, due: bool) -> tuple[Recording, str | None]:
        """`recording` with what was seen at `step`, and a sentence about what was not, once for each reason.

        due: whether something should have been.
        """
        if step != self._step:
            return recording, self._once(_NONE + _NO_PASS) if due else None
        if self._obstacle is not None:
            return recording, self._once(_NONE + self._obstacle)
        if self._names is not None:  # within the pass
            return recording, None
        found = self._found
        missing = {name: self._refused.get(name, _UNSEEN) for name in self._layers if name not in found}
        named = "; ".join(f"{name}: {why}" for name, why in missing.items())
        sentence = self._once(f"layers without figures of the training batch: {named}") if missing else None
        if not found:
            return recording, sentence
        where = next(iter(found.values()))[0].device  # layers may be on several
        all_of_them = torch.cat([x.to(where).float().flatten() for x, _ in found.values()])
        fetched = all_of_them.cpu().numpy()  # waits for the device once
        ends = np.cumsum([x.numel() for x, _ in found.values()])
        of_names = dict(zip(found, np.split(fetched, ends[:-1]), strict=True))
        unknown = np.full(len(BATCH_FIGURES), np.nan, np.float32)
        joined: Float32 = np.concatenate(
            [of_names.get(x.name, unknown.repeat(x.heads)).reshape(len(unknown), -1) for x in recording.layers], axis=1
        )
        figures = {
            name: values for name, values in zip(BATCH_FIGURES, joined, strict=True) if not np.isnan(values).all()
        }
        return dataclasses.replace(recording, figures=recording.figures | figures), sentence

    def _once(self, sentence: str) -> str | None:
        if sentence in self._said:
            return None
        self._said.add(sentence)
        return sentence

    def _outermost(self, called: bool) -> None:
        if not called:
            self._call = None
            self._pass.close()
        elif torch.is_grad_enabled() and not _in_backward():  # further in, reentrant checkpoints keep no gradients
            self._obstacle = self._evaluated()
            if self._obstacle is not None:
                assert self._names is not None
                self._names.remove()  # hooks, too, keep PyTorch from its fused encoder
                return
            self._call = sys._getframe(_CALLERS)
            mode = TrainingCalls(self._heads_here, self._take)
            self._pass.enter_context(mode)
            self._pass.enter_context(tap.listening(mode.tap))

    def _heads_here(self) -> int | None:
        """How many heads the module that is under way has, where any attention of it is recorded."""
        if self._names is None or not self._names.inside or _in_backward():
            return None
        if self._call is not None and _has_ended(self._call):  # by Ctrl-C, of which PyTorch's hooks are not told
            self._names.remove()
            self._names = self._call = None
            return None
        name = self._modules.get(self._names.innermost)
        return None if name is None else self._heads[name]

    def _take(self, read: Callable[[], AttentionCall]) -> None:
        """One attention of the module under way; what fails is noted and never raised: training goes on."""
        module = "" if self._names is None else self._names.innermost
        if module not in self._modules:
            return
        number = self._counts[module] % self._calls[module]  # a pass calls it as often as the one over the probe
        self._counts[module] += 1
        name = f"{module}#{number}" if number else module
        if name not in self._heads or name in self._refused:
            return
        try:
            with torch.no_grad(), without_autocast():
                found = self._figures(name, read())
                before, count = self._found.get(name, (found, 0))
                self._found[name] = (_together(before, count, found), count + 1)
        except NotSeenError as error:
            self._refuse(name, str(error))
        except Exception as error:
            self._refuse(name, f"{type(error).__name__}: {error}")

    def _figures(self, name: str, call: AttentionCall) -> Tensor:
        """[3, heads that are recorded]"""
        seen = call.queries if call.logits is None else call.logits
        if hasattr(seen, "to_local"):
            raise NotSeenError("its queries are a DTensor, of which every process has a part")
        if seen.shape[1] != self._heads[name]:
            raise NotSeenError(f"it has {seen.shape[1]} heads here, and {self._heads[name]} in the pass over the probe")
        layer = self._layers[name]
        figures = batch_figures(call, one_side=layer.queries_of == layer.keys_of)
        return figures if self._select is None else self._select.narrow_figures(name, figures)

    def _refuse(self, name: str, why: str) -> None:
        self._found.pop(name, None)
        self._refused[name] = why

    def _find_obstacle(self) -> str | None:
        """Why no pass of the model can be looked at; None if nothing speaks against it."""
        around, self._searched = not self._searched, True
        self._compiled = self._compiled or _is_compiled(self._given, around=around)
        return _COMPILED if self._compiled else None

    def _evaluated(self) -> str | None:
        """Why the pass that begins cannot be looked at; None if it can."""
        for name, module in self._model.named_modules():
            if isinstance(module, _FUSED_IN_EVALUATION) and not module.training:
                return _EVALUATION.format(name or type(module).__name__)
        return None


def _has_ended(frame: types.FrameType) -> bool:
    try:
        frame.clear()
    except RuntimeError:  # it is being executed
        return False
    return True


def _in_backward() -> bool:
    """Where checkpoints compute again what forward has not kept."""
    return torch._C._current_graph_task_id() != -1


def _module(name: str) -> str:
    return name.partition("#")[0]


def _together(before: Tensor, count: int, found: Tensor) -> Tensor:
    """Of `count` passes and another one: the largest of the first figure, the mean of the others."""
    if count == 0:
        return found
    largest = torch.fmax(before[:1], found[:1])
    means = before[1:] + (found[1:] - before[1:]) / (count + 1)
    means = torch.where(before[1:].isnan(), found[1:], torch.where(found[1:].isnan(), before[1:], means))
    return torch.cat([largest, means])


def _is_compiled(model: nn.Module, *, around: bool) -> bool:
    """Whether `model` or a part of it is compiled, or anything else that has run here, or what is `around` it."""
    dynamo: Any = sys.modules.get("torch._dynamo.eval_frame")
    if dynamo is None:
        return False
    if sys.modules["torch._dynamo.utils"].counters["frames"]["total"] > 0:
        return True
    modules = set(model.modules())
    if any(type(x) is dynamo.OptimizedModule or x._compiled_call_impl is not None for x in modules):
        return True
    wrappers = [x for x in gc.get_objects() if type(x) is dynamo.OptimizedModule] if around else []
    return any(inside in modules for x in wrappers for inside in x.modules())
