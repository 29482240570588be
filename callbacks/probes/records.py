"""Records: dataclasses and namespaces of tensors, as models take a batch that is one."""

import copy
import dataclasses
import types
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def fields_of(value: Any) -> dict[str, Any] | None:
    """What the fields of a record hold, by their names; None if it is none."""
    if isinstance(value, types.SimpleNamespace):
        return dict(vars(value))
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return None
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if hasattr(value, field.name)}


def with_fields(record: T, fields: Mapping[str, Any]) -> T:
    """A record of the same kind with these in its fields; frozen or not, it is not made anew."""
    changed = copy.copy(record)
    for name, value in fields.items():
        object.__setattr__(changed, name, value)
    return changed
