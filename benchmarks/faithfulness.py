"""How faithful is every projection to what the heads compute? All heads of a pretrained MiniLM, on real sentences.

    python -m benchmarks.faithfulness --write

Faithfulness is Spearman's correlation, over the pairs of a query and a key that attention sees, of their closeness on
screen with their logit less the mean of the query's logits; trustworthiness is that of the 12 nearest on screen.
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks import page
from benchmarks.quality import Float64, Head, heads_at, mean
from benchmarks.recordings import quiet, record_minilm
from tb_attnviz.ahead.local import in_workers
from tb_attnviz.ahead.plan import Numbers, chains
from tb_attnviz.geometry import cosine_agreement, paper_scale, paper_translation
from tb_attnviz.projection.pictures import Picture
from tb_attnviz.projection.projection import LINEAR, METHODS, NORMALISATIONS, Method, Projection
from tb_attnviz.projection.store import DiskStore
from tb_attnviz.run import Run

ALL = Numbers("all")
_FRAME = 0.93  # of a cell's side: frontend/src/render/place.ts


def figures(run: Run, workers: int, methods: Sequence[Method]) -> dict[Projection, list[tuple[float, float]]]:
    """Faithfulness and trustworthiness of every head at the newest step, by projection."""
    projections = [Projection(method=method, normalise=normalise) for method in methods for normalise in NORMALISATIONS]
    step = run.steps[-1]
    heads = [heads_at(run, step, layer) for layer in range(len(run.layers))]
    found: dict[Projection, list[tuple[float, float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as directory:
        store = DiskStore(directory, limit_bytes=10**11)
        wanted = list(chains("minilm", run, projections, Numbers("newest"), ALL))
        for outcome in in_workers(wanted, store, workers):
            if outcome.error is not None:
                raise SystemExit(f"{outcome.chain.name}: {outcome.error}")
        for chain in wanted:
            (data,) = chain.found(store, step).values()
            head, projection = chain.view.head, chain.view.projection
            pictured: list[Head] = heads[chain.layer] if head is None else [heads[chain.layer][head]]
            for one, shown in zip(pictured, Picture.from_bytes(data).points, strict=True):
                found[projection].append((one.faithfulness(shown, projection.method), one.trustworthiness(shown)))
    return found


def report(run: Run, workers: int, methods: Sequence[Method] = METHODS) -> str:
    """The table, as Markdown."""
    rows = []
    for projection, values in figures(run, workers, methods).items():
        faithful, trusted = np.array(values).T
        rows.append(
            [
                _title(projection.method),
                projection.normalise,
                f"{mean(faithful):.2f}",
                f"{np.nanmin(faithful):.2f} to {np.nanmax(faithful):.2f}",
                f"{mean(trusted):.3f}",
            ]
        )
        print(" | ".join(rows[-1]), flush=True)
    header = ["projection", "coordinates", "faithfulness, mean of the heads", "least to most", "trustworthiness"]
    return page.table(header, rows)


def agreement(run: Run) -> str:
    """The figure by which AttentionViz chose its coordinates, beside those that it reports."""
    found = [
        cosine_agreement(*normalised(head.queries, head.keys), head.pairs)
        for layer in range(len(run.layers))
        for head in heads_at(run, run.steps[-1], layer)
    ]
    return (
        "AttentionViz' own figure, Spearman of cosine distance with dot product in all dimensions after its "
        f"normalisation (-1 is best): {mean(found):.3f}, the mean of the heads, from {min(found):.3f} to "
        f"{max(found):.3f}. It reports -0.938 for BERT, -0.792 for GPT-2, -0.873 and -0.884 for ViT."
    )


def filled(run: Run) -> str:
    """How much of their cells the points of the newest step fill."""
    rows = []
    for method in (method for method in METHODS if method in LINEAR):
        found = []
        for layer in range(len(run.layers)):
            frame, source = run.frame(layer), run.layer_samples(layer)
            steps = [frame.points(source, step, method, 2) for step in frame.steps]
            largest = np.max([np.abs(points).max(axis=(1, 2)) for points in steps], axis=0)
            shown = frame.points(source, run.steps[-1], method, 2)
            for points, whole in zip(shown, np.maximum(largest, 1), strict=True):
                reach = np.abs(points).max(axis=1)
                found.append((reach_over(points), reach_over(points / whole), (reach > 1).mean(), reach.max()))
        now, before, beyond, far = np.median(found, axis=0)
        rows.append([_title(method), f"{now:.0%}", f"{before:.0%}", f"{beyond:.1%}", f"{far:.1f} ×"])
    header = [
        "projection",
        "95 % of the points reach over, median of the cells",
        "with all points in the frame",
        "points outside",
        "the farthest, as far out as the frame",
    ]
    return page.table(header, rows)


def reach_over(points: npt.NDArray[np.floating]) -> float:
    """The share of a cell's side that the middle 95 % of `points` [n, dims] reach over, in their longer direction."""
    low, high = np.quantile(points, [0.025, 0.975], axis=0)
    return _FRAME * float((high - low).max()) / 2


def normalised(queries: Float64, keys: Float64) -> tuple[Float64, Float64]:
    """AttentionViz' normalisation of queries and keys [n, d]."""
    c = paper_scale(queries, keys)
    return queries / c, keys * c + paper_translation(queries, keys, c)


def _title(method: Method) -> str:
    names = {"biplot": "biplot (by dot product)", "pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
    return names.get(method, method)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=2528)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--projections", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--filled", action="store_true", help="how much of their cells points fill, and no more")
    parser.add_argument("--quick", action="store_true", help="300 tokens, one layer")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    arguments = parser.parse_args()
    quiet()
    tokens, layers = (300, 1) if arguments.quick else (arguments.tokens, arguments.layers)
    with tempfile.TemporaryDirectory() as directory:
        run = record_minilm(Path(directory), tokens=tokens, layers=layers)
        what = (
            f"{len(run.probe.sequences)} sentences, {tokens:,} tokens, {sum(layer.heads for layer in run.layers)} heads"
        )
        used = page.machine("transformers", "numba", "numpy")
        cells = f"{what}. {used}.\n\n{filled(run)}"
        if arguments.write:
            page.write("filled", cells)
        print(f"\n{cells}")
        if arguments.filled:
            return
        text = f"{what}. {used}.\n\n{report(run, arguments.workers, arguments.projections)}\n\n{agreement(run)}"
    if arguments.write:
        page.write("faithfulness", text)
    print(f"\n{text}")


if __name__ == "__main__":
    main()
