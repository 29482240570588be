"""A log directory: the runs that are recorded in it."""

import os
import warnings
from collections.abc import Iterator

from tb_attnviz.events import DamagedFileWarning, FormatError
from tb_attnviz.events.files import is_remote, list_names
from tb_attnviz.run import NotRecordedError, Run, open_run
from tb_attnviz.terminal import plain


def runs_below(root: str) -> Iterator[tuple[str, Run | FormatError]]:
    """Every run in `root` and below by name, as TensorBoard names it, in order; or why it cannot be read.

    Links to folders are followed, as TensorBoard follows them. What may not be listed is warned of. Of an object store
    the run at `root` itself. Raises OSError and ModuleNotFoundError where that is not to be had.
    """
    for directory, names in [(root, list_names(root))] if is_remote(root) else _folders(root, ()):
        if not any("tfevents" in name for name in names):
            continue
        name = "." if directory == root else os.path.relpath(directory, root)
        try:
            yield name, open_run(directory)
        except NotRecordedError:
            pass
        except FormatError as error:
            yield name, error


def _folders(directory: str, above: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    """`directory` and all below it with their files, but for links back to a folder `above`."""
    real = os.path.realpath(directory)
    if real in above:
        return
    try:
        with os.scandir(directory) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        if not above:
            raise
        why = f"{plain(directory)} cannot be listed ({error.strerror}): what lies there is not looked at"
        warnings.warn(why, DamagedFileWarning, stacklevel=2)
        return
    folders = [entry.path for entry in found if _is_folder(entry)]
    yield directory, [entry.name for entry in found if not _is_folder(entry)]
    for path in folders:
        yield from _folders(path, (*above, real))


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
