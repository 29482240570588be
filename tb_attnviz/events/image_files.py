"""Images of a probe: PNG files beside the samples, written once, under names that their content gives them."""

import os
from collections.abc import Mapping

from tb_attnviz.events import files
from tb_attnviz.events.own_files import open_own
from tb_attnviz.events.png import MOST_BYTES, checked_png
from tb_attnviz.events.probe_record import Image


def write_images(directory: str, images: Mapping[str, bytes]) -> None:
    """Write those of `images` (name → PNG) that are not in `directory` yet, or that a crash has cut off there."""
    there = set(files.list_names(directory)) if images else set()
    for name, png in images.items():
        path = os.path.join(directory, name)
        if name not in there or not _is_of_size(path, len(png)):
            files.remove(path)  # a link, which may lead to any file, or a fifo, at which writing would wait
            with files.open_file(path, "wb") as file:
                file.write(png)


def _is_of_size(path: str, size: int) -> bool:
    try:
        return files.size(path) == size
    except OSError:  # a link to nothing
        return False


def read_image(run_directory: str, image: Image) -> bytes:
    """The PNG of `image`, found to be one of its size.

    Raises FileNotFoundError if the file is gone, FormatError if it is not the image that the run says.
    """
    with open_own(run_directory, image.file) as file:
        return checked_png(file.read(MOST_BYTES + 1), image.file, image.width, image.height)
