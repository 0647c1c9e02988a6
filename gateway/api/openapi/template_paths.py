"""Path templates of ``google.api.http`` as paths of OpenAPI, whose variables hold one segment each. Pure.

``/v1/{name=notes/*}`` becomes ``/v1/notes/{note}``: a client that fills in a value with a slash would
encode it, and reach nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.proxy.typed.template import Template, Variable, Wildcard

_VARIABLE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class PathVariable:
    """``field`` is the request's, empty where none is bound; ``part`` its pattern, where that is more."""

    name: str
    field: tuple[str, ...] = ()
    part: str = ""
    rest: bool = False


def openapi_path(template: Template) -> tuple[str, list[PathVariable]]:
    """The path, and its variables in order."""
    taken: dict[str, int] = {}
    variables: list[PathVariable] = []
    parts: list[str] = []
    for at, segment in enumerate(template.segments):
        if not isinstance(segment, Wildcard):
            parts.append(segment)
            continue
        variable = _variable(template, at, segment)
        count = taken[variable.name] = taken.get(variable.name, 0) + 1
        if count > 1:
            name = f"{variable.name}_{count}"
            variable = PathVariable(name, variable.field, variable.part, variable.rest)
        variables.append(variable)
        parts.append(f"{{{variable.name}}}")
    verb = f":{template.verb}" if template.verb else ""
    return "/" + "/".join(parts) + verb, variables


def _variable(template: Template, at: int, segment: Wildcard) -> PathVariable:
    rest = segment is Wildcard.REST
    bound = next((one for one in template.variables if _holds(one, at)), None)
    if bound is None:
        return PathVariable("rest" if rest else f"segment_{at + 1}", rest=rest)
    inside = template.segments[bound.start : bound.end]
    if len(inside) == 1:
        return PathVariable(".".join(bound.field), bound.field, rest=rest)
    before = template.segments[at - 1] if at > bound.start else None
    name = _singular(before) if isinstance(before, str) else f"segment_{at + 1}"
    part = "/".join(one if isinstance(one, str) else one.value for one in inside)
    return PathVariable(name, bound.field, part, rest)


def _holds(variable: Variable, at: int) -> bool:
    return variable.start <= at and (variable.end is None or at < variable.end)


def _singular(word: str) -> str:
    """``notes/*`` is a note, as in Google's names of resources (https://google.aip.dev/122)."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", word)
    if plain.endswith("ies") and len(plain) > 4:
        return plain[:-3] + "y"
    return plain[:-1] if plain.endswith("s") and not plain.endswith("ss") and len(plain) > 1 else plain


def shape(path: str) -> str:
    """The same for paths that differ in the names of their variables alone: they are one to OpenAPI."""
    return _VARIABLE.sub("{}", path)


def variable_names(path: str) -> list[str]:
    return _VARIABLE.findall(path)
