"""What requests of `label_attention` ask for, parsed from their query, as tasks."""

import hashlib
import json
from typing import Any

import numpy as np
import numpy.typing as npt
from werkzeug import Request

from tb_attnviz.comparison import RecordedLayer
from tb_attnviz.label_attention import label_attention
from tb_attnviz.plugin import parameters
from tb_attnviz.plugin.about import about
from tb_attnviz.plugin.responses import BadRequestError
from tb_attnviz.projection.jobs import Task
from tb_attnviz.projection.pictures import Report
from tb_attnviz.recompute import attention_rows
from tb_attnviz.run import Run
from tb_attnviz.run.checks import token_labels

MOST_KINDS = 40

Labels = list[list[str]]


def label_attention_task(request: Request, name: str, run: Run) -> Task:
    """From which kind of token to which a head attends, by a label of the probe."""
    step, layer = parameters.integer(request, "step"), parameters.integer(request, "layer")
    head, label = parameters.integer(request, "head"), parameters.text(request, "label")
    own, others = token_labels(run, step, layer, head, label)
    for side in (own, others):
        kinds = len({kind for one in side for kind in one})
        if kinds > MOST_KINDS:
            raise BadRequestError(f"the label {label!r} has {kinds} kinds: a table shows at most {MOST_KINDS}")
    labels = hashlib.sha256(json.dumps([own, others]).encode()).hexdigest()  # the same tokens may get other ones
    said = {"run": name, "step": step, "layer": layer, "head": head, "label": label}
    return Task(
        key=repr(("label_attention", name, run.directory, run.checkpoint(step).file, layer, head, label, labels)),
        function=made_table,
        args=(run.recorded_layers(step)[layer], own, others, said),
        about=about("label_attention", name, layer=layer, head=head, step=step),
        quick=True,
    )


def made_table(recorded: RecordedLayer, own: Labels, others: Labels, said: dict[str, Any], *, report: Report) -> bytes:
    """The JSON of the table: NaN, where no query of a kind sees a key, is null."""
    rows = attention_rows(recorded.samples(), recorded.layer, recorded.lengths, head=said["head"])
    found = label_attention(rows, own, others)
    document = {
        **said,
        "query_labels": list(found.query_labels),
        "key_labels": list(found.key_labels),
        "attention": _rounded(found.attention),
        "even": _rounded(found.even),
        "queries": found.queries.tolist(),
    }
    return json.dumps(document, allow_nan=False).encode()


def _rounded(table: npt.NDArray[np.float32]) -> list[list[float | None]]:
    return [[None if np.isnan(value) else round(value, 5) for value in row] for row in table.tolist()]
