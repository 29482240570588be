"""How far can the pictures of a real model be believed? The means over the heads of a pretrained MiniLM-L6.

    python -m benchmarks.trust                      # biplot and PCA in 2-D: 72 heads, a few minutes
    python -m benchmarks.trust --methods tsne --dims 2 3

84 sentences, 3,269 tokens: 6,538 points a head. Faithfulness by dot product for the biplot, by distance for the others.
"""

import argparse
import json
import statistics
import tempfile

import tb_attnviz
from benchmarks.cost import minilm
from tb_attnviz.callbacks import AttentionRecorder
from tb_attnviz.projection.pictures import View
from tb_attnviz.projection.projection import METHODS, Method, Projection
from tb_attnviz.projection.trust import Seen, make_trust

FIGURES = ("faithfulness", "trustworthiness", "continuity", "neighbour_recall")


class Kept(dict[str, bytes]):
    """A store in memory."""

    def put(self, key: str, value: bytes) -> None:
        self[key] = value


def documents(run: tb_attnviz.Run, method: Method, dims: int) -> list[dict[str, float]]:
    """What is said of the picture of every head of all layers."""
    found = []
    for index, layer in enumerate(run.layers):
        seen, store = Seen(run.probe.lengths, layer), Kept()
        for head in range(layer.heads):
            view = View(run.layer_samples(index), tuple(run.steps), Projection(method=method, dims=dims), head)
            found.append(json.loads(make_trust(view, run.steps[-1], None, store, _quiet, seen=seen)))
    return found


def _quiet(done: int, total: int) -> None:
    pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=["biplot", "pca"])
    parser.add_argument("--dims", nargs="+", type=int, choices=(2, 3), default=[2])
    arguments = parser.parse_args()
    model, probe = minilm()
    with tempfile.TemporaryDirectory() as directory:
        with AttentionRecorder(model, probe, directory) as recorder:
            recorder.record(0)
        run = tb_attnviz.open_run(directory)
        print("| picture |", " | ".join(FIGURES), "|\n| --- |", " | ".join("---" for _ in FIGURES), "|")
        for method in arguments.methods:
            for dims in arguments.dims:
                found = documents(run, method, dims)
                columns = [[document[figure] for document in found] for figure in FIGURES]
                cells = [f"{statistics.mean(c):.3f} ({min(c):.2f} to {max(c):.2f})" for c in columns]
                print(f"| {method}, {dims}-D |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
