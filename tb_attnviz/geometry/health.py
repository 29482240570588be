"""Health: one figure a head that says at a glance how its attention does.

Figures are averaged over the queries of a sequence, then over the sequences (max_logit: the largest, non_finite: the
sum); padding and hidden pairs never count.

entropy     -Σ_j A_ij ln A_ij / ln(visible keys of i), queries that see one key left out; near 0 while the loss spikes:
            entropy collapse (Zhai et al. 2023, arXiv 2303.06296)
max_logit   the largest scaled q·k plus bias over visible pairs; of the probe, so a lower bound of training's
            (Wortsman et al. 2023, arXiv 2309.14322; QK-clip acts above 100: Kimi K2, arXiv 2507.20534)
query_norm  mean ‖q‖; key_norm: mean ‖k‖ (Dehghani et al. 2023, arXiv 2302.05442)
sink        mean attention on the first token (Gu et al. 2024, arXiv 2410.10781)
previous    mean attention of a token on the one before it; self: on itself; next: on the one after it
            (Clark et al. 2019, arXiv 1906.04341)
distance    Σ_j A_ij |i-j|, in tokens; of an image in patches on its grid, among the tokens that have a place there
            (Dosovitskiy et al. 2021, arXiv 2010.11929)
induction   in sequences that repeat themselves: the attention on the token that followed the present one last time;
            duplicate: on the present one. Less the attention at the same distance where nothing repeats (Olsson et al.
            2022, arXiv 2209.11895; `repeats` has the formula)
non_finite  how many components of q and k are NaN or infinite

Across two sequences there is no token before, after or itself: previous, self, next, distance, induction and duplicate
are NaN there. Of tokens without an order (windows of an image) sink, previous and next are.

effective_rank is of vectors alone, and has a function of its own.
"""

from collections.abc import Sequence

from array_api_compat import array_namespace

from tb_attnviz.array_types import Array
from tb_attnviz.geometry.repeats import Repeat, repeat_figures
from tb_attnviz.geometry.survey import SURVEYED, Survey

FIGURES = (*SURVEYED[:-1], "induction", "duplicate", SURVEYED[-1])


def figures_of(surveys: Sequence[Survey], lengths: Sequence[int], repeats: Sequence[Repeat | None]) -> dict[str, Array]:
    """Every figure of FIGURES, [heads], from the surveys of all sequences, which follow each other.

    The surveys have asked for `asked_of(repeats)`; `lengths` and `repeats` are of all sequences.
    """
    xp = array_namespace(surveys[0].masses)
    by_sequence = {name: xp.concat([seen.figures[name] for seen in surveys]) for name in SURVEYED}
    figures = {name: over_sequences(name, values) for name, values in by_sequence.items()}
    figures |= repeat_figures(xp.concat([seen.masses for seen in surveys]), lengths, repeats)
    return {name: figures[name] for name in FIGURES}


def over_sequences(figure: str, values: Array) -> Array:
    """One value a head from `values` [sequences, heads]; sequences that do not define the figure (NaN) do not count."""
    xp = array_namespace(values)
    known = ~xp.isnan(values)
    count = xp.sum(xp.astype(known, values.dtype), axis=0)
    if figure == "max_logit":
        of_all = xp.max(xp.where(known, values, -xp.inf), axis=0)
    else:
        of_all = xp.sum(xp.where(known, values, xp.zeros_like(values)), axis=0)
        if figure != "non_finite":
            of_all = of_all / xp.where(count > 0, count, xp.ones_like(count))
    return xp.where(count > 0, of_all, xp.nan)
