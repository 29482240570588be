"""A log directory: the runs that are recorded in it."""

import os
from collections.abc import Iterator

from tb_attnviz.events import FormatError
from tb_attnviz.run import NotRecordedError, Run, open_run


def runs_below(root: str) -> Iterator[tuple[str, Run | FormatError]]:
    """Every run in `root` and below by name, as TensorBoard names it, in order; or why it cannot be read."""
    for directory, folders, names in os.walk(root):
        folders.sort()
        if not any("tfevents" in name for name in names):
            continue
        name = os.path.relpath(directory, root)
        try:
            yield name, open_run(directory)
        except NotRecordedError:
            pass
        except FormatError as error:
            yield name, error
