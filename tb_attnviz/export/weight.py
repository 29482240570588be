"""Weight: how large a page will be, from a few of its pieces that are cheap to make."""

import dataclasses
from collections.abc import Sequence

from tb_attnviz.export.contents import attention, documents
from tb_attnviz.export.document import ExportError, bundle
from tb_attnviz.export.packing import piece
from tb_attnviz.export.plan import Head, Plan

_POINTS_SHARE = 0.97  # what gzip leaves of points: nearly noise in their lower bytes
_TRUST_BYTES = 5  # a point, packed: two figures of three digits
_BASE64 = 4 / 3


@dataclasses.dataclass(frozen=True)
class Weight:
    """Bytes of a page, by what they are for."""

    program: int
    points: int
    attention: int
    trust: int
    rest: int

    @property
    def total(self) -> int:
        return self.program + self.points + self.attention + self.trust + self.rest

    def __str__(self) -> str:
        parts = {
            "points": self.points,
            "attention": self.attention,
            "trust": self.trust,
            "the rest": self.program + self.rest,
        }
        told = ", ".join(f"{name} {megabytes(size)}" for name, size in parts.items() if size)
        return f"{megabytes(self.total)} ({told})"


def weigh(plan: Plan) -> Weight:
    """About what the page of `plan` will weigh: attention from one head, points and trust from their number."""
    details, steps = len(plan.detail), len(plan.steps)
    pictures = steps * sum(projection.dims for projection in plan.projections)
    return Weight(
        program=len(bundle().encode()),
        points=round(_points(plan, plan.heads) * pictures * 2 * _POINTS_SHARE * _BASE64),
        attention=details * steps * _one_attention(plan),
        trust=plan.trust * _points(plan, plan.detail) * steps * len(plan.projections) * _TRUST_BYTES,
        rest=sum(len(piece(data)) for _, data in documents(plan)),
    )


def _points(plan: Plan, heads: Sequence[Head]) -> int:
    """Queries and keys of all these heads at one step."""
    lengths = [plan.run.layers[head.layer].lengths(plan.run.probe) for head in heads]
    return sum(sum(one.queries) + sum(one.keys) for one in lengths)


def check(weight: Weight, most_bytes: int) -> None:
    """Raises ExportError, which names the remedy, for a page that is too heavy."""
    if weight.total <= most_bytes:
        return
    detail = weight.attention + weight.trust
    remedy = (
        "--detail with fewer heads, or fewer --sequences" if detail > weight.points else "fewer --layers or --heads"
    )
    raise ExportError(
        f"the page would weigh about {weight}, more than --max-bytes allows ({megabytes(most_bytes)}): "
        f"choose fewer --steps, {remedy}, or allow more"
    )


def megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _one_attention(plan: Plan) -> int:
    if not plan.detail:
        return 0
    one = dataclasses.replace(plan, detail=plan.detail[:1])
    return sum(len(piece(data)) for _, data in attention(one, plan.detail[0].layer, plan.steps[-1]))
