"""docs/http_api.md is kept equal to the routes."""

import re
from pathlib import Path
from types import SimpleNamespace

from tensorboard.plugins.base_plugin import TBContext

from tb_attnviz.plugin.plugin import AttnVizPlugin

PAGE = Path(__file__).parents[2] / "docs" / "http_api.md"


def test_every_route_is_documented_and_every_documented_route_exists() -> None:
    context = TBContext(logdir="logs", flags=SimpleNamespace(logdir_spec=""))
    routes = {route.removeprefix("/") for route in AttnVizPlugin(context).get_plugin_apps()}
    documented = set(re.findall(r"^## `(.+)`$", PAGE.read_text(), re.MULTILINE))
    assert documented == routes - {"static/index.js"}  # a page of static/*, named apart for TensorBoard


def test_every_parameter_in_the_examples_is_one_that_the_route_reads() -> None:
    sources = Path(__file__).parents[2].joinpath("tb_attnviz", "plugin").glob("*.py")
    read = {name for path in sources for name in re.findall(r'\w+\(request, "(\w+)"', path.read_text())}
    shown = set(re.findall(r"[?&](\w+)=", PAGE.read_text()))
    assert shown == read
