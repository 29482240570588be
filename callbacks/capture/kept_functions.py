"""Kept functions: what a model's own functions keep between its passes, to be put back as it was.

Global variables that they name, attributes of functions, their defaults, and what they have closed over.
"""

import types
from collections.abc import Iterable
from typing import Any

from .kept_attributes import Memory
from .own_code import OwnCode, closed_over


class KeptFunctions:
    """That of `code`. `memory`: keeps what the variables hold."""

    def __init__(self, code: OwnCode, memory: Memory) -> None:
        self._memory = memory
        self._cells: list[tuple[types.CellType, Any]] = []
        self._dictionaries: list[tuple[dict[str, Any], Iterable[str], dict[str, Any]]] = []
        memory.keep(code.held)
        for names, asked in code.globals.values():
            self._keep(names, asked)
        for function in code.functions:
            memory.keep([*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()])
            self._keep(function.__dict__, function.__dict__.keys())
            memory.keep(closed_over(function))
            self._cells += [(cell, cell.cell_contents) for cell in function.__closure__ or () if self._is_kept(cell)]

    def put_back(self) -> None:
        """The same objects in the same variables, but where something of an unknown kind stands now."""
        for cell, value in self._cells:
            if self._is_kept(cell) and cell.cell_contents is not value:
                cell.cell_contents = value
        for variables, asked, values in self._dictionaries:
            now = self._known(variables, asked)
            for name in now.keys() - values.keys():
                del variables[name]
            for name, value in values.items():
                if name not in variables or now.get(name, value) is not value:
                    variables[name] = value

    def _keep(self, variables: dict[str, Any], asked: Iterable[str]) -> None:
        """`asked`: of which names; the keys of the variables are all that there will be."""
        values = self._known(variables, asked)
        self._dictionaries.append((variables, asked, values))
        self._memory.keep(variables[name] for name in asked if name in variables)

    def _known(self, variables: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
        found = {name: variables[name] for name in names if name in variables}
        return {name: value for name, value in found.items() if self._memory.is_known(value)}

    def _is_kept(self, cell: types.CellType) -> bool:
        try:
            return self._memory.is_known(cell.cell_contents)
        except ValueError:  # empty
            return False
