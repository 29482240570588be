"""Files of our own: those beside the event file that a document names, and nothing else that a name could reach.

A document may come from anywhere. What it names is read only if the name is one that we give, and if what lies there,
symbolic links followed, is a regular file below the run's own directory.
"""

import os
import re
from typing import IO

from tb_attnviz.events import files
from tb_attnviz.events.documents import FormatError
from tb_attnviz.events.shapes import shown

SAMPLES_NAME = re.compile(r"samples-(-?[0-9]{1,20})-[0-9a-f]{1,32}\.events")
PICTURE_NAME = re.compile(r"image-[0-9a-f]{16}\.png")


def samples_directory(run_directory: str) -> str:
    return os.path.join(run_directory, "plugins", "attnviz")


def own_path(run_directory: str, name: str) -> str:
    """Where the file of ours called `name` is, links followed.

    Raises FormatError if it is not one of our names, or leads out of the run.
    """
    if not (SAMPLES_NAME.fullmatch(name) or PICTURE_NAME.fullmatch(name)):
        raise FormatError(f"{shown(name)} is not the name of a file of this run: it is not read")
    path = os.path.join(samples_directory(run_directory), name)
    if files.is_remote(path):
        return path
    real, run = os.path.realpath(path), os.path.realpath(run_directory)
    if os.path.commonpath((real, run)) != run:
        raise FormatError(f"{name} is a link that leads out of the run: it is not read")
    return real


def open_own(run_directory: str, name: str) -> IO[bytes]:
    """Open the file of ours called `name` for reading.

    Raises FormatError if it is none, leads out of the run or is no regular file, FileNotFoundError if it is gone.
    """
    path = own_path(run_directory, name)
    try:
        return files.open_regular(path, follow_links=False)
    except files.NotRegularError as error:
        raise FormatError(f"{name} is {error}: it is not read") from None
    except FileNotFoundError:
        raise
    except OSError as error:  # its message would hold the path
        raise FormatError(f"{name} cannot be read ({error.strerror})") from None
