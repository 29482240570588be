"""Do only the heads that follow a relation have its figure? Heads whose logits are written by hand, on random trees.

    python -m benchmarks.relations --write

Half of the words of a tree depend on the word beside them, the others on one up to 6 away. Heads see no tree but those
that follow it, which give their share to the related keys and spread the rest.
"""

import argparse
import textwrap
from collections import defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks import page
from tb_attnviz.geometry import PLAIN, Pairs, follows, survey

Float64 = npt.NDArray[np.float64]

PAGE = Path(__file__).parents[1] / "docs" / "relations.md"
SHARES = (0.3, 0.5, 0.7, 0.9)
SIZES = ((4, 20), (16, 20), (16, 64))  # sequences, tokens
TRIALS = 20
FEW = (3, 5, 10, 20)  # pairs in all
HEADS = 400  # at random, with few pairs


def tree(n: int, draw: np.random.Generator) -> Pairs:
    distance = draw.choice(6, size=n, p=[0.5, 0.2, 0.1, 0.1, 0.05, 0.05]) + 1
    pairs = np.stack([np.arange(n), np.arange(n) + distance * draw.choice([-1, 1], size=n)], axis=1)
    return pairs[(pairs[:, 1] >= 0) & (pairs[:, 1] < n)]


def heads(n: int, pairs: Pairs, draw: np.random.Generator) -> dict[str, Float64]:
    """What they do → logits [n, n]."""
    offset, key = np.arange(n)[None] - np.arange(n)[:, None], np.arange(n)[None] * np.ones((n, 1))
    related = np.zeros((n, n))
    related[tuple(pairs.T)] = 1
    before, others = 8.0 * (offset == -1), np.maximum(n - related.sum(axis=1, keepdims=True), 1)
    found = {
        "the token before": before,
        "the token after": 8.0 * (offset == 1),
        "the token before and the first, half each": before + 8.0 * (key == 0),
        "the token before, with noise": before / 2 + draw.normal(size=(n, n)) * 2,
        "nearby": -0.5 * np.abs(offset),
        "nearby, sharply": -1.5 * np.abs(offset),
        "one key": 8.0 * (key == 3),
        "keys of random weights": draw.normal(size=n)[None] * 3 * np.ones((n, 1)),
        "at random": draw.normal(size=(n, n)),
        "at random, sharply": draw.normal(size=(n, n)) * 4,
    }
    for share in SHARES:
        found[_following(share)] = related * np.log(share / (1 - share) * others)
    return found


def _following(share: float) -> str:
    return f"**the relation, {share:.0%}**"


def figures(logits: Float64, relation: list[Pairs], *, causal: bool) -> Float64:
    """[heads] of logits [sequences, heads, n, n]."""
    count, _, n, _ = logits.shape
    keys = np.broadcast_to(np.eye(n), logits.shape)
    seen = survey(
        logits, keys, scale=1.0, causal=causal, lengths=[n] * count, kinds=[PLAIN] * count, relations=[relation]
    )
    return follows(seen.followed)


def by_head(draw: np.random.Generator) -> list[list[str]]:
    found: dict[str, dict[bool, list[float]]] = defaultdict(lambda: {False: [], True: []})
    for causal in (False, True):
        for count, n in SIZES:
            for _ in range(TRIALS):
                relation = [tree(n, draw) for _ in range(count)]
                of_each = [heads(n, pairs, draw) for pairs in relation]
                logits = np.stack([np.stack(list(one.values())) for one in of_each])
                for name, value in zip(of_each[0], figures(logits, relation, causal=causal), strict=True):
                    found[name][causal].append(float(value))
    return [
        [name, *(f"{min(values):.2f} to {max(values):.2f}" for values in of.values())] for name, of in found.items()
    ]


def by_chance(draw: np.random.Generator, n: int = 30) -> str:
    """How large the figure of heads that attend at random becomes with few pairs."""
    largest = []
    for count in FEW:
        every = np.argwhere(np.tri(n, k=-1))
        pairs = every[np.sort(draw.permutation(len(every))[:count])]
        logits = draw.normal(size=(1, HEADS, n, n)) * 4
        largest.append(max(float(np.nanmax(figures(logits, [pairs], causal=causal))) for causal in (False, True)))
    said = ", ".join(f"{value:.2f} with {count}" for count, value in zip(FEW, largest, strict=True))
    told = (
        f"The largest figure of {HEADS} heads that attend sharply at random, by the pairs of the whole probe: {said}."
    )
    return "\n".join(textwrap.wrap(f"{told} Give a relation more pairs than that.", 118))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the table into docs/relations.md")
    draw = np.random.default_rng(0)
    write = parser.parse_args().write
    text = page.table(["attends to", "encoder", "decoder"], by_head(draw)) + f"\n\n{by_chance(draw)}"
    if write:
        page.write("relations", text, PAGE)
    print(text)


if __name__ == "__main__":
    main()
