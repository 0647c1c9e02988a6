"""Options that several parameters of a command line make up, handed to the command as one value."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar, get_type_hints

R = TypeVar("R")


def takes_group(
    parameter: str, options: Mapping[str, tuple[Any, Any]], gather: Callable[[dict[str, Any]], Any]
) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Put ``options`` (annotation and default, by name) in the place of one parameter of a command.

    The command gets in it what ``gather`` makes of their values.
    """

    def decorate(command: Callable[..., R]) -> Callable[..., R]:
        @functools.wraps(command)
        def filled(**given: Any) -> R:
            values = {name: given.pop(name) for name in options}
            return command(**{parameter: gather(values)}, **given)

        signature = inspect.signature(command, eval_str=True).replace(return_annotation=None)
        parameters = list(_filled(signature, parameter, options))
        # What typer reads to know a command's parameters.
        filled.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        filled.__annotations__ = {one.name: one.annotation for one in parameters}
        return filled

    return decorate


def takes_fields(parameter: str, group: type) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """:func:`takes_group` for a dataclass whose fields are annotated as a command's parameters are."""
    annotations = get_type_hints(group, include_extras=True)
    options = {field.name: (annotations[field.name], _default(field)) for field in fields(group)}
    return takes_group(parameter, options, lambda values: group(**values))


def _filled(
    signature: inspect.Signature, replaced: str, options: Mapping[str, tuple[Any, Any]]
) -> Iterator[inspect.Parameter]:
    for parameter in signature.parameters.values():
        if parameter.name != replaced:
            yield parameter
            continue
        for name, (annotation, default) in options.items():
            yield parameter.replace(name=name, annotation=annotation, default=default)


def _default(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return inspect.Parameter.empty if field.default is MISSING else field.default
