"""Induction and duplicate tokens: what a head looks for in sequences that repeat themselves (Olsson et al. 2022).

Of a sequence with period L, an induction head attends to the token that followed the present one last time, L - 1 back,
a duplicate-token head to the present one itself, L back ("In-context Learning and Induction Heads", arXiv 2209.11895).
A head that attends at a fixed distance does so too, by its position and not by its token. So only the attention counts
that exceeds the head's own at the same offset elsewhere, in sequences where nothing repeats there:

    induction = max(0, mean_r (m_r(L_r - 1) - b_r(L_r - 1))),   duplicate: the same with L_r

m_r(o) is the mean of A_{i,i-o} over the queries i >= start_r + L_r of repeated sequence r; b_r(o) that over the same
positions i of the other sequences, the mean of those that are long enough and do not repeat what lies o back. Where no
sequence of a probe can tell (one period alone, and no text as long), b is 0: then the figure is that of "fixed distance
or induction" (`tells_repeats`). Where some can, repeats without any are left out.
"""

from collections.abc import Sequence

from array_api_compat import array_namespace

from tb_attnviz.array_types import Array

Repeat = tuple[int, int]
"""(start, period): token i is token i - period from start + period on."""
Asked = tuple[int, int]
"""(first, offset): the attention of the queries from `first` on on the token `offset` before theirs."""


def asked_of(repeats: Sequence[Repeat | None]) -> tuple[Asked, ...]:
    """What of every sequence must be known for the two figures."""
    known = {(start + period, period - ahead) for start, period in filter(None, repeats) for ahead in (0, 1)}
    return tuple(sorted(known))


def tells_repeats(lengths: Sequence[int], repeats: Sequence[Repeat | None]) -> bool:
    """Whether sequences of such `lengths` can tell an induction head from one of fixed distance."""
    return any(
        _elsewhere(repeat, length, other)
        for repeat in filter(None, repeats)
        for length, other in zip(lengths, repeats, strict=True)
    )


def repeat_figures(masses: Array, lengths: Sequence[int], repeats: Sequence[Repeat | None]) -> dict[str, Array]:
    """ "induction" and "duplicate" of each head, [heads]; NaN without a repeat.

    masses [sequences, heads, asked]: mean attention, for each of `asked_of(repeats)`; NaN where a sequence has none.
    """
    xp = array_namespace(masses)
    asked = asked_of(repeats)
    tells = tells_repeats(lengths, repeats)
    figures = {}
    for name, ahead in (("induction", 1), ("duplicate", 0)):
        found = []
        for index, repeat in enumerate(repeats):
            if repeat is None:
                continue
            of_repeat = masses[..., asked.index((sum(repeat), repeat[1] - ahead))]  # (sequences, heads)
            others = [
                of_repeat[other, :]
                for other, (length, own) in enumerate(zip(lengths, repeats, strict=True))
                if _elsewhere(repeat, length, own)
            ]
            if others:
                found.append(of_repeat[index, :] - _mean(xp.stack(others)))
            elif not tells:
                found.append(of_repeat[index, :])
        unknown = xp.full_like(xp.sum(masses, axis=(0, 2)), xp.nan)  # (heads,)
        excess = _mean(xp.stack(found)) if found else unknown
        figures[name] = xp.where(excess < 0, xp.zeros_like(excess), excess)
    return figures


def _elsewhere(repeat: Repeat, length: int, own: Repeat | None) -> bool:
    """Whether a sequence of `length` tokens has queries where `repeat` has them, and repeats nothing as far back."""
    start, period = repeat
    # Neither the token L - 1 back nor that L back may be the present one or the one after it.
    nothing = own is None or not {period % own[1], (period - 1) % own[1]} & {0, own[1] - 1}
    return length > start + period and nothing


def _mean(values: Array) -> Array:
    """Over the first axis, of what is not NaN; NaN where all is."""
    xp = array_namespace(values)
    known = ~xp.isnan(values)
    count = xp.sum(xp.astype(known, values.dtype), axis=0)
    total = xp.sum(xp.where(known, values, xp.zeros_like(values)), axis=0)
    return xp.where(count > 0, total / xp.where(count > 0, count, xp.ones_like(count)), xp.nan)
