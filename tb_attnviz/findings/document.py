"""Document: what JSON says of the findings of a step, in the plugin's route and in exported pages."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from tb_attnviz.findings.finding import Evidence, Finding
from tb_attnviz.findings.named import Named
from tb_attnviz.findings.recorded import Head


def findings_document(named: Named, step: int, heads: Sequence[Head]) -> dict[str, Any]:
    """What is said of `heads` at `step`, and all that happened to them; heads without any kind have none."""
    by_head: dict[Head, list[Finding]] = {}
    for finding in named.at(step):
        by_head.setdefault((finding.layer, finding.head), []).append(finding)
    lost: dict[Head, list[Finding]] = {}
    for finding in named.lost(step):
        lost.setdefault((finding.layer, finding.head), []).append(finding)
    wanted = set(heads)
    return {
        "step": step,
        "lasting": named.lasting(step),
        "sampled": max((one for one in named.sampled if one <= step), default=None),
        "heads": [_head(named, head, by_head.get(head, []), lost.get(head, []), step) for head in heads],
        "groups": [
            {**dataclasses.asdict(group), "heads": list(map(list, group.heads))} for group in named.groups(step, wanted)
        ],
        "events": [dataclasses.asdict(one) for one in named.happened(wanted)],
    }


def evidence_document(found: Evidence | None) -> dict[str, Any]:
    return {"evidence": None if found is None else dataclasses.asdict(found)}


def _head(named: Named, head: Head, findings: list[Finding], lost: list[Finding], step: int) -> dict[str, Any]:
    titles = _titles(named, findings)
    return {
        "layer": head[0],
        "head": head[1],
        "title": titles[0] if titles else None,
        "also": titles[1:],
        "sentence": named.sentence(*head, findings, lost, step=step),
        "unhealthy": named.unhealthy(head, step),
        "why": named.why(head, step),
        "findings": [_entry(one) for one in findings],
        "lost": [_entry(one) for one in lost],
    }


def _titles(named: Named, findings: list[Finding]) -> list[str]:
    """All that the head is called, what says most first: no kinds that say nothing of what it does."""
    return [one.title for one in findings if not named.kinds[one.kind].beside]


def _entry(finding: Finding) -> dict[str, Any]:
    """The head is told beside it."""
    entry = dataclasses.asdict(finding)
    entry["value"] = None if math.isnan(finding.value) else float(f"{finding.value:.6g}")
    return {name: value for name, value in entry.items() if name not in ("layer", "head", "step")}
