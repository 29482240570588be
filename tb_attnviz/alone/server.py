"""Server: TensorBoard's own, with the Attention tab as its only page."""

import io
import logging
import zipfile
from typing import Any

from tensorboard import program
from tensorboard.plugins.core import core_plugin
from tensorboard.plugins.scalar import scalars_plugin
from tensorboard.util import tb_logging

from tb_attnviz.plugin.loader import AttnVizLoader

_PAGE = """<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Attention</title><link rel="icon" href="data:,"><script type="module" src="./alone.js"></script></head>
<body></body></html>
"""
_SCRIPT = "import { renderAlone } from './data/plugin/attnviz/static/index.js';\nrenderAlone();\n"


def make_tensorboard(server_class: Any = None) -> program.TensorBoard:
    """With the routes that the tab asks: its own and the scalars that lie above its timeline."""
    plugins = [core_plugin.CorePluginLoader(), scalars_plugin.ScalarsPlugin, AttnVizLoader()]
    tb_logging.get_logger().setLevel(logging.WARNING)
    return program.TensorBoard(plugins=plugins, assets_zip_provider=_assets, server_class=server_class)


def server_class(on_ready: Any) -> Any:
    """TensorBoard's server, which calls `on_ready(address)` in the place of its own words once it can be asked."""

    class Server(program.WerkzeugServer):  # type: ignore[misc]  # tensorboard has no types
        def print_serving_message(self) -> None:
            on_ready(self.get_url())

    return program.with_port_scanning(Server)


def _assets() -> io.BytesIO:
    """What TensorBoard's core serves at "/", as the zip file that it asks for."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("index.html", _PAGE)
        archive.writestr("alone.js", _SCRIPT)
    file.seek(0)
    return file
