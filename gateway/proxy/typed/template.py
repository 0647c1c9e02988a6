"""Path templates of ``google.api.http``. Pure.

Template = "/" Segments [ ":" Verb ]
Segments = Segment { "/" Segment }
Segment  = "*" | "**" | Literal | "{" FieldPath [ "=" Segments ] "}"
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum


class Wildcard(Enum):
    """``ONE`` is a segment, ``REST`` any number of them, hence the last."""

    ONE = "*"
    REST = "**"


Segment = str | Wildcard
_FIELD = r"[A-Za-z_][A-Za-z0-9_]*"
_FIELD_PATH = re.compile(rf"{_FIELD}(?:\.{_FIELD})*")
_LITERAL = re.compile(r"(?:[A-Za-z0-9._~!$&'()+,;@-]|%[0-9A-Fa-f]{2})+")
_VERB = re.compile(r"(?P<path>.*[^:]):(?P<verb>[^/:{}*=]+)")


class BadTemplate(ValueError):
    """The template does not follow the grammar; the text says where."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A field, and the segments that it takes: ``end`` is None where it takes the rest."""

    field: tuple[str, ...]
    start: int
    end: int | None
    several: bool
    """Whether its value may have several segments."""


@dataclass(frozen=True, slots=True)
class Template:
    segments: tuple[Segment, ...]
    variables: tuple[Variable, ...] = ()
    verb: str = ""


def parse(text: str) -> Template:
    """Raises :class:`BadTemplate`."""
    if not text.startswith("/"):
        raise BadTemplate(f"{text!r} does not start with '/'")
    verb = ""
    if found := _VERB.fullmatch(text):
        text, verb = found["path"], found["verb"]
    segments: list[Segment] = []
    variables: list[Variable] = []
    for part in _split(text[1:]):
        if not part.startswith("{"):
            segments.append(_segment(part))
            continue
        field, _, inner = part[1:-1].partition("=")
        if not part.endswith("}") or not _FIELD_PATH.fullmatch(field):
            raise BadTemplate(f"{part!r} is no variable")
        inside = [_segment(one) for one in inner.split("/")] if inner else [Wildcard.ONE]
        start = len(segments)
        segments += inside
        rest = inside[-1] is Wildcard.REST
        end = None if rest else len(segments)
        variables.append(Variable(tuple(field.split(".")), start, end, rest or len(inside) > 1))
    _check(segments, variables)
    return Template(tuple(segments), tuple(variables), verb)


def _split(text: str) -> list[str]:
    """At the slashes outside of variables."""
    parts, depth = [""], 0
    for character in text:
        depth += (character == "{") - (character == "}")
        if depth not in (0, 1):
            raise BadTemplate("a variable within a variable, or braces that do not match")
        if character == "/" and not depth:
            parts.append("")
        else:
            parts[-1] += character
    if depth:
        raise BadTemplate("braces that do not match")
    return parts


def _segment(text: str) -> Segment:
    if text in ("*", "**"):
        return Wildcard(text)
    if not _LITERAL.fullmatch(text):
        raise BadTemplate(f"{text!r} is no segment")
    return text


def _check(segments: list[Segment], variables: list[Variable]) -> None:
    if Wildcard.REST in segments[:-1]:
        raise BadTemplate("'**' is not the last segment")
    fields = [variable.field for variable in variables]
    if len(set(fields)) < len(fields):
        raise BadTemplate("a field is bound twice")
