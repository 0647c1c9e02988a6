"""Limits as an operator writes and reads them. Pure."""

from __future__ import annotations

import re
from typing import Any

import typer

_PER = {"s": 1.0, "m": 60.0, "h": 3600.0}
_RATE = re.compile(r"(\d+(?:\.\d+)?)/([smh])")


def parse_rate(text: str) -> dict[str, Any] | str:
    """``100/s``, ``30/m``, ``none``; raises :class:`typer.BadParameter`."""
    if text == "none":
        return text
    found = _RATE.fullmatch(text)
    if found is None or float(found[1]) <= 0:
        raise typer.BadParameter(f"'{text}' is no rate. Write for example 100/s, 30/m or 10/h.")
    return {"perSecond": float(found[1]) / _PER[found[2]]}


def parse_count(text: str) -> int | str:
    """A number from 1 on, or ``none``; raises :class:`typer.BadParameter`."""
    if text == "none":
        return text
    if not text.isdecimal() or int(text) < 1:
        raise typer.BadParameter(f"'{text}' is no number of calls. Write 1 or more, or none.")
    return int(text)


def parse_route(text: str) -> dict[str, Any]:
    """``POST /import 2/s burst=5 concurrent=1`` as the API takes it; raises :class:`typer.BadParameter`.

    Several methods stand with commas between, none for all. ``lifted`` is set where it says ``none``.
    """
    words = text.split()
    methods = words.pop(0).upper().split(",") if words and not words[0].startswith("/") else []
    if len(words) < 2 or not words[0].startswith("/"):
        raise typer.BadParameter(f"'{text}' is no route with limits. Write as in 'POST /import 2/s'.")
    route: dict[str, Any] = {"path": words[0], "methods": methods}
    for word in words[1:]:
        name, _, value = word.partition("=")
        if word == "none":
            route["lifted"] = True
        elif name == "concurrent":
            route["concurrent"] = parse_count(value)
        elif name == "burst":
            route.setdefault("rate", {})["burst"] = parse_count(value)
        else:
            rate = parse_rate(word)
            route["rate"] = {**route.get("rate", {}), **(rate if isinstance(rate, dict) else {})}
    if "perSecond" not in route.get("rate", {"perSecond": 1}):
        raise typer.BadParameter(f"'{text}' has a burst and no rate.")
    return route


def as_text(value: Any) -> str:
    """A rate or a number, for people."""
    if value is None:
        return "none"
    if not isinstance(value, dict):
        return str(value)
    per_second = value["perSecond"]
    for unit, seconds in _PER.items():
        if per_second * seconds >= 1 or unit == "h":
            rate = f"{per_second * seconds:g}/{unit}"
            break
    return f"{rate}, {value['burst']} at once" if value["burst"] else rate
