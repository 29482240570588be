"""Recomputed: the pieces of a page that follow from the samples: attention, figures of points, heads against heads."""

import contextlib
from collections.abc import Iterator

import numpy as np

from tb_attnviz.array_types import Float32
from tb_attnviz.export.packing import pack_document, pack_figures, pack_points, pack_weights
from tb_attnviz.export.plan import Plan
from tb_attnviz.extras import MissingExtraError
from tb_attnviz.findings import evidence_document, findings_document
from tb_attnviz.geometry import POINT_FIGURES, cluster_order
from tb_attnviz.recompute import Weight, mean_attention, point_figures, sequence_attention

MOST_COMPARED = 16  # steps of the page before each, that change is measured from

Piece = tuple[str, bytes]  # its name, and what it holds, not yet packed


def attention(plan: Plan, layer: int, step: int) -> Iterator[Piece]:
    """Of each head of `layer` in detail: its sequences one after the other, and the mean over all of the probe.

    Once more, weighted by the norms of values, where they were recorded and are wanted.
    """
    heads = [head for head in plan.detail if head.layer == layer]
    if not heads:
        return
    run = plan.run
    samples, described, lengths = run.samples(step, layer), run.layer(step, layer), run.lengths(step, layer)
    weights: list[tuple[str, Weight | None]] = [("attention", None)]
    if described.values and "values" in plan.parts:
        weights.append(("weighted", "values"))
    for head in heads:
        for name, weight in weights:
            arrays: list[Float32] = [
                sequence_attention(samples, described, lengths, head.head, sequence, weight=weight)
                for sequence in plan.sequences
            ]
            arrays.append(mean_attention(samples, described, lengths, head.head, weight=weight))
            shapes = [array.shape for array in arrays]
            flat = np.concatenate([array.ravel() for array in arrays])
            yield f"{name}-{head.page_layer}-{head.page_head}-{step}", pack_weights(flat, shapes=shapes)


def figures(plan: Plan, layer: int, step: int) -> Iterator[Piece]:
    """Every figure of the points of the chosen heads of one layer, [heads, queries + keys]."""
    run, heads = plan.run, plan.layers[layer]
    samples, described, lengths = run.samples(step, layer), run.layer(step, layer), run.lengths(step, layer)
    chosen = [head.head for head in heads]
    for figure in POINT_FIGURES:
        if not (described.values and "values" in plan.parts if figure == "value_norm" else "figures" in plan.parts):
            continue
        array = point_figures(samples, described, lengths, figure)[chosen]
        yield f"{figure}-{heads[0].page_layer}-{step}", pack_figures(array)


def change(plan: Plan, layer: int, step: int) -> Iterator[Piece]:
    """How far the chosen heads of one layer have changed since steps of the page before `step`, [steps, heads]."""
    index = plan.steps.index(step)
    since = plan.steps[max(0, index - MOST_COMPARED) : index]
    if not since:
        return
    heads = plan.layers[layer]
    changes = np.stack([plan.run.change(step, earlier, layer) for earlier in since])[:, [head.head for head in heads]]
    yield f"change-{heads[0].page_layer}-{step}", pack_points(changes, since=since)


def similarity(plan: Plan, step: int) -> Iterator[Piece]:
    """How alike every two of the chosen heads are, [heads, heads], and the places that put alike ones together."""
    table = plan.run.similarity(step)[np.ix_(plan.columns, plan.columns)]
    yield f"similarity-{step}", pack_points(table)
    with contextlib.suppress(MissingExtraError):  # the page does without, and says so when it is asked for the order
        places = np.argsort(cluster_order(table.astype(np.float64)))
        yield f"head_order-{step}", pack_document(places.tolist())


def findings(plan: Plan, step: int) -> Iterator[Piece]:
    """What the chosen heads are at `step`, as the route `findings` has it, numbered as in the page.

    Beside each finding of a head in detail its `evidence`, where the page has that sequence; None where no query that
    was recorded shows it.
    """
    places = {(head.layer, head.head): (head.page_layer, head.page_head) for head in plan.heads}
    detail = {(head.layer, head.head) for head in plan.detail}
    known = {(one.layer, one.head, one.kind): one for one in plan.run.named.at(step)}
    document = findings_document(plan.run.named, step, list(places))
    for entry in (*document["heads"], *document["events"]):
        if entry["layer"] is None:
            continue
        place = entry["layer"], entry["head"]
        entry["layer"], entry["head"] = places[place]
        for finding in entry.get("findings", ()):
            if place not in detail:
                continue
            shown = plan.run.evidence(known[*place, finding["kind"]], step)
            if shown is None or shown.sequence in plan.sequences:
                finding["evidence"] = evidence_document(shown)["evidence"]
        for finding in (*entry.get("findings", ()), *entry.get("lost", ())):
            finding["partner"] = places.get(tuple(finding["partner"])) if finding["partner"] else None
    for group in document["groups"]:
        group["heads"] = [places[layer, head] for layer, head in group["heads"]]
    yield f"findings-{step}", pack_document({"run": plan.name, **document})
