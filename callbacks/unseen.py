"""Unseen attention: modules that are called attention, or stand where attention stands, and showed none."""

import re
from collections.abc import Iterable, Mapping

_ATTENTIVE = re.compile(r"Attention|Attn|Mixer|Mamba|Rwkv|DeltaNet|Hyena|Retention|LinearRecurren|RecurrentBlock|SSM")
_RECURRENT = re.compile(r"Mamba|Rwkv|DeltaNet|Hyena|Retention|Recurren|SSM|Linear")


def unseen(called: Mapping[str, str], known: Iterable[str]) -> dict[str, str]:
    """Module → why no attention of it is recorded, for those of `called` that show none of `known` in or around them.

    called: name → class of the modules that the pass called. known: the attentions that were seen or refused.
    """
    names = {name.partition("#")[0] for name in known}
    found: dict[str, str] = {}
    for name, kind in called.items():
        inside = any(other == name or other.startswith(f"{name}.") for other in names)
        around = any(name.startswith(f"{other}.") for other in (*names, *found))
        if _ATTENTIVE.search(kind) and not inside and not around:
            found[name] = _why(kind)
    return found


def _why(kind: str) -> str:
    if _RECURRENT.search(kind):
        return f"it is a {kind}, which has no softmax over products of queries and keys"
    return (
        f"it is a {kind}, in which no softmax over products of queries and keys was seen: if it has one, show it "
        "with attnviz_tap(q, k, …)"
    )
