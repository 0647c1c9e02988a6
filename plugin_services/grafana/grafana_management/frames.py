"""What queries answered, as series and tables of a size that a page can draw. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from plugway_sdk.web.models import ApiModel

SERIES = 60
ROWS = 1000
TABLES = 10
Number = float | None


class Series(ApiModel):
    """Values over time; ``times`` are milliseconds since 1970."""

    name: str
    unit: str
    times: list[int]
    values: list[Number]
    figure: Number


class Table(ApiModel):
    """Rows of cells; columns of the type ``time`` hold milliseconds."""

    name: str
    columns: list[dict[str, str]]
    rows: list[list[Any]]
    total: int


@dataclass(frozen=True)
class Field:
    """One column of a frame."""

    name: str
    kind: str
    unit: str
    values: Sequence[Any]


@dataclass(frozen=True)
class Frame:
    """One frame of an answer."""

    name: str
    fields: list[Field]


def frames(result: dict[str, Any]) -> Iterator[Frame]:
    """The frames of one query's answer."""
    for frame in result.get("frames") or ():
        schema, values = frame.get("schema") or {}, (frame.get("data") or {}).get("values") or []
        described = schema.get("fields") or []
        fields = [
            Field(_field_name(field, schema, described), str(field.get("type")), _unit(field), column)
            for field, column in zip(described, values, strict=False)
        ]
        yield Frame(str(schema.get("name") or schema.get("refId") or ""), fields)


def _unit(field: dict[str, Any]) -> str:
    return str((field.get("config") or {}).get("unit") or "")


def _field_name(field: dict[str, Any], schema: dict[str, Any], fields: list[Any]) -> str:
    config, labels = field.get("config") or {}, field.get("labels") or {}
    if given := config.get("displayName") or config.get("displayNameFromDS"):
        return str(given)
    name = str(field.get("name") or "")
    if labels and field.get("type") != "time":
        told = ", ".join(f"{key}={value}" for key, value in sorted(labels.items()))
        return told if name in ("Value", "value", "") else f"{name} {{{told}}}"
    # A frame of one value is called as the frame is.
    if name in ("Value", "value", "") and len(fields) == 2 and schema.get("name"):
        return str(schema["name"])
    return name


def series(frame: Frame, points: int, calculation: str) -> list[Series]:
    """One for each column of numbers, and for each value of its columns of text."""
    times = next((field for field in frame.fields if field.kind == "time"), None)
    numbers = [field for field in frame.fields if field.kind == "number"]
    if times is None:
        # Figures need no time: each number is one.
        return [
            _series(field, field.name, range(len(field.values)), points, calculation) for field in numbers
        ]
    texts = [field for field in frame.fields if field.kind == "string"]
    found = []
    for words, at in _groups(texts, len(times.values)).items():
        for field in numbers:
            name = " ".join(filter(None, (field.name if len(numbers) > 1 or not words else "", *words)))
            picked = Field(name, field.kind, field.unit, [field.values[index] for index in at])
            found.append(_series(picked, name, [times.values[index] for index in at], points, calculation))
    return found


def _groups(texts: list[Field], length: int) -> dict[tuple[str, ...], list[int]]:
    groups: dict[tuple[str, ...], list[int]] = {}
    for index in range(length):
        groups.setdefault(tuple(str(field.values[index]) for field in texts), []).append(index)
    return groups


def _series(field: Field, name: str, times: Sequence[Any], points: int, calculation: str) -> Series:
    values = [_number(value) for value in field.values]
    pairs = [(int(time), value) for time, value in zip(times, values, strict=False) if time is not None]
    figure = reduced([value for _, value in pairs], calculation)
    drawn = thinned(pairs, points)
    return Series(
        name=name,
        unit=field.unit,
        times=[time for time, _ in drawn],
        values=[value for _, value in drawn],
        figure=figure,
    )


def _number(value: Any) -> Number:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if isfinite(value) else None


def _last(known: list[float]) -> float:
    return known[-1]


def _mean(known: list[float]) -> float:
    return sum(known) / len(known)


def _first(known: list[float]) -> float:
    return known[0]


def _difference(known: list[float]) -> float:
    return known[-1] - known[0]


_CALCULATIONS: dict[str, Callable[[list[float]], float]] = {
    "mean": _mean,
    "avg": _mean,
    "sum": sum,
    "total": sum,
    "min": min,
    "max": max,
    "first": _first,
    "firstNotNull": _first,
    "range": lambda known: max(known) - min(known),
    "diff": _difference,
    "delta": _difference,
}


def reduced(values: list[Number], calculation: str) -> Number:
    """One figure of many; ``calculation`` is Grafana's name for how, the last one where it is unknown."""
    known = [value for value in values if value is not None]
    if calculation in ("last", "current"):
        return values[-1] if values else None
    if calculation in ("count", "changeCount"):
        return float(len(known))
    if not known:
        return None
    return _CALCULATIONS.get(calculation, _last)(known)


def thinned(pairs: list[tuple[int, Number]], points: int) -> list[tuple[int, Number]]:
    """At most about ``points``: of each stretch its least and its greatest, so that no peak is lost."""
    if len(pairs) <= points:
        return pairs
    size = -(-len(pairs) * 2 // points)
    kept = []
    for begin in range(0, len(pairs), size):
        stretch = pairs[begin : begin + size]
        known = [pair for pair in stretch if pair[1] is not None]
        if not known:
            kept.append(stretch[0])
            continue
        ends = {min(known, key=lambda pair: pair[1] or 0.0), max(known, key=lambda pair: pair[1] or 0.0)}
        kept += sorted(ends, key=lambda pair: pair[0])
    return kept


def table(frame: Frame) -> Table:
    """The frame as it is, up to ROWS rows."""
    total = max((len(field.values) for field in frame.fields), default=0)
    rows = [[_cell(field, index) for field in frame.fields] for index in range(min(total, ROWS))]
    columns = [{"name": field.name, "type": field.kind, "unit": field.unit} for field in frame.fields]
    return Table(name=frame.name, columns=columns, rows=rows, total=total)


def _cell(field: Field, index: int) -> Any:
    value = field.values[index] if index < len(field.values) else None
    if isinstance(value, float):
        return _number(value)
    return value if value is None or isinstance(value, bool | int | str) else str(value)
