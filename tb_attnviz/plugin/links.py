"""What requests of `connections` ask for, parsed from their query, as tasks."""

import json
from collections.abc import Mapping

from werkzeug import Request

from tb_attnviz.connections import head_links, links_document
from tb_attnviz.events import FiguresLocation
from tb_attnviz.plugin import parameters
from tb_attnviz.projection.jobs import Task
from tb_attnviz.projection.pictures import Report
from tb_attnviz.run import Run
from tb_attnviz.run.checks import check_head

Place = tuple[int, int]


def connections_task(request: Request, name: str, run: Run) -> Task:
    """Who feeds a head, and whom it feeds, over all steps at which that was recorded: none where it was not."""
    layer, head = parameters.integer(request, "layer"), parameters.integer(request, "head")
    check_head(run, run.newest_step, layer, head)
    recorded = run.records.newest.recorded
    locations = {step: at for step in run.connection_steps if isinstance(at := recorded[step], FiguresLocation)}
    places = [(index, number) for index, of in enumerate(run.layers) for number in range(of.heads)]
    content = [(step, at.file, at.checksum) for step, at in locations.items()]
    return Task(
        key=repr(("connections", name, run.directory, content, layer, head)),
        function=made_links,
        args=(name, locations, places, (layer, head)),
        about={"kind": "connections", "run": name, "layer": layer, "head": head, "step": None, "projection": None},
        quick=True,
    )


def made_links(
    name: str, locations: Mapping[int, FiguresLocation], places: list[Place], place: Place, *, report: Report
) -> bytes:
    """The JSON of one head's links."""
    (links,) = head_links(locations, len(places), [places.index(place)])
    document = {"run": name, "layer": place[0], "head": place[1], **links_document(links, places)}
    return json.dumps(document, allow_nan=False).encode()
