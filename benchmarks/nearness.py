"""Does near mean attends? Every projection, and the dial between neighbours and attention, on the heads of a MiniLM.

    python -m benchmarks.nearness --write

Of each query, over the keys of its sequence: is the key that it attends to most among the three nearest on screen (`top
key`), how well does nearness order its logits (`in row`: Spearman's correlation), how much of its attention is on the
three nearest, over what is on the three that it attends to most (`mass`). Trustworthiness is that of 12 neighbours.
"""

import argparse
import dataclasses
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks import page
from benchmarks.quality import Head, heads_at, mean
from benchmarks.recordings import quiet, record_minilm
from tb_attnviz import geometry
from tb_attnviz.projection.pictures import View, make
from tb_attnviz.projection.ports import MemoryStore
from tb_attnviz.projection.projection import Projection
from tb_attnviz.recompute import attention_rows
from tb_attnviz.run import Run

Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

PICTURES: dict[str, Projection] = {
    "PCA": Projection(method="pca"),
    "biplot, read by direction": Projection(method="biplot"),
    "UMAP": Projection(method="umap"),
    "t-SNE": Projection(method="tsne"),
    "**attention**": Projection(method="attention"),
}
DIAL = (0.0, 0.3, 0.6, 0.75, 0.85, 0.95, 0.99)


@dataclasses.dataclass(frozen=True)
class Nearness:
    """Means over the queries of a head that see more than three keys, its trustworthiness, and what it took."""

    top_key: float
    in_row: float
    mass: float
    trust: float
    seconds: float  # of processor time, of one thread


def nearness(run: Run, layer: int, head: int, projection: Projection, quality: Head) -> Nearness:
    """That of the picture of one head at the newest step."""
    step = run.steps[-1]
    view = View(run.layer_samples(layer), tuple(run.steps), projection, head)
    store = MemoryStore()
    view.frame(store, _unreported)
    begun = time.process_time()
    points = make(view, step, store, _unreported).points[0].astype(np.float64)
    seconds = time.process_time() - begun
    rows = list(_rows(view, step, points))
    top_key, in_row, mass = (mean(np.concatenate(found).tolist()) for found in zip(*rows, strict=True))
    return Nearness(top_key, in_row, mass, quality.trustworthiness(points), seconds)


def _rows(view: View, step: int, points: Float64) -> Iterator[tuple[Float64, Float64, Float64]]:
    """Of some queries each: top key, in row, mass."""
    source, head = view.source, view.head
    assert head is not None
    assert source.of is not None
    samples, lengths = source.samples(step), source.of[1]
    first_query, first_key = np.cumsum([0, *lengths.queries]), np.cumsum([0, *lengths.keys])
    queries, keys = samples.queries[head].astype(np.float64), samples.expanded_keys()[head].astype(np.float64)
    shown_queries, shown_keys = points[: len(queries)], points[len(queries) :]
    for rows in attention_rows(samples, source.layers[step], lengths, head=head):
        at = first_query[rows.sequence] + rows.queries
        of = slice(first_key[rows.sequence], first_key[rows.sequence + 1])
        if view.projection.method == "biplot":
            closeness = shown_queries[at] @ shown_keys[of].T
        else:
            closeness = -np.square(shown_queries[at][:, None] - shown_keys[of]).sum(axis=-1)
        visible, attention = rows.visible[0], rows.attention[0]
        top = geometry.top_keys(attention, visible, closeness)
        told = top.told
        order = in_row(closeness, queries[at] @ keys[of].T, visible)[told]
        nearest = np.argsort(np.where(visible, -closeness, np.inf), axis=1)[:, :3]
        best = np.sort(attention, axis=1)[:, -3:].sum(axis=1)
        mass = np.take_along_axis(attention, nearest, axis=1).sum(axis=1) / np.maximum(best, 1e-12)
        yield top.found[told].astype(np.float64), order, mass[told].astype(np.float64)


def in_row(closeness: Float64, logits: Float64, visible: Bool) -> Float64:
    """Spearman's correlation of the two over what each query sees, [queries]; NaN where one is constant."""
    from scipy.stats import rankdata

    centred = []
    for values in (closeness, logits):
        ranked = rankdata(np.where(visible, values, -np.inf), axis=1)  # those that are hidden rank first
        ranks = np.where(visible, ranked, np.nan)
        centred.append(np.nan_to_num(ranks - np.nanmean(ranks, axis=1, keepdims=True)))
    a, b = centred
    spread = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return np.where(spread > 0, (a * b).sum(axis=1) / np.where(spread > 0, spread, 1), np.nan)


def report(run: Run, heads: Sequence[tuple[int, int]], pictures: dict[str, Projection], dial: Sequence[float]) -> str:
    """Two tables, as Markdown: the projections, and the dial."""
    quality = {layer: heads_at(run, run.steps[-1], layer) for layer in {layer for layer, _ in heads}}
    header = ["", "top key", "in row", "mass", "trustworthiness", "processor seconds a head"]

    def row(title: str, projection: Projection) -> list[str]:
        found = [nearness(run, *head, projection, quality[head[0]][head[1]]) for head in heads]
        means = [mean(values) for values in zip(*map(dataclasses.astuple, found), strict=True)]
        cells = [title, *(f"{value:.2f}" for value in means[:3]), f"{means[3]:.3f}", f"{means[4]:.2f}"]
        print(" | ".join(cells), flush=True)
        return cells

    of_pictures = [row(title, projection) for title, projection in pictures.items()]
    of_dial = [row(f"`attention={share:g}`", Projection(method="attention", attention=share)) for share in dial]
    tables = [page.table(["projection", *header[1:]], of_pictures), page.table(["dial", *header[1:]], of_dial)]
    return "\n\n".join(tables)


def _unreported(done: int, total: int) -> None:
    """Nobody waits."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=2528)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--quick", action="store_true", help="300 tokens, one layer")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    arguments = parser.parse_args()
    quiet()
    tokens, layers = (300, 1) if arguments.quick else (arguments.tokens, arguments.layers)
    with tempfile.TemporaryDirectory() as directory:
        run = record_minilm(Path(directory), tokens=tokens, layers=layers)
        heads = [(layer, head) for layer in range(layers) for head in range(run.layers[layer].heads)]
        tables = report(run, heads, PICTURES, DIAL)
        text = f"{tokens:,} tokens, {len(heads)} heads. {page.machine('numba', 'numpy')}.\n\n{tables}"
    if arguments.write:
        page.write("nearness", text)
    print(f"\n{text}")


if __name__ == "__main__":
    main()
