"""Kernels: the arguments of each fused attention kernel, as an AttentionCall."""

import functools
import math
import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tb_attnviz.geometry import logits as scaled_dot_products

from .attention_call import AttentionCall
from .remainder import remainder

_NOT_UNDERSTOOD = (
    "it calls {}, which is not understood, or whose sequences are packed: record it with scaled dot-product attention "
    '(of transformers: model.set_attn_implementation("sdpa"))'
)
_FUSED = re.compile(
    "flash_attn|varlen_attn|scaled_dot_product|(flash|efficient|cudnn)_attention|native_multi_head|transformer_encoder_layer_fwd"
)
_NESTED = (
    "its queries are a nested tensor, whose sequences are not told apart: pad them while self.training is False, or "
    "show it with attnviz_tap(q, k, …)"
)


def as_it_is(x: Tensor) -> Tensor:
    """What has the axes [batch, heads, n, …] already."""
    return x


class UnreadableError(ValueError):
    """A kernel was called in a way that cannot be recorded; the message says what to do."""


def scaled_dot_product(
    name: str,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    *,
    arrange: Callable[[Tensor], Tensor],
    moved: bool = False,
) -> AttentionCall:
    """torch.nn.functional.scaled_dot_product_attention.

    arrange: brings what has as many axes as the queries to four, [batch, heads, n, …]. moved: as of AttentionCall.
    """
    if query.is_nested:
        raise UnreadableError(_NESTED)
    _check_dropout(dropout_p)
    mask = attn_mask
    if mask is not None and arrange is not as_it_is:
        mask = arrange(mask.expand(*query.shape[:-1], key.shape[-2]))
    return AttentionCall(
        name,
        queries=arrange(query),
        keys=arrange(key),
        scale=_scale(query, scale),
        causal=bool(is_causal),
        mask=mask,
        values=arrange(value),
        moved=moved,
    )


def flex(
    name: str, query: Tensor, key: Tensor, value: Tensor, score_mod: Any, block_mask: tuple[Any, ...], *rest: Any
) -> AttentionCall:
    """torch.nn.attention.flex_attention, as it calls its operator: what `score_mod` does to the logits is a bias."""
    from torch.nn.attention.flex_attention import create_mask

    scale = _scale(query, rest[0] if rest else None)
    batch, heads, n_query, _ = query.shape
    n_key = key.shape[2]
    hidden_by = block_mask[-1]  # the mask's own function: (batch, head, query, key) → visible
    visible = create_mask(hidden_by, batch, heads, n_query, n_key, device=query.device)
    exact = torch.float64 if query.dtype == torch.float64 else torch.float32
    keys = key.repeat_interleave(heads // key.shape[1], dim=1)
    products = scaled_dot_products(query.to(exact), keys.to(exact), scale=scale)  # (batch, heads, n_query, n_key)
    axes = [torch.arange(length, device=query.device) for length in products.shape]
    places = torch.meshgrid(*axes, indexing="ij")
    try:
        modified = score_mod(products, *places)
    except Exception as error:
        raise UnreadableError(f"its score_mod cannot be applied to all pairs at once ({error})") from error
    modified = torch.where(visible, modified, -torch.inf)
    mask = remainder(query.to(exact), key.to(exact), modified, scale=scale, softcap=None)
    return AttentionCall(name, query, key, scale, causal=False, mask=mask, values=value)


@functools.cache
def is_fused(operator: str) -> bool:
    """Whether an operator of this name computes attention, other than those above."""
    return _FUSED.search(operator) is not None


def fused(operator: str) -> Callable[..., AttentionCall]:
    """What reads the arguments of a fused operator, or says that they are not understood."""

    def unread(name: str, *args: Any, **kwargs: Any) -> AttentionCall:
        raise UnreadableError(_NOT_UNDERSTOOD.format(operator))

    return flash if operator.endswith("::_flash_attn_forward") else unread


def flash(name: str, *args: Any, **kwargs: Any) -> AttentionCall:
    """`flash_attn::_flash_attn_forward`, the operator under flash_attn_func of flash-attn 2.

    https://github.com/Dao-AILab/flash-attention/blob/v2.8.3/flash_attn/flash_attn_interface.py
    """
    names = ("q", "k", "v", "dropout_p", "softmax_scale", "causal", "window_size_left", "window_size_right", "softcap")
    given = dict(zip((*names, "alibi_slopes", "return_softmax"), args, strict=False)) | kwargs
    _check_dropout(given.get("dropout_p") or 0.0)
    queries, keys = given["q"].transpose(1, 2), given["k"].transpose(1, 2)  # (batch, heads, n, d)
    n_query, n_key = queries.shape[2], keys.shape[2]
    left, right = (_reach(given.get(f"window_size_{side}")) for side in ("left", "right"))
    window = (left, 0 if given.get("causal") else right)
    slopes, mask = given.get("alibi_slopes"), None
    if slopes is not None or n_query != n_key:
        # The kernel counts positions from the end of both.
        query, key = (torch.arange(n, device=queries.device) for n in (n_query, n_key))
        ahead = key - (query[:, None] + n_key - n_query)  # (n_query, n_key): how far a key lies behind its query
        behind, after = (n_key if reach is None else reach for reach in window)
        mask = torch.where((ahead >= -behind) & (ahead <= after), 0.0, -torch.inf)
        window = (None, None)
        if slopes is not None:
            slopes = slopes.reshape(-1, slopes.shape[-1])[:, :, None, None]  # (batch or 1, heads, 1, 1)
            mask = mask - slopes * ahead.abs()
    return AttentionCall(
        name,
        queries,
        keys,
        _scale(queries, given.get("softmax_scale")),
        causal=False,
        mask=mask,
        window=window,
        softcap=given.get("softcap") or None,
        values=given["v"].transpose(1, 2),
    )


def _check_dropout(probability: float) -> None:
    if probability > 0:
        raise UnreadableError(
            f"it drops weights at random in evaluation mode, too (dropout_p={probability:g}): give it "
            "dropout_p=self.dropout if self.training else 0.0"
        )


def _reach(size: int | None) -> int | None:
    """How far a window of the kernel reaches; None: to the end."""
    return None if size is None or size < 0 else size


def _scale(query: Tensor, scale: Any) -> float:
    return 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)


def operator_name(func: Any) -> str:
    """The qualified name of an operator of a library ("flash_attn::_flash_attn_forward"); "" for any other function."""
    name = getattr(func, "_qualified_op_name", None) or getattr(func, "_name", None)
    return name if isinstance(name, str) else ""
