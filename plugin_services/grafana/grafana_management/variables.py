"""Variables of a dashboard: which values there are, and their place in queries. Pure.

Only values that were saved with the dashboard count. So whoever may look cannot write words of their own
into a query that runs with the data source's rights.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from plugway_sdk.web.problems import Refused

ALL = "$__all"
_REGEX_SOURCES = frozenset(("prometheus", "loki", "grafana-amazonprometheus-datasource"))
_SQL_SOURCES = ("postgres", "mysql", "mssql", "sqlite", "clickhouse")
_PLACE = re.compile(
    r"\$\{(?P<braced>\w+)(?:\.[\w.]+)?(?::(?P<format>[\w:]+))?\}|\[\[(?P<old>\w+)(?::\w+)?\]\]|\$(?P<plain>\w+)"
)


@dataclass(frozen=True)
class Variable:
    """One variable; ``options`` are values with what is shown of them."""

    name: str
    label: str
    kind: str
    options: Mapping[str, str]
    chosen: tuple[str, ...]
    several: bool
    hidden: bool
    all_value: str

    def values(self, chosen: tuple[str, ...]) -> tuple[str, ...]:
        """What goes into a query."""
        if ALL not in chosen:
            return chosen
        return (self.all_value,) if self.all_value else tuple(one for one in self.options if one != ALL)


def variables(dashboard: Mapping[str, Any]) -> list[Variable]:
    """All that have values; filters made up while looking (``adhoc``) have none."""
    entries = (dashboard.get("templating") or {}).get("list") or ()
    return [_variable(entry) for entry in entries if entry.get("name") and entry.get("type") != "adhoc"]


def _variable(entry: Mapping[str, Any]) -> Variable:
    current = entry.get("current") or {}
    chosen = _texts(current.get("value"))
    kind = str(entry.get("type") or "")
    if not chosen and kind in ("constant", "textbox"):
        chosen = _texts(entry.get("query"))
    options = dict(zip(chosen, _texts(current.get("text")) or chosen, strict=False))
    for option in entry.get("options") or ():
        for value in _texts(option.get("value")):
            options[value] = str(option.get("text") or value)
    if kind in ("custom", "interval"):
        options = {**_listed(str(entry.get("query") or "")), **options}
        options.pop("", None)
        chosen = chosen or tuple(options)[:1]
    return Variable(
        name=str(entry["name"]),
        label=str(entry.get("label") or entry["name"]),
        kind=kind,
        options={value: "All" if value == ALL else text for value, text in options.items()},
        chosen=chosen,
        several=bool(entry.get("multi")),
        hidden=entry.get("hide") == 2 or kind == "constant",
        all_value=str(entry.get("allValue") or ""),
    )


def _texts(value: Any) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _listed(query: str) -> dict[str, str]:
    """``1, two : 2, three`` by value; a comma with a backslash is part of one."""
    found = {}
    for part in re.split(r"(?<!\\),", query):
        text, colon, value = part.replace("\\,", ",").partition(" : ")
        found[(value if colon else text).strip()] = text.strip()
    return found


Chosen = Mapping[str, tuple[Variable, tuple[str, ...]]]


def choose(known: list[Variable], wanted: Mapping[str, list[str]]) -> Chosen:
    """The values in force; raises Refused for a variable or a value that the dashboard does not have."""
    names = {variable.name for variable in known}
    if strange := sorted(set(wanted) - names):
        raise Refused(f"The dashboard has no variable '{strange[0][:60]}'.")
    chosen = {}
    for variable in known:
        values = tuple(wanted.get(variable.name) or variable.chosen)
        for value in values:
            if value not in variable.options:
                raise Refused(
                    f"'{value[:60]}' is none of the values of '{variable.name}'.",
                    hint="Only those that were saved with the dashboard can be chosen.",
                )
        chosen[variable.name] = (variable, variable.values(values))
    return chosen


class Places:
    """Puts values where a query names them."""

    def __init__(self, chosen: Chosen, built_in: Mapping[str, str], source: str) -> None:
        self._chosen, self._built_in, self._source = chosen, built_in, source

    def fill(self, value: Any, depth: int = 0) -> Any:
        """A copy of ``value`` with every text filled."""
        if depth > 40:
            raise Refused("The query is nested too deeply.")
        if isinstance(value, str):
            return _PLACE.sub(self._replaced, value) if "$" in value or "[[" in value else value
        if isinstance(value, dict):
            return {name: self.fill(one, depth + 1) for name, one in value.items()}
        if isinstance(value, list):
            return [self.fill(one, depth + 1) for one in value]
        return value

    def _replaced(self, found: re.Match[str]) -> str:
        name = found["braced"] or found["old"] or found["plain"]
        if name in self._chosen:
            variable, values = self._chosen[name]
            loose = variable.several or len(values) > 1 or ALL in variable.options
            return _formatted(values, found["format"] or self._format(loose))
        # What is not known here may be the data source's own word, as $__timeFilter is.
        return self._built_in.get(name, found[0])

    def _format(self, loose: bool) -> str:
        if not loose:
            return "raw"
        if self._source in _REGEX_SOURCES:
            return "regex"
        return "sqlstring" if any(name in self._source for name in _SQL_SOURCES) else "glob"


def _formatted(values: tuple[str, ...], form: str) -> str:
    if form == "json":
        return json.dumps(list(values))
    if form in ("pipe", "csv", "raw", "text"):
        return ("|" if form == "pipe" else ",").join(values)
    if form == "regex":
        escaped = [re.sub(r"([.*+?^${}()|\[\]\\/])", r"\\\1", value) for value in values]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"
    if form in ("sqlstring", "singlequote", "doublequote"):
        quote = '"' if form == "doublequote" else "'"
        doubled = quote * 2 if form == "sqlstring" else f"\\{quote}"
        return ",".join(f"{quote}{value.replace(quote, doubled)}{quote}" for value in values)
    return values[0] if len(values) == 1 else f"{{{','.join(values)}}}"
