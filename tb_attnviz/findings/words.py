"""Words: the sentences of findings."""

import numpy as np

from tb_attnviz.findings.kinds import FOLLOWS, Kind
from tb_attnviz.importance import CHECKPOINTS

Offset = int | tuple[int, int] | None


def title(kind: Kind, offset: Offset, partner: str | None = None) -> str:
    """What a cell says: "previous token", "11 tokens back", "1 patch right"."""
    if kind.name == "fed_by" and partner is not None:
        return f"fed by {partner} (previous token)"
    if kind.name == "fixed" and isinstance(offset, int):
        return where(offset)
    if kind.name == "patch" and isinstance(offset, tuple):
        return where(offset)
    return kind.title


def anomaly(name: str, figure: str, before: float, value: float) -> str:
    """That a figure of the head called `name` is not what it was, in the form in which alerts are told."""
    return f"{name}: {figure} {value:.3g}, about {before:.3g} before, unlike the other heads"


def where(offset: int | tuple[int, int]) -> str:
    if isinstance(offset, int):
        return f"{abs(offset)} token{'' if abs(offset) == 1 else 's'} {'back' if offset < 0 else 'ahead'}"
    rows, columns = offset
    parts = [
        f"{abs(number)} {'down' if number > 0 else 'up'}"
        if axis == "rows"
        else f"{abs(number)} {'right' if number > 0 else 'left'}"
        for axis, number in (("rows", rows), ("columns", columns))
        if number
    ]
    first, *rest = parts
    count, direction = first.split()
    return " and ".join([f"{count} patch{'' if count == '1' else 'es'} {direction}", *rest])


def sentence(
    kind: Kind,
    value: float,
    *,
    offset: Offset = None,
    otherwise_first: bool = False,
    partner: str | None = None,
    patches: bool = False,
    start: int | None = None,
) -> str:
    """What a head does, in plain words, without its name and without a stop."""
    share = percent(value)
    token, tokens = ("patch", "patches") if patches else ("token", "tokens")
    words = {
        "dead": f"is dead: its queries, or its keys, are all equal (they vary by {value:.1g} of their size)",
        "collapsed": f"has collapsed: all queries attend to one and the same {token}, {share}",
        "unchanged": f"attends as it did at {'the start' if start is None else f'step {start}'} (distance {value:.2f})",
        "induction": f"looks up what followed the present token last time, {share} more than where nothing repeats",
        "fixed_or_induction": f"attends to what followed the present token last time, {share}, or at that distance: "
        "the probe repeats with one period alone and cannot tell",
        "fed_by": f"is fed by {partner} (previous token), {share} of what its keys are given",
        "duplicate": f"attends to the present token where it came before, {share} more than where nothing repeats",
        "fixed_or_same": f"attends to the present token where it came before, {share}, or at that distance: the "
        "probe repeats with one period alone and cannot tell",
        "same_token": f"attends to the same token elsewhere, {share}",
        "previous": f"attends to the token before, {share}",
        "next": f"attends to the token after, {share}",
        "self": f"attends to the {token} itself, {share}",
        "delimiter": f"rests on special tokens after the first, {share}",
        "punctuation": f"rests on punctuation, {share}",
        "row": f"attends along the row of the patch, {share}",
        "column": f"attends along the column of the patch, {share}",
        "label": f"attends to patches that look alike, {share}",
        "first": f"rests on the first token, {share}",
        "local": f"attends to {'patches beside it' if patches else 'tokens up to 4 away'}, {share}",
        "copy": f"attends as {partner} does ({share} alike)",
        "uniform": f"attends to all {tokens} nearly alike ({share} of the greatest entropy)",
        "broad": f"attends broadly ({share} of the greatest entropy)",
    }
    if kind.name.startswith(FOLLOWS):
        return f"attends along “{kind.name.removeprefix(FOLLOWS)}”, {share} beyond what it gives their positions anyway"
    if kind.name == "prunable":
        return f"could be removed: without it the loss {_risen(value)} of the last {CHECKPOINTS} measurements"
    if kind.name in ("fixed", "patch"):
        otherwise = ", otherwise to the first token" if otherwise_first else ""
        return f"attends {where(offset) if offset is not None else 'at a fixed distance'}, {share}{otherwise}"
    return words[kind.name]


def _risen(share: float) -> str:
    return "did not rise at any" if share <= 0 else f"rose by at most {100 * share:.1g} % at each"


def percent(value: float) -> str:
    return "an unknown share" if np.isnan(value) else f"{100 * value:.0f} %"


def joined(parts: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
