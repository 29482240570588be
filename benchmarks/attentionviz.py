"""What AttentionViz (Yeh et al. 2023, arXiv 2305.03210) reports of BERT, counted on the pretrained MiniLM.

    python -m benchmarks.attentionviz --write

Coordinates are canonical ones. Special tokens are left out but in the attention that they get.
"""

import argparse
import collections
import dataclasses
import tempfile
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from benchmarks import page
from benchmarks.models import minilm
from benchmarks.recordings import quiet
from tb_attnviz.callbacks import AttentionRecorder
from tb_attnviz.geometry import canonical_axes
from tb_attnviz.geometry.paper import paper_scale, paper_translation
from tb_attnviz.run import Run, open_run

Float64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PAGE = Path(__file__).parents[1] / "docs" / "attentionviz.md"
SPECIAL = ("[CLS]", "[SEP]")
FEWEST = 10  # tokens of a group, be it of a position or of a word
WORDS = 5  # as many of the most frequent ones are searched for
PAIRS = 400  # queries, and keys, whose pairs are correlated


@dataclasses.dataclass(frozen=True)
class Head:
    """What is counted of one head."""

    position: float  # share of the variance that a token's place in its sentence explains
    word: float  # share that the token itself explains
    clustered: float  # how near to each other the tokens that a search finds are, from ½ by chance to 1
    norms: float  # mean length of queries less that of keys
    correlation: float  # Spearman, over pairs: cosine distance of the paper's vectors with their dot product
    first: float  # share of attention on [CLS]
    last: float  # share of attention on [SEP]


def explained(vectors: Float64, groups: Ints) -> float:
    """The share of the variance of vectors [n, d] that their groups [n] explain, less what chance would: adjusted R².

    Groups of fewer than FEWEST are left out.
    """
    names, counts = np.unique(groups, return_counts=True)
    kept = np.isin(groups, names[counts >= FEWEST])
    vectors, groups = vectors[kept], groups[kept]
    names, index = np.unique(groups, return_inverse=True)
    means = np.stack([vectors[index == number].mean(axis=0) for number in range(len(names))])
    within = float(((vectors - means[index]) ** 2).sum() / (len(vectors) - len(names)))
    return 1 - within / float(((vectors - vectors.mean(axis=0)) ** 2).sum() / (len(vectors) - 1))


def clustered(vectors: Float64, groups: Ints) -> float:
    """The chance that another hit is nearer to a hit than a token that is none, mean of the WORDS largest groups."""
    found = []
    for group, _ in collections.Counter(groups.tolist()).most_common(WORDS):
        hits = groups == group
        for place in np.flatnonzero(hits):
            apart = np.linalg.norm(vectors - vectors[place], axis=1)
            near = np.sort(apart[hits & (np.arange(len(groups)) != place)])
            found.append(np.searchsorted(near, apart[~hits]).mean() / len(near))
    return float(np.mean(found))


def heads(run: Run, layer: int) -> list[Head]:
    """Every head of `layer`."""
    sequences = run.probe.sequences
    tokens = [token for sequence in sequences for token in sequence.tokens]
    kept = np.array([token not in SPECIAL for token in tokens])
    places = np.concatenate([np.arange(len(sequence.tokens)) for sequence in sequences])[kept]
    words = np.unique(tokens, return_inverse=True)[1][kept]
    samples = run.samples(run.newest_step, layer)
    queries, keys = samples.queries.astype(np.float64), samples.keys.astype(np.float64)  # (heads, n, d)
    axes = canonical_axes(queries, keys, scale=run.layers[layer].scale)
    sides = [side[:, kept] for side in axes.coordinates(queries, keys)]
    found = []
    for head in range(len(queries)):
        own = [side[head] for side in sides]
        first, last = on_special(run, layer, head)
        found.append(
            Head(
                position=float(np.mean([explained(side, places) for side in own])),
                word=float(np.mean([explained(side, words) for side in own])),
                clustered=float(np.mean([clustered(side, words) for side in own])),
                norms=float(np.linalg.norm(queries[head], axis=1).mean() - np.linalg.norm(keys[head], axis=1).mean()),
                correlation=papers_correlation(queries[head], keys[head]),
                first=first,
                last=last,
            )
        )
    return found


def on_special(run: Run, layer: int, head: int) -> tuple[float, float]:
    """The shares of attention on the first and on the last token of a sentence, mean over queries."""
    rows = [run.attention(run.newest_step, layer, head, number) for number in range(len(run.probe.sequences))]
    return float(np.concatenate([row[:, 0] for row in rows]).mean()), float(
        np.concatenate([row[:, -1] for row in rows]).mean()
    )


def papers_correlation(queries: Float64, keys: Float64) -> float:
    """Spearman of cosine distance with the dot product, both of the paper's normalised vectors."""
    c = paper_scale(queries, keys)
    moved = keys * c + paper_translation(queries, keys, c)
    some = slice(None, None, max(1, len(queries) // PAIRS))
    q, k = queries[some] / c, moved[some]
    products = q @ k.T  # (n_query, n_key)
    cosine = products / np.linalg.norm(q, axis=1)[:, None] / np.linalg.norm(k, axis=1)
    return float(spearmanr((1 - cosine).ravel(), products.ravel()).statistic)


def measure(directory: Path) -> list[list[Head]]:
    """Every head of every layer of MiniLM."""
    model, probe = minilm()
    with AttentionRecorder(model, probe, directory) as recorder:
        recorder.record(0)
    run = open_run(directory)
    return [heads(run, layer) for layer in range(len(run.layers))]


def report(layers: list[list[Head]]) -> str:
    """As Markdown: a row a layer, means over its heads; then what is counted over all heads."""
    header = ["layer", *(field.name for field in dataclasses.fields(Head))]
    rows = [
        [str(number), *(f"{np.mean(column):.2f}" for column in zip(*map(dataclasses.astuple, found), strict=True))]
        for number, found in enumerate(layers)
    ]
    every = [head for found in layers for head in found]
    against = spearmanr([head.position for head in every], [head.clustered for head in every]).statistic
    scattered = sorted(
        (head.clustered, f"L{layer} H{number} ({head.clustered:.2f}, position {head.position:.2f})")
        for layer, found in enumerate(layers)
        for number, head in enumerate(found)
    )
    return "\n\n".join(
        (
            page.table(header, rows),
            f"Over the {len(every)} heads, Spearman's correlation of `position` with `clustered` is {against:.2f}.",
            f"The three most scattered heads are {', '.join(name for _, name in scattered[:3])}.",
            f"The mean of `correlation` is {np.mean([head.correlation for head in every]):.3f}.",
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="What AttentionViz reports, counted on the pretrained MiniLM.")
    parser.add_argument("--write", action="store_true", help="put the table into docs/attentionviz.md")
    arguments = parser.parse_args()
    quiet()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as directory:
        text = report(measure(Path(directory)))
    print(text)
    if arguments.write:
        page.write("minilm", text, PAGE)


if __name__ == "__main__":
    main()
