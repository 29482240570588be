"""Do pictures keep still unless the head changes? t-SNE and UMAP through the steps of a real training, six ways.

    python -m benchmarks.stillness --write

The model of `make demo` learns until an induction head forms. At the end stands a step in which every head has only
changed its basis: what it computes is the same. All ways but ours get the same coordinates as ours: canonical, each
step's brought nearest to the step before. What is fitted anew at each step is turned, as far as turning helps, towards
the step before.
"""

import argparse
import dataclasses
import itertools
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks import page
from benchmarks.quality import Head, heads_at, mean
from benchmarks.recordings import cut, quiet
from demo.induction_training import train
from tb_attnviz.ahead.local import in_workers
from tb_attnviz.ahead.plan import Numbers, chains
from tb_attnviz.geometry import procrustes
from tb_attnviz.geometry.trust import motion_agreement, spearman
from tb_attnviz.projection.pictures import Picture
from tb_attnviz.projection.projection import METHODS, Method, Projection
from tb_attnviz.projection.store import DiskStore
from tb_attnviz.run import Run, open_run

Float64 = npt.NDArray[np.float64]
Fit = Callable[[Float64], Float64]  # coordinates [steps, 2n, d] of a head → points [steps, 2n, 2]

_LOOKED_AT = 5  # steps whose quality is measured
_ROOM = 10**11  # bytes: nothing is dropped


@dataclasses.dataclass(frozen=True)
class Story:
    """One head through the steps; the last one has the attention of the one before, in another basis."""

    heads: list[Head]  # a step
    coordinates: Float64  # [steps, 2n, d], canonical, aligned

    def changes(self) -> list[float]:
        """Root mean square of the change in centred logits, from each step to the next."""
        logits = []
        for coordinates in self.coordinates:
            queries, keys = np.split(coordinates, 2)
            logits.append(
                np.concatenate([(queries[a] @ keys[b].T)[seen] for a, b, seen in self.heads[0].pairs.blocks()])
            )
        return [float(np.sqrt(np.mean((after - before) ** 2))) for before, after in itertools.pairwise(logits)]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Of one head, shown in one way."""

    trustworthiness: float
    faithfulness: float
    agreement: float  # Spearman over the steps: change in logits, mean motion on screen
    points_agreement: float  # Spearman over points, mean over the steps: motion in all dimensions, on screen
    idle: float  # motion when only the basis changes, over the median motion between two steps


def stories(run: Run) -> list[Story]:
    """Every head of `run`."""
    found = []
    for layer in range(len(run.layers)):
        by_step = [heads_at(run, step, layer) for step in run.steps]
        for heads in zip(*by_step, strict=True):
            aligned = [heads[0].coordinates]
            for head in heads[1:]:
                rotation = procrustes((head.coordinates.T @ aligned[-1])[None])[0]  # (d, d)
                aligned.append(head.coordinates @ rotation)
            found.append(Story(list(heads), np.stack(aligned)))
    return found


def ours(run: Run, method: Method, workers: int) -> list[Float64]:
    """Every head's points [steps, 2n, 2], as the tab shows them."""
    all_steps = Numbers("all")
    with tempfile.TemporaryDirectory() as directory:
        store = DiskStore(directory, limit_bytes=_ROOM)
        wanted = list(chains("run", run, [Projection(method=method)], all_steps, all_steps))
        for outcome in in_workers(wanted, store, workers):
            if outcome.error is not None:
                raise SystemExit(f"{outcome.chain.name}: {outcome.error}")
        found: list[Float64] = []
        for chain in wanted:
            pictures = chain.found(store, *run.steps).values()
            points = np.stack([Picture.from_bytes(data).points for data in pictures])  # (steps, heads, 2n, 2)
            found += list(points.swapaxes(0, 1).astype(np.float64))
    return found


