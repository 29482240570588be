"""Sequences that repeat themselves: the probe of induction heads (Olsson et al. 2022, arXiv 2209.11895)."""

from collections.abc import Sequence

from tb_attnviz.events import Repeat

SHORTEST_PERIOD = 4  # also the fewest different tokens in it: "a b a b" or a row of dashes is no probe of induction
MOST_LEADING = 4  # tokens before the first period: [CLS], <bos>, a language tag


def find_repeat(tokens: Sequence[str]) -> Repeat | None:
    """The shortest period with which `tokens` repeats itself up to its end, or None.

    At least two whole periods of at least SHORTEST_PERIOD tokens, after at most MOST_LEADING others.
    """
    for period in range(SHORTEST_PERIOD, len(tokens) // 2 + 1):
        start = len(tokens) - period
        while start > 0 and tokens[start - 1] == tokens[start - 1 + period]:
            start -= 1
        whole = len(tokens) - start >= 2 * period
        varied = len(set(tokens[start : start + period])) >= SHORTEST_PERIOD
        if whole and varied and start <= MOST_LEADING:
            return Repeat(start=start, period=period)
    return None
