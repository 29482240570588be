"""Pictures of a probe: PNG files beside the samples, written once, under names that their content gives them."""

import os
from collections.abc import Mapping

from tb_attnviz.events import files
from tb_attnviz.events.probe_record import Image


def write_pictures(directory: str, pictures: Mapping[str, bytes]) -> None:
    """Write those of `pictures` (name → PNG) that are not in `directory` yet."""
    missing = set(pictures) - set(files.list_names(directory)) if pictures else ()
    for name in missing:
        with files.open_file(os.path.join(directory, name), "wb") as file:
            file.write(pictures[name])


def read_picture(run_directory: str, image: Image) -> bytes:
    """The PNG of `image`. Raises FileNotFoundError if the file is gone."""
    with files.open_file(os.path.join(run_directory, "plugins", "attnviz", image.file), "rb") as file:
        return file.read()
