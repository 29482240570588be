"""Sequences that repeat themselves: the probe of induction heads (Olsson et al. 2022, arXiv 2209.11895)."""

import itertools
import random
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from tb_attnviz.events import Repeat

SHORTEST_PERIOD = 4  # also the fewest different tokens in it: "a b a b" or a row of dashes is no probe of induction
MOST_LEADING = 4  # tokens before the first period: [CLS], <bos>, a language tag
_LONGEST_PERIOD = 16
# Periods differ, or a head that attends at a fixed distance could not be told from an induction head, and by more than
# one token, or the token to be repeated in one would be as far back as the token itself in another.
_SHORTER = (0, 2, 5)


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


def make_repeats(
    rows: Sequence[Sequence[int]],
    special: AbstractSet[int],
    *,
    count: int,
    max_length: int,
    longest: int = _LONGEST_PERIOD,
) -> list[list[int]]:
    """`count` sequences of random tokens, said twice, behind the special tokens that the first of `rows` begins with.

    Each of at most `max_length` tokens, with periods of at most `longest`, drawn from those of `rows`, which the model
    knows; none if they are too few or must be too short. A function of the arguments alone, so that a restarted
    training has the same probe.
    """
    begin = list(itertools.takewhile(special.__contains__, rows[0]))
    tokens = sorted({token for row in rows for token in row} - special)
    period = min(longest, len(tokens), (max_length - len(begin)) // 2)
    periods = [period - less for less in _SHORTER if period - less >= SHORTEST_PERIOD]
    draw = random.Random(0)
    return [begin + 2 * draw.sample(tokens, some) for some in itertools.islice(itertools.cycle(periods), count)]
