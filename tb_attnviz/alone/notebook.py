"""A run in a notebook: the tab in a frame, served by this process, or a page that needs no server."""

import argparse
import contextlib
import html
import io
import tempfile
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tb_attnviz.events.files import is_remote
from tb_attnviz.run import Run

_FRAME = '<iframe {source} width="100%" height="{height}" style="border: 0" title="Attention"{more}></iframe>'
_PAGE_BYTES = 25_000_000  # it stays in the notebook's file
_OF_THE_COMMAND = {"directory", "output", "run"}  # here they follow from the run

_addresses: dict[str, str] = {}  # log directory → where this process serves it
_lock = threading.Lock()


class Frame:
    """What a notebook shows of a run: returned at the end of a cell, it is displayed."""

    def __init__(self, source: str, height: int, more: str = "") -> None:
        self._html = _FRAME.format(source=source, height=height, more=more)

    def _repr_html_(self) -> str:
        return self._html


def show(run: Run, /, *, height: int = 720, server: bool = True, **options: Any) -> Frame:
    """As of Run.show."""
    if not server:
        return Frame(f'srcdoc="{html.escape(_page(run, options))}"', height, ' sandbox="allow-scripts allow-downloads"')
    if options:
        raise TypeError(f"{next(iter(options))}= is an option of the page: give server=False with it")
    return Frame(f'src="{served(run.directory)}/#attnviz&p.attnviz.run={quote(_named(".", run))}"', height)


def served(directory: str) -> str:
    """The address at which this process serves `directory`, from the first call on until it ends."""
    path = directory if is_remote(directory) else str(Path(directory).resolve())
    with _lock:
        if path not in _addresses:
            from tb_attnviz.alone.server import make_tensorboard

            tensorboard = make_tensorboard()
            tensorboard.configure(("",), logdir=path, load_fast="false")
            _addresses[path] = tensorboard.launch().rstrip("/")
        return _addresses[path]


def _named(name: str, run: Run) -> str:
    """`name`, or what an earlier part of the run of that name is called."""
    return name if run.part is None else f"{name}, part {run.part}"


def _page(run: Run, options: dict[str, Any]) -> str:
    """The page of `tb-attnviz export` with its options, as keywords."""
    from tb_attnviz.ahead.plan import PlanError
    from tb_attnviz.export import command

    parser = argparse.ArgumentParser(prog="run.show", exit_on_error=False, allow_abbrev=False, add_help=False)
    command.add_arguments(parser)
    given = {"max_bytes": _PAGE_BYTES, "workers": 1, **options}
    words = [
        f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}")
        for name, value in given.items()
        if value is not None and value is not False
    ]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "page.html")
        try:
            arguments, unknown = parser.parse_known_args([run.directory, f"--output={path}", *words])
        except argparse.ArgumentError as error:
            raise PlanError(str(error)) from error
        wrong = [word[2:].partition("=")[0].replace("-", "_") for word in unknown]
        wrong += sorted(_OF_THE_COMMAND & options.keys())
        if wrong:
            raise TypeError(f"{wrong[0]}= is no option of the page: those of `tb-attnviz export --help` are")
        with contextlib.redirect_stdout(io.StringIO()):  # what it says is of a file
            command.write_page(_named(Path(run.directory).resolve().name, run), run, arguments)
        return path.read_text("utf-8")
