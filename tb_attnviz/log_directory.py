"""A log directory: the runs that are recorded in it."""

import os
from collections.abc import Iterable, Iterator

from tb_attnviz.events import FormatError
from tb_attnviz.events.files import is_remote, list_names
from tb_attnviz.run import NotRecordedError, Run, open_run


def runs_below(root: str) -> Iterator[tuple[str, Run | FormatError]]:
    """Every run in `root` and below by name, as TensorBoard names it, in order; or why it cannot be read.

    Of an object store the run at `root` itself. Raises OSError and ModuleNotFoundError where that is not to be had.
    """
    found: Iterable[tuple[str, list[str], list[str]]] = (
        [(root, [], list_names(root))] if is_remote(root) else os.walk(root)
    )
    for directory, folders, names in found:
        folders.sort()
        if not any("tfevents" in name for name in names):
            continue
        name = "." if directory == root else os.path.relpath(directory, root)
        try:
            yield name, open_run(directory)
        except NotRecordedError:
            pass
        except FormatError as error:
            yield name, error
