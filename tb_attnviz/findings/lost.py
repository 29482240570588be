"""Lost: of which kinds heads are no more where a training was begun again, in words."""

from collections.abc import Iterator

from tb_attnviz.findings import words
from tb_attnviz.findings.recorded import Break
from tb_attnviz.findings.spells import Spells

_TOLD = 3  # kinds; the others are counted


def lost_there(one: Break, now: Spells, before: Spells | None) -> str:
    """ "2 induction heads, 1 of 3 previous-token heads": kinds that heads had before the break, and have not at the
    first step behind it. Empty where nothing was lost, or that is not known.

    before: of the part that ended there, where the break is the beginning of another one. Heads of another model are
    counted, heads of the same one compared.
    """
    row = now.row_at(one.step)
    if one.what == "restart":
        earlier, last = now, (row or 0) - 1
    elif before is not None:
        earlier, last = before, before.rows - 1
    else:
        return ""
    if row is None or last < 0:
        return ""
    found = list(_lost(earlier, last, now, row))
    if len(found) > _TOLD:
        others = len(found) - _TOLD + 1
        found = [*found[: _TOLD - 1], f"heads of {others} other kinds"]
    return words.joined(found) if found else ""


def _lost(earlier: Spells, last: int, now: Spells, row: int) -> Iterator[str]:
    same = earlier.layers == now.layers
    for kind in now.kinds:
        if kind.trouble or kind.general or kind.beside or not now.knows(kind, row):
            continue
        had, has = earlier.heads(kind, last), now.heads(kind, row)  # those that lists at both steps have
        gone = len(had) - len(has)
        if same:
            gone = sum(not now.is_of_narrower(kind, head, row) for head in had - has)
        if gone > 0:
            heads = kind.group.format(heads="head" if len(had) == 1 else "heads")
            yield f"{gone} {heads}" if gone == len(had) else f"{gone} of {len(had)} {heads}"
