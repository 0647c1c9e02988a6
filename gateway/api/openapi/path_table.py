"""The paths of one plugin, each once. Pure.

Those that differ in the names of their variables alone are one path to OpenAPI.
"""

from __future__ import annotations

from typing import Any

from gateway.api.openapi.schemas import BrokenDocument
from gateway.api.openapi.template_paths import shape, variable_names

Operation = dict[str, Any]


class PathTable:
    """``items`` are path items; the first spelling of a path stays."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Operation]] = {}
        self._by_shape: dict[str, str] = {}

    def add(self, path: str, method: str, operation: Operation) -> bool:
        """Replaces what is there under this method, and says so.

        The operation's path parameters must be written out. Raises :class:`BrokenDocument` where a variable
        is there twice.
        """
        names = variable_names(path)
        if len(set(names)) < len(names):
            raise BrokenDocument(f"{path:.100} has a variable twice")
        known = self._by_shape.setdefault(shape(path), path)
        if known != path:
            operation = _renamed(operation, dict(zip(names, variable_names(known), strict=True)))
        item = self.items.setdefault(known, {})
        replaced = method in item
        item[method] = operation
        return replaced


def _renamed(operation: Operation, names: dict[str, str]) -> Operation:
    def fitting(parameter: dict[str, Any]) -> dict[str, Any]:
        if parameter["in"] != "path":
            return parameter
        return {**parameter, "name": names.get(parameter["name"], parameter["name"])}

    return {**operation, "parameters": [fitting(one) for one in operation.get("parameters", [])]}
