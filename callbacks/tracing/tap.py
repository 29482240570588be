"""The tap: one line in a model's own code that shows its attention to the recorder."""

import contextlib
import math
import threading
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from .attention_call import AttentionCall

_listeners = threading.local()


def attnviz_tap(
    queries: Tensor,
    keys: Tensor,
    *,
    scale: float | None = None,
    causal: bool = False,
    mask: Tensor | None = None,
    softcap: float | None = None,
    sinks: Tensor | None = None,
    values: Tensor | None = None,
) -> None:
    """Show an attention to the recorder, from code in which it cannot be seen (sparse, hand-written kernels).

        attnviz_tap(q, k, causal=True)
        y = my_kernel(q, k, v)

    queries [batch, heads, n_query, d], keys [batch, kv_heads, n_key, d], as the attention uses them.
    scale: of the logits; 1/√d unless given. softcap: bounds them, before the mask.
    mask: broadcasts to [batch, heads, n_query, n_key]; boolean (True: visible) or added to the logits.
    sinks: [heads], a logit more for every query, whose share is dropped after softmax.
    values: [batch, value_heads, n_key, d_v], for a recorder that wants their norms and cannot see them either.

    Does nothing but where a recorder looks: in its pass over its probe, and with `batches=True` in training's;
    torch.compile leaves it out. If a softmax follows in the same module, what is shown of the probe is checked against
    it. Raises ValueError for queries and keys without an axis of heads.
    """
    if torch.compiler.is_compiling():
        return
    listener: Callable[[AttentionCall], None] | None = getattr(_listeners, "present", None)
    if listener is None:
        return
    if queries.dim() != 4 or keys.dim() != 4:
        raise ValueError(
            f"attnviz_tap was given queries {tuple(queries.shape)} and keys {tuple(keys.shape)}; "
            "give both as [batch, heads, n, d]"
        )
    scale = 1 / math.sqrt(queries.shape[-1]) if scale is None else float(scale)
    listener(AttentionCall("", queries, keys, scale, causal, mask, softcap, sinks, values=values))


@contextlib.contextmanager
def listening(listener: Callable[[AttentionCall], None]) -> Iterator[None]:
    """Within it, taps of the present thread go to `listener`."""
    before = getattr(_listeners, "present", None)
    _listeners.present = listener
    try:
        yield
    finally:
        _listeners.present = before
