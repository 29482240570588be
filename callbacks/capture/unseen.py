"""Unseen attention: modules that are called attention, or stand where attention stands, and showed none."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from ..tracing.module_names import named_modules

_RECURRENT = re.compile(r"Mamba|Rwkv|DeltaNet|Hyena|Retention|Recurren|SSM|LinearAttention")
_ATTENTIVE = re.compile(rf"Attention|Attn|Mixer|{_RECURRENT.pattern}")
_IN_SCRIPTS = re.compile(
    r"aten::(scaled_dot_product_attention|softmax[\s\S]*aten::(matmul|bmm|einsum|baddbmm)|_native_multi_head_attention)"
)
_SCRIPTED = (
    "it is a {} compiled to TorchScript, inside which attention cannot be seen: leave this part of the model as Python "
    "while it is recorded"
)


def scripted_attention(model: nn.Module) -> dict[str, str]:
    """Module → why no attention of it is recorded, for the innermost TorchScript modules of `model` that compute one.

    Functions that were compiled by themselves run as Python meanwhile (`scripted`), modules cannot.
    """
    scripts: dict[str, Any] = {n: m for n, m in named_modules(model) if isinstance(m, torch.jit.ScriptModule)}
    found = [name for name, module in scripts.items() if _IN_SCRIPTS.search(str(getattr(module, "inlined_graph", "")))]
    innermost = [name for name in found if not any(other != name and _inside(other, name) for other in found)]
    return {name or scripts[name].original_name: _SCRIPTED.format(scripts[name].original_name) for name in innermost}


def unseen(called: Mapping[str, str], known: Iterable[str]) -> dict[str, str]:
    """Module → why no attention of it is recorded, for those of `called` that show none of `known` in or around them.

    called: name → class of the modules that the pass called, the model itself first. known: the attentions that were
    seen or refused. Of several modules inside each other the innermost is named.
    """
    if not called:  # the model itself is out of sight
        return {}
    model, *modules = called
    names = {name.partition("#")[0] for name in known}
    attentive = [name for name in modules if _ATTENTIVE.search(called[name]) and "Norm" not in called[name]]
    found = {
        name: _why(called[name])
        for name in attentive
        if not any(_inside(other, name) or _inside(name, other) for other in names)
        and not any(_inside(other, name) for other in attentive if other != name)
    }
    if not names and not found and _ATTENTIVE.search(called[model]):
        found[model] = _why(called[model])
    return found


def _inside(name: str, other: str) -> bool:
    return name == other or name.startswith(f"{other}.") or not other


def _why(kind: str) -> str:
    if _RECURRENT.search(kind):
        return f"it is a {kind}, which has no softmax over products of queries and keys"
    return (
        f"it is a {kind}, in which no softmax over products of queries and keys was seen: if it has one, show it "
        "with attnviz_tap(q, k, …)"
    )