def sklearn_each(coordinates: Float64) -> Float64:
    """scikit-learn's TSNE anew at each step."""
    from sklearn.manifold import TSNE

    perplexity = min(30, coordinates.shape[1] // 4)
    fits = [TSNE(perplexity=perplexity, metric="cosine", random_state=0).fit_transform(step) for step in coordinates]
    return _turned(fits)


def sklearn_once(coordinates: Float64) -> Float64:
    """One scikit-learn's TSNE of the points of all steps together."""
    from sklearn.manifold import TSNE

    stacked = coordinates.reshape(-1, coordinates.shape[-1])
    fitted = TSNE(perplexity=30, metric="cosine", random_state=0).fit_transform(stacked)
    return np.asarray(fitted, dtype=np.float64).reshape(*coordinates.shape[:2], 2)


def umap_each(coordinates: Float64) -> Float64:
    """umap-learn anew at each step."""
    from umap import UMAP

    return _turned([UMAP(metric="cosine", random_state=0).fit_transform(step) for step in coordinates])


def umap_once(coordinates: Float64) -> Float64:
    """One umap-learn of the points of all steps together."""
    from umap import UMAP

    stacked = coordinates.reshape(-1, coordinates.shape[-1])
    fitted = UMAP(metric="cosine", random_state=0).fit_transform(stacked)
    return np.asarray(fitted, dtype=np.float64).reshape(*coordinates.shape[:2], 2)


def umap_aligned(coordinates: Float64) -> Float64:
    """umap-learn's AlignedUMAP, every point tied to itself at the next step."""
    from umap import AlignedUMAP

    same = {index: index for index in range(coordinates.shape[1])}
    fitted = AlignedUMAP(metric="cosine", random_state=0).fit(
        list(coordinates), relations=[same] * (len(coordinates) - 1)
    )
    return np.stack(fitted.embeddings_)


def _turned(fits: Sequence[npt.NDArray[np.floating]]) -> Float64:
    """Each of `fits` [2n, 2] rotated and mirrored to lie nearest to the one before: [steps, 2n, 2]."""
    turned = [fits[0].astype(np.float64)]
    for fit in fits[1:]:
        turned.append(fit @ procrustes((fit.T @ turned[-1]).astype(np.float64)[None])[0])
    return np.stack(turned)


OTHERS: dict[str, tuple[Method, Fit]] = {
    "t-SNE anew at each step (scikit-learn)": ("tsne", sklearn_each),
    "one t-SNE of all steps (scikit-learn)": ("tsne", sklearn_once),
    "UMAP anew at each step (umap-learn)": ("umap", umap_each),
    "one UMAP of all steps (umap-learn)": ("umap", umap_once),
    "AlignedUMAP (umap-learn)": ("umap", umap_aligned),
}
OURS: dict[Method, str] = {
    "biplot": "biplot",
    "pca": "PCA",
    "tsne": "**t-SNE**",
    "umap": "**UMAP**",
    "attention": "**attention**",
}


def verdict(story: Story, shown: Float64, method: Method) -> Verdict:
    """Of `story` shown as `shown` [steps, 2n, 2]."""
    shown = shown / np.abs(shown).max()
    moved = [float(np.linalg.norm(after - before, axis=1).mean()) for before, after in itertools.pairwise(shown)]
    trained = range(len(shown) - 2)  # intervals in which the model learns; in the last one only the basis changes
    points = [motion_agreement(story.coordinates[t], story.coordinates[t + 1], shown[t], shown[t + 1]) for t in trained]
    looked_at = np.unique(np.linspace(0, len(shown) - 2, _LOOKED_AT).round().astype(int))
    return Verdict(
        trustworthiness=mean([story.heads[t].trustworthiness(shown[t]) for t in looked_at]),
        faithfulness=mean([story.heads[t].faithfulness(shown[t], method) for t in looked_at]),
        agreement=spearman(np.array(story.changes()[:-1]), np.array(moved[:-1])),
        points_agreement=mean(points),
        idle=moved[-1] / float(np.median(moved[:-1])),
    )


def report(
    run: Run, workers: int, methods: tuple[Method, ...] = METHODS, others: tuple[str, ...] = tuple(OTHERS)
) -> str:
    """The table, as Markdown."""
    told = stories(run)
    rows: list[list[str]] = []

    def judge(title: str, method: Method, pictures: list[Float64]) -> None:
        verdicts = [verdict(story, shown, method) for story, shown in zip(told, pictures, strict=True)]
        of_heads = [mean(column) for column in np.array([dataclasses.astuple(one) for one in verdicts]).T]
        rows.append([title, f"{of_heads[0]:.3f}", *(f"{value:.2f}" for value in of_heads[1:])])
        print(" | ".join(rows[-1]), flush=True)

    for method in methods:
        judge(OURS[method], method, ours(run, method, workers))
    for title in others:
        method, fit = OTHERS[title]
        judge(title, method, [fit(story.coordinates) for story in told])
    header = [
        "shown by (ours first)",
        "trustworthiness",
        "faithfulness",
        "change in logits with motion, over steps",
        "motion of points, real with shown",
        "motion when only the basis changes ÷ usual motion",
    ]
    return page.table(header, rows)


def trained(directory: Path, *, training_steps: int, steps: int, tokens: int, heads: int) -> Run:
    """`steps` steps of a training of `make demo`'s model, evenly chosen, and the one that only changes the basis."""
    whole = directory / "whole"
    train(whole, training_steps)
    run = open_run(whole)
    chosen = [run.steps[index] for index in np.unique(np.linspace(0, len(run.steps) - 1, steps).round().astype(int))]
    return cut(run, directory / "cut", tokens=tokens, steps=chosen, heads=heads, turned=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--training-steps", type=int, default=700)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=300, help="points of all steps together: twice this × steps")
    parser.add_argument("--heads", type=int, default=2, help="of each of the 3 layers")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="a short training, few steps, one head a layer")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    arguments = parser.parse_args()
    quiet()
    if arguments.quick:
        arguments.training_steps, arguments.steps, arguments.tokens, arguments.heads = 60, 4, 80, 1
    with tempfile.TemporaryDirectory() as directory:
        run = trained(
            Path(directory),
            training_steps=arguments.training_steps,
            steps=arguments.steps,
            tokens=arguments.tokens,
            heads=arguments.heads,
        )
        what = (
            f"{len(run.steps) - 1} of {arguments.training_steps:,} steps, {sum(layer.heads for layer in run.layers)} "
            f"heads, {run.probe.tokens} tokens; means over the heads"
        )
        text = f"{what}. {page.machine('scikit-learn', 'umap-learn')}.\n\n{report(run, arguments.workers)}"
    if arguments.write:
        page.write("stillness", text)
    print(f"\n{text}")


if __name__ == "__main__":
    main()
