"""Findings: what each head does, when it began to, and what happened: rules over figures, small maps and samples.

docs/findings.md says what each kind means, from which limit on, and how often it is right.
"""

from tb_attnviz.findings.change_points import change_points
from tb_attnviz.findings.document import evidence_document, findings_document
from tb_attnviz.findings.evidence import evidence, evidence_at
from tb_attnviz.findings.finding import ChangePoint, Evidence, Finding, Happening, HeadChange
from tb_attnviz.findings.following import HeadRelation, head_relations
from tb_attnviz.findings.kinds import FOLLOWS, kinds_with
from tb_attnviz.findings.measured import measured
from tb_attnviz.findings.named import Named
from tb_attnviz.findings.recorded import Break, Recorded

__all__ = [
    "FOLLOWS",
    "Break",
    "ChangePoint",
    "Evidence",
    "Finding",
    "Happening",
    "HeadChange",
    "HeadRelation",
    "Named",
    "Recorded",
    "change_points",
    "evidence",
    "evidence_at",
    "evidence_document",
    "findings_document",
    "head_relations",
    "kinds_with",
    "measured",
]
