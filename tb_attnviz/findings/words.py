"""Words: the sentences of findings."""

import math

from tb_attnviz.findings.kinds import FOLLOWS, OF_REPEATS, STILL_SIDES, Kind
from tb_attnviz.importance import CHECKPOINTS
from tb_attnviz.units import named, percent, told

Offset = int | tuple[int, int] | None

_NO_SHARE = ("dead", "unchanged", "fed_by", "copy", "prunable", "uniform", "broad")  # of attention
_OF_SOME_QUERIES = (*OF_REPEATS, "same_token", "fixed", "patch", "next", "delimiter", "punctuation", "label")
"""Kinds whose share is the mean over the queries alone that see such a key."""
_WHOLE = 1.005  # as it is told, in percent
_NEARLY = 1e-6  # of their size: what half precision leaves of vectors that are equal is less


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
    return f"{name}: {moved(figure, before, value)}, unlike the other heads"


def moved(figure: str, before: float, value: float) -> str:
    return f"{named(figure)} {told(figure, value)}, about {told(figure, before)} before"


def unhealthy(since: int) -> str:
    return f"unhealthy since step {since:,}"


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
    texts: str = "",
    offset: Offset = None,
    otherwise_first: bool = False,
    partner: str | None = None,
    still: int = 0,
    patches: bool = False,
    start: int | None = None,
) -> str:
    """What a head does, in plain words, without its name and without a stop; what comes behind a colon explains it.

    texts: over which `value` is taken, where that has to be said. still: which sides of a dead head are all equal.
    """
    within = f" in {texts}" if texts else ""
    share = f"{percent(value)}{within}"
    beyond = f"{share}, beyond what it gives that distance elsewhere"
    token, tokens = ("patch", "patches") if patches else ("token", "tokens")
    words = {
        "dead": f"is dead: {_equal(value, still)}",
        "collapsed": f"has collapsed: all queries attend to one and the same {token}, {share}",
        "unchanged": f"attends as it did at {'the start' if start is None else f'step {start:,}'} "
        f"({amount(kind, value)})",
        "induction": f"looks up what followed the present token last time, {beyond}",
        "fixed_or_induction": f"attends to what followed the present token last time, {share}, or at that distance: "
        "the probe repeats with one period alone and cannot tell",
        "fed_by": f"is fed by {partner} (previous token), {share} of what its keys are given",
        "duplicate": f"attends to the present token where it came before, {beyond}",
        "fixed_or_same": f"attends to the present token where it came before, {share}, or at that distance: the "
        "probe repeats with one period alone and cannot tell",
        "same_token": f"attends to the same token elsewhere, {share}",
        "previous": f"attends to the token before, {share}",
        "next": f"attends to the token after, {share}",
        "self": f"attends to the {token} itself, {share}",
        "delimiter": f"rests on special tokens after the first, {share}",
        "punctuation": f"rests on punctuation, {share}",
        "row": f"attends along the same row, {share}",
        "column": f"attends along the same column, {share}",
        "label": f"attends to look-alike patches, {share}",
        "first": f"rests on the first token, {share}",
        "local": f"attends to {'patches beside it' if patches else 'tokens up to 4 away'}, {share}",
        "copy": f"attends as {partner} does ({amount(kind, value)})",
        "uniform": f"attends to all {tokens} nearly alike ({amount(kind, value)}{within})",
        "broad": f"attends broadly ({amount(kind, value)}{within})",
    }
    if kind.follows:
        return f"attends along “{kind.name.removeprefix(FOLLOWS)}”, {share} beyond what it gives their positions anyway"
    if kind.name == "prunable":
        return f"could be removed: without it the loss {_risen(value)} of the last {CHECKPOINTS} measurements"
    if kind.name in ("fixed", "patch"):
        otherwise = ", otherwise to the first token" if otherwise_first else ""
        return f"attends {where(offset) if offset is not None else 'at a fixed distance'}, {share}{otherwise}"
    return words[kind.name]


def beyond_all(shares: list[tuple[Kind, str, float]]) -> bool:
    """Whether the shares of a head's kinds, each with its texts, sum to more than 100 %; repeated texts count apart."""
    told = [value for kind, texts, value in shares if not (kind.name in _NO_SHARE or _apart(kind, texts))]
    return sum(value for value in told if not math.isnan(value)) > _WHOLE


def if_any(kind: Kind, texts: str, sentence: str, amount: str) -> str:
    """`sentence` with the words that its share, `amount`, is of those queries alone that see such a key."""
    if kind.name not in _OF_SOME_QUERIES or _apart(kind, texts):
        return sentence
    of = "if it came before" if kind.name in OF_REPEATS else "if there is any"
    return sentence.replace(f", {amount}", f", {of}, {amount}", 1)


def _apart(kind: Kind, texts: str) -> bool:
    """Whether its share is said to be of other texts than those of other kinds."""
    return kind.name in OF_REPEATS and texts != ""


def sharp(value: float, since: str) -> str:
    """Of a head whose entropy is low, and of which no alert says so."""
    return f"; sharp {since}: entropy {percent(value)}, and only a fall is an alert"


def amount(kind: Kind, value: float) -> str:
    """How much of it a head is of `kind`: "44 %"; empty where there is nothing to tell."""
    if kind.name == "dead":
        return ""
    if kind.name == "unchanged":
        return f"{percent(value)} changed"
    if kind.name == "copy":
        return f"{percent(value)} alike"
    if kind.name == "prunable":
        return f"loss {'+' if value > 0 else ''}{percent(value)}"
    return f"{percent(value)} of the greatest entropy" if kind.general else percent(value)


def _risen(share: float) -> str:
    return "did not rise at any" if share <= 0 else f"rose by at most {percent(share)} at each"


def _equal(value: float, still: int) -> str:
    """Which side of a dead head is all equal, and what that means."""
    queries, keys = (bool(still & side) for side in STILL_SIDES)
    equal = "nearly equal" if value > _NEARLY else "equal"
    if keys:
        return f"all its {'queries and ' if queries else ''}keys are {equal}, so that no token stands out to it"
    return f"all its queries are {equal}, so that every token attends alike"


def with_time(text: str, when: str) -> str:
    """ "4 induction heads since step 575"; `when` may be empty."""
    return f"{text}{',' if when.startswith('seen') else ''} {when}" if when else text


def listed(parts: list[str]) -> str:
    """ "a", "a, and b", "a, b, and c": of parts that have commas in them."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])}, and {parts[-1]}"


def joined(parts: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
