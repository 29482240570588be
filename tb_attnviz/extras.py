"""Extras: what is installed beside the package only where it is wanted, and the line that installs it."""

import importlib.util

_PROJECTIONS = ("numba", "scipy")  # what the extra "projections" brings


class MissingExtraError(RuntimeError):
    """A package that is not installed is needed; the message names the line to type."""


def check_projections(what: str) -> None:
    """Raises MissingExtraError where something is missing that `what` is made with."""
    for package in _PROJECTIONS:
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(f"{what} needs {package}, which is not installed: {line('projections')}")


def line(extra: str) -> str:
    return f"pip install 'tb-attnviz[{extra}]'"
