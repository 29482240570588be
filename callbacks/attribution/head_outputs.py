"""Head outputs: what each head of a pass gives, its weights times its values, before the output projection."""

import dataclasses
from collections.abc import Callable, Container

import torch
from torch import Tensor, nn

from tb_attnviz.events import Layer

from ..capture.recording import Forward
from ..capture.sides import contents
from ..probes.batch import Batch
from ..tracing.attention_call import AttentionCall
from ..tracing.attention_calls import AttentionCalls
from ..tracing.folded import may_be_folded
from ..tracing.module_names import ModuleNames
from ..tracing.observer import Arrange

UNSEEN = "no product of its weights with values was seen"
_PARTS = "its heads' outputs are made in several parts"
_SHAPE = "it is not known which axis of its heads' outputs is which"


@dataclasses.dataclass(frozen=True)
class HeadOutput:
    """That of all heads of one attention in one batch."""

    tensor: Tensor  # the very one that the pass went on with
    arrange: Arrange
    version: int  # of the tensor when it was made

    def arranged(self, x: Tensor) -> Tensor:
        """What is of the form of `tensor`, as [batch, heads, n_query, d_v]. Raises ValueError where that is unknown."""
        found = self.arrange(x)
        if found is None or found.dim() != 4 or found.numel() != x.numel():
            raise ValueError(_SHAPE)
        return found

    def of_heads(self, x: Tensor, layer: Layer) -> Tensor:
        """The same of the heads of `layer` alone, which are those that are recorded."""
        return self.arranged(x.detach())[:, list(layer.head_numbers or range(layer.heads))]


class HeadOutputs:
    """The observer of a pass that only looks at what the `wanted` attentions give.

    change: is called with the output of each, to write into it before the pass goes on.
    with_calls: keeps the attentions, too, with the queries and keys that the pass went on with.
    """

    def __init__(
        self,
        batch: Batch,
        wanted: Container[str],
        *,
        change: Callable[[HeadOutput], None] | None = None,
        with_calls: bool = False,
    ) -> None:
        self.sequences = len(batch.present)
        self.widths = {side.present.shape[1] for side in batch.sides}
        self.patch = batch.patch
        self.found: dict[str, HeadOutput] = {}
        self.calls: dict[str, AttentionCall] = {}
        self.refused: dict[str, str] = {}
        self._wanted = wanted
        self._change = change
        self._with_calls = with_calls
        self._device = batch.present.device

    def take(self, call: AttentionCall) -> None:
        if self._with_calls and call.name in self._wanted:
            self.calls[call.name] = call

    def take_output(self, name: str, output: Tensor, arrange: Arrange) -> None:
        if name not in self._wanted:
            return
        if name in self.found:
            self.refused[name] = _PARTS
            return
        if torch.is_grad_enabled() and output.is_floating_point() and not output.requires_grad:
            output.requires_grad_()  # nothing before it is trained
        self.found[name] = found = HeadOutput(output, arrange, output._version)
        if self._change is not None:
            self._change(found)

    def refuse(self, name: str, why: str) -> None:
        self.refused.setdefault(name, why)

    def rows(self, name: str, count: int) -> Tensor | None:
        """The first query's logits do, where no mask is asked for."""
        if self._with_calls or may_be_folded(count, self.widths):
            return None
        return torch.zeros(1, dtype=torch.long, device=self._device)

    def keeps_weights(self, name: str, before: Tensor, after: Tensor) -> bool:
        return True  # the recording has compared them

    def take_values(self, name: str, values: Tensor) -> None:
        """Nobody asks for them."""

    def looks_like_attention(self, shape: torch.Size) -> bool:
        return False


def run(model: nn.Module, batch: Batch, forward: Forward, observer: HeadOutputs) -> object:
    """What the model gives for `batch`, while `observer` looks on."""
    inputs, sides = [*contents(batch, model).values()], len(batch.sides)
    with (
        ModuleNames(model) as names,
        AttentionCalls(names, observer, inputs, sides=sides, take_output=observer.take_output),
    ):
        return forward(model, *batch.args, **batch.kwargs)


def token_mask(batch: Batch, layer: Layer, output: HeadOutput) -> Tensor:
    """[sequences, queries of each]: which queries of `layer` are tokens; of windows all are, one window after another.

    All are, too, where they have a grid of their own: pooled patches, or a class token that stands for all of them.

    Raises ValueError where its outputs are of something else.
    """
    rows, _, n, _ = output.arranged(output.tensor.detach()).shape
    present = next(side.present for side in batch.sides if side.name == layer.queries_of)
    if (rows, n) == tuple(present.shape):
        return present
    sequences = len(present)
    own = None if layer.query_grid is None else layer.query_special + layer.query_grid.size
    if (rows, n) == (sequences, own):
        return torch.ones(rows, n, dtype=torch.bool, device=present.device)
    if rows % sequences or rows == sequences:
        raise ValueError(f"its heads give {n} outputs in each of {rows} rows, and the probe names {present.shape[1]}")
    return torch.ones(sequences, rows // sequences * n, dtype=torch.bool, device=present.device)


def by_sequence(x: Tensor, present: Tensor) -> Tensor:
    """x [sequences (· windows), heads, n, d] as [sequences, heads, tokens, d] in float32 or better, 0 at padding."""
    x = x if x.dtype == torch.float64 else x.float()
    x = x.reshape(len(present), -1, *x.shape[1:]).transpose(1, 2).flatten(2, 3)  # (sequences, heads, tokens, d)
    return torch.where(present[:, None, :, None], x, 0.0)
