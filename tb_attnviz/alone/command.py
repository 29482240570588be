"""The command `tb-attnviz show`: the Attention tab without TensorBoard around it."""

import argparse
import os
import webbrowser

from tb_attnviz.events.files import expanded
from tb_attnviz.terminal import show


class ShowError(Exception):
    """Nothing can be shown; the message says why, and what to do."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", metavar="DIR", help="a log directory, or the directory of one run")
    parser.add_argument("--port", type=int, metavar="N", help="default: the first free one from 6006 on")
    parser.add_argument("--host", metavar="NAME", help="the address to listen at (default localhost)")
    parser.add_argument("--bind_all", "--bind-all", action="store_true", help="listen at all addresses of this machine")
    parser.add_argument("--path_prefix", "--path-prefix", default="", metavar="PATH", help="behind a proxy")
    parser.add_argument(
        "--reload_interval", "--reload-interval", type=float, default=5, metavar="S", help="seconds (default 5)"
    )
    parser.add_argument("--no-browser", action="store_true", help="open no browser")
    parser.set_defaults(command=show_tab)


def show_tab(arguments: argparse.Namespace) -> None:
    """Serve until Ctrl-C. Raises ShowError."""
    from tensorboard import program  # here: of all commands only this one pays for it

    from tb_attnviz.alone.server import make_tensorboard, server_class

    directory = expanded(arguments.directory)
    if "://" not in directory and not os.path.isdir(directory):
        raise ShowError(f"{arguments.directory!r} is no directory: give a log directory, or that of one run")

    def ready(address: str) -> None:
        show(f"{address} shows {arguments.directory} (Ctrl-C ends it)")
        if not arguments.no_browser:
            webbrowser.open(address)

    tensorboard = make_tensorboard(server_class(ready))
    flags = ("port", "host", "bind_all", "path_prefix", "reload_interval")
    given = {name: value for name in flags if (value := getattr(arguments, name)) is not None}
    tensorboard.configure(("",), logdir=directory, **given)
    try:
        code = tensorboard.main()
    except KeyboardInterrupt:
        return
    except program.TensorBoardServerException as error:
        raise ShowError(error.msg) from error
    if code:
        raise ShowError(f"nothing could be served at port {arguments.port or 6006}: give another --port or --host")
