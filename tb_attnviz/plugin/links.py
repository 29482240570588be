"""What requests of `connections` ask for, parsed from their query, as tasks."""

import itertools
import json
from collections.abc import Mapping, Sequence

from werkzeug import Request

from tb_attnviz.connections import head_links, links_document, told_steps
from tb_attnviz.events import FiguresLocation
from tb_attnviz.plugin import parameters
from tb_attnviz.plugin.about import about
from tb_attnviz.projection.jobs import Task
from tb_attnviz.projection.pictures import Report
from tb_attnviz.run import Run
from tb_attnviz.run.checks import check_head


def connections_task(request: Request, name: str, run: Run) -> Task:
    """Who feeds a head, and whom it feeds, over the steps at which that was recorded: none where it was not."""
    layer, head = parameters.integer(request, "layer"), parameters.integer(request, "head")
    check_head(run, run.newest_step, layer, head)
    heads = [each.heads for each in run.layers]
    locations = {step: run.connections_at[step] for step in told_steps(list(run.connections_at), sum(heads))}
    content = [(step, at.file, at.checksum) for step, at in locations.items()]
    return Task(
        key=repr(("connections", name, run.directory, content, layer, head)),
        function=made_links,
        args=(name, locations, heads, layer, head),
        about=about("connections", name, layer=layer, head=head),
        quick=True,
    )


def made_links(
    name: str, locations: Mapping[int, FiguresLocation], heads: Sequence[int], layer: int, head: int, *, report: Report
) -> bytes:
    """The JSON of one head's links. `heads`: of each layer."""
    numbers = [(index, number) for index, count in enumerate(heads) for number in range(count)]
    first = [0, *itertools.accumulate(heads)][layer]
    (links,) = head_links(locations, len(numbers), [first + head])
    document = {"run": name, "layer": layer, "head": head, **links_document(links, numbers)}
    return json.dumps(document, allow_nan=False).encode()
