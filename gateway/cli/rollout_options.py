"""How to move, as options of a command line."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from gateway.supervisor.rollout import Strategy

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """``90``, ``90s``, ``1.5m``, ``1h30m`` in seconds; raises :class:`typer.BadParameter`."""
    if re.fullmatch(r"(\d+(\.\d+)?[smh])+|\d+(\.\d+)?", text) is None:
        raise typer.BadParameter(f"'{text}' is no time. Write for example 30s, 2m or 1h.")
    return sum(float(n) * _UNITS[unit] for n, unit in re.findall(r"(\d+(?:\.\d+)?)([smh]?)", text))


def steps(text: str) -> list[dict[str, Any]]:
    """``10:60s,50:hold`` as the API takes it; raises :class:`typer.BadParameter`."""
    found = []
    for part in text.split(","):
        weight, colon, time = part.strip().partition(":")
        if not weight.isdecimal() or not colon or int(weight) > 100:
            raise typer.BadParameter(
                f"'{part.strip()}' is no step. Write a share and a time or 'hold', as in 10:60s,50:hold."
            )
        found.append({"weight": int(weight), "seconds": None if time == "hold" else seconds(time)})
    return found


StrategyOption = Annotated[
    Strategy | None,
    typer.Option(
        help="direct switches once the new version is verified; blue-green lets testers in first; "
        "canary goes in steps.",
        show_default=False,
    ),
]
StepsOption = Annotated[
    Any,
    typer.Option(
        parser=steps,
        metavar="SHARE:TIME,...",
        help="Shares of new sessions in percent, each for a time, or 'hold' to wait for someone: "
        "10:60s,50:hold. Implies canary.",
        show_default=False,
    ),
]


def _time(name: str, text: str) -> Any:
    return typer.Option(name, parser=seconds, metavar="TIME", help=text, show_default=False)


StartupOption = Annotated[Any, _time("--startup", "Longest time to the first healthy answer.")]
MinHealthyOption = Annotated[Any, _time("--min-healthy", "Healthy this long before it carries a call.")]
BakeOption = Annotated[Any, _time("--bake", "The old version stays warm this long after the switch.")]
DrainOption = Annotated[Any, _time("--drain", "Calls of the side that goes have this long to finish.")]
ProgressOption = Annotated[Any, _time("--progress", "Longest time without any progress.")]
HeaderOption = Annotated[
    str | None,
    typer.Option(
        "--tester-header", metavar="NAME", help="Header by which testers choose.", show_default=False
    ),
]
CookieOption = Annotated[
    str | None,
    typer.Option(
        "--tester-cookie", metavar="NAME", help="Cookie by which testers choose.", show_default=False
    ),
]


def options(**given: Any) -> dict[str, Any]:
    """The options that were given, by the API's names."""
    return {_camel(name): value for name, value in given.items() if value is not None}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
