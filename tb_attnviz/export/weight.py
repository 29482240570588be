"""Weight: how large a page will be, from a few of its pieces."""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence
from typing import TypeVar

from tb_attnviz.export.contents import images
from tb_attnviz.export.document import ExportError, bundle
from tb_attnviz.export.packing import piece
from tb_attnviz.export.plan import PARTS, Head, Plan
from tb_attnviz.export.recomputed import MOST_COMPARED, Piece, attention, figures
from tb_attnviz.units import megabytes

_POINTS_SHARE = 0.97  # what gzip leaves of points: nearly noise in their lower bytes
_TRUST_BYTES = 5  # a point, packed: two figures of three digits
_BASE64 = 4 / 3
_SAMPLED = 4  # heads, and layers, that are packed to see how well they pack, at the first and the last step

One = TypeVar("One")


@dataclasses.dataclass(frozen=True)
class Weight:
    """Bytes of a page, by what they are for."""

    program: int
    points: int
    attention: int
    values: int  # attention weighted by them, and their norms
    figures: int
    images: int
    comparisons: int
    trust: int
    rest: int

    @property
    def total(self) -> int:
        return sum(dataclasses.astuple(self))

    def __str__(self) -> str:
        parts = {
            "points": self.points,
            "attention": self.attention,
            "values": self.values,
            "figures of points": self.figures,
            "images": self.images,
            "comparisons": self.comparisons,
            "trust": self.trust,
            "the rest": self.program + self.rest,
        }
        told = ", ".join(f"{name} {megabytes(size)}" for name, size in parts.items() if size)
        return f"{megabytes(self.total)} ({told})"


def weigh(plan: Plan, documents: Sequence[Piece]) -> Weight:
    """About what the page of `plan` will weigh, by a few pieces of each kind; points and trust by their number.

    documents: its pieces that are made already.
    """
    count = len(plan.steps)
    pictures = count * sum(projection.dims for projection in plan.projections)
    ends = sorted({plan.steps[0], plan.steps[-1]})
    details, layers = _some(plan.detail), _some([*plan.layers])
    attending = _packed(attention(_of_one(plan, head), head.layer, step) for head in details for step in ends)
    figured = _packed(figures(plan, layer, step) for layer in layers for step in ends)
    heads_share = len(plan.detail) * count / max(1, len(details) * len(ends))
    sampled_points = len(ends) * _points(plan, [head for layer in layers for head in plan.layers[layer]])
    points_share = count * _points(plan, plan.heads) / sampled_points
    weighted, norms = attending.pop("weighted", 0), figured.pop("value_norm", 0)
    compared = len(plan.heads) ** 2 + len(plan.heads) * min(count, MOST_COMPARED) if "comparisons" in plan.parts else 0
    return Weight(
        program=len(bundle().encode()),
        points=round(_points(plan, plan.heads) * pictures * 2 * _POINTS_SHARE * _BASE64),
        attention=round(attending.get("attention", 0) * heads_share),
        values=round(weighted * heads_share + norms * points_share),
        figures=round(sum(figured.values()) * points_share),
        images=round(sum(len(data) for _, data in images(plan)) * _BASE64),
        comparisons=round(compared * count * 2 * _BASE64),
        trust=plan.trust * _points(plan, plan.detail) * count * len(plan.projections) * _TRUST_BYTES,
        rest=sum(len(piece(data)) for _, data in documents),
    )


def check(weight: Weight, most_bytes: int) -> None:
    """Raises ExportError, which names the remedy, for a page that is too heavy."""
    if weight.total <= most_bytes:
        return
    without = {name: getattr(weight, name) for name in PARTS}
    remedies = {
        "fewer --layers or --heads": weight.points,
        "--detail with fewer heads, or fewer --sequences": weight.attention + weight.trust,
        f"--without {max(without, key=without.__getitem__)}": max(without.values()),
    }
    raise ExportError(
        f"the page would weigh about {weight}, more than --max-bytes allows ({megabytes(most_bytes)}): "
        f"choose fewer --steps, {max(remedies, key=remedies.__getitem__)}, or allow more"
    )


def _points(plan: Plan, heads: Sequence[Head]) -> int:
    """Queries and keys of all these heads at one step."""
    lengths = [plan.run.layers[head.layer].lengths(plan.run.probe) for head in heads]
    return sum(sum(one.queries) + sum(one.keys) for one in lengths)


def _packed(made: Iterable[Iterable[Piece]]) -> dict[str, int]:
    """Bytes of all these pieces, by what the first word of their names says."""
    sizes: dict[str, int] = {}
    for name, data in itertools.chain.from_iterable(made):
        kind = name.partition("-")[0]
        sizes[kind] = sizes.get(kind, 0) + len(piece(data))
    return sizes


def _of_one(plan: Plan, head: Head) -> Plan:
    return dataclasses.replace(plan, detail=(head,))


def _some(these: Sequence[One]) -> Sequence[One]:
    """A few of them, spread evenly."""
    return these[:: -(-len(these) // _SAMPLED)] if these else these
