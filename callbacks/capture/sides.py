"""Sides: which side of the probe each attention is among, decided from what its queries and keys were made from.

Widths do not tell: an encoder and a decoder, a text and an image may well be as long as each other. Names do not,
either; they are asked (`other_sequences`) only where the pass does not show it.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from tb_attnviz.events import Side as SideName

from ..probes.batch import Batch
from ..probes.records import fields_of
from ..tracing.sources import RANDOM, SHUFFLED, of_input
from .other_sequences import ACROSS, CROSS_WHY, SAME_INPUT_WHY, Sides, sides_of

GivenSides = Mapping[str, tuple[SideName, SideName]]  # pattern of attentions → sides of their queries and keys

_REMEDY = 'say it with sides={"%s": ("tokens", "key_tokens")}, say, the sides of its queries and keys'
_UNTOLD = "it cannot be told which of the model's inputs its tokens are of: " + _REMEDY
_DECODERS = (
    "it attends among the decoder's tokens, and the probe names those of the encoder: give "
    "decoder_input_ids alone, or the same as input_ids, or name the encoder's as key_tokens"
)


@dataclasses.dataclass(frozen=True)
class Trace:
    """What an attention was made from, as sets of `Sources`."""

    queries: int
    keys: int
    attention: int  # itself

    @property
    def shuffled(self) -> bool:
        return bool((self.queries | self.keys) & SHUFFLED)


def contents(batch: Batch, model: nn.Module) -> dict[str, Tensor]:
    """The inputs that hold what the model is about, not which of it is padding, by name.

    None for a model without parameters: a function of queries and keys, which are of the same tokens then.
    """
    if not any(True for _ in model.parameters()):
        return {}
    found = dict(_leaves("inputs", list(batch.args))) | {
        name: x for key, value in batch.kwargs.items() for name, x in _leaves(key, value)
    }
    return {name: x for name, x in found.items() if "mask" not in name and x.dtype != torch.bool}


def find_sides(
    traces: Mapping[str, Trace],
    batch: Batch,
    inputs: Mapping[str, Tensor],
    hints: Mapping[str, Sides | str],
    given: GivenSides,
) -> dict[str, Sides | str]:
    """Attention → the sides that it is among, or why they are not the probe's, where the pass or `given` tells.

    inputs: those of `contents`, in the order of their sources. hints: what the names of modules say. An attention that
    is not in the answer is told by those, and by widths.
    """
    found = _Judge(traces, inputs, hints, len(batch.sides) > 1).sides()
    for name in traces:
        pattern = next((p for p in given if fnmatchcase(name.partition("#")[0], p) or fnmatchcase(name, p)), None)
        if pattern is not None and len(batch.sides) == 1 and "key_tokens" in given[pattern]:
            found[name] = CROSS_WHY
        elif pattern is not None:
            found[name] = given[pattern]
    return found


class _Judge:
    def __init__(
        self, traces: Mapping[str, Trace], inputs: Mapping[str, Tensor], hints: Mapping[str, Sides | str], both: bool
    ) -> None:
        self._hints = hints
        self._traces = traces
        self._names = list(inputs)
        self._both = both
        self._all_inputs = sum(of_input(number) for number in range(len(inputs)))
        self._named = _named(inputs, both)
        own = {trace.keys for trace in traces.values() if trace.queries | RANDOM == trace.keys | RANDOM}
        self._across = {
            name
            for name, trace in traces.items()
            if trace.queries and trace.keys and trace.queries | RANDOM != trace.keys | RANDOM
            and trace.keys not in own  # keys of an earlier layer, used again
        }  # fmt: skip
        self._memory = 0  # what the keys of attention across are made from
        for name in self._across:
            self._memory |= traces[name].keys

    def sides(self) -> dict[str, Sides | str]:
        found: dict[str, Sides | str] = {}
        groups = {trace.queries & self._all_inputs for name, trace in self._traces.items() if name not in self._across}
        apart = len(groups) > 1 and not any(a & b for a in groups for b in groups if a != b)
        mutual = self._mutual()
        for name, trace in self._traces.items():
            if name in self._across:
                same = not (trace.queries ^ trace.keys) & self._all_inputs
                why = SAME_INPUT_WHY if same else CROSS_WHY
                found[name] = (_UNTOLD % name if mutual else ACROSS) if self._both else why
                continue
            if not trace.keys or not (trace.queries or self._names[1:]):
                continue
            if not trace.queries:  # learned ones: of the tokens that they look at
                trace = dataclasses.replace(trace, queries=trace.keys)
                if self._across:
                    found[name] = _UNTOLD % name
                    continue
            if self._across and not mutual:
                found[name] = self._of_one_side(trace)
            elif apart or (len(groups) > 1 and not self._both):
                side = self._by_input(name, trace)
                if side is not None:
                    found[name] = side
        return found

    def _of_one_side(self, trace: Trace) -> Sides | str:
        """Beside attention across: of what attends to the other side, or of that other side."""
        of_memory = bool(trace.attention & self._memory)
        if self._both:
            return ("key_tokens", "key_tokens") if of_memory else ("tokens", "tokens")
        memory = self._memory & self._all_inputs
        own = memory if of_memory else (trace.queries & self._all_inputs) & ~memory
        if own & self._named:
            return ("tokens", "tokens")
        if of_memory:
            return "it attends among the encoder's inputs, and the probe names the decoder's tokens"
        return _DECODERS

    def _by_input(self, name: str, trace: Trace) -> Sides | str | None:
        """Of several inputs that attend each for itself: by the input that the probe names."""
        if self._named & trace.queries:
            return ("tokens", "tokens")
        if self._both:
            return ("key_tokens", "key_tokens") if self._named else None
        if not any(t.queries & self._named for t in self._traces.values()):
            return None
        hint = sides_of(name, self._hints)
        if isinstance(hint, str):
            return hint
        theirs = ", ".join(n for i, n in enumerate(self._names) if of_input(i) & trace.queries)
        ours = ", ".join(n for i, n in enumerate(self._names) if of_input(i) & self._named)
        return f"it attends among the tokens of another input ({theirs}), and the probe names those of {ours}"

    def _mutual(self) -> bool:
        """Whether two sequences attend to each other, so that it is not told which is which."""
        keys = [self._traces[name].keys & self._all_inputs for name in self._across]
        return any(a and b and not a & b for a in keys for b in keys)


def _named(inputs: Mapping[str, Tensor], both: bool) -> int:
    """The inputs whose tokens `tokens` name, as far as their own names and kinds say."""
    ids = {name: x for name, x in inputs.items() if x.dim() == 2 and not x.is_floating_point()}
    first = next(iter(ids), next(iter(inputs), None))
    if "decoder_input_ids" in ids and (both or "input_ids" not in ids):
        first = "decoder_input_ids"
    elif "input_ids" in ids:
        first = "input_ids"
    elif both:
        return 0  # whose they are, nothing says
    if first is None:
        return 0
    alike = [x.shape == inputs[first].shape and torch.equal(x, inputs[first]) for x in inputs.values()]
    return sum(of_input(number) for number, same in enumerate(alike) if same)


def _leaves(name: str, value: Any) -> list[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        return [(name, value)]
    if isinstance(value, Mapping):
        return [leaf for key, inner in value.items() for leaf in _leaves(str(key), inner)]
    if isinstance(value, (list, tuple)) and isinstance(value, Sequence):
        return [leaf for place, inner in enumerate(value) for leaf in _leaves(f"{name}[{place}]", inner)]
    return [leaf for field, inner in (fields_of(value) or {}).items() for leaf in _leaves(field, inner)]
