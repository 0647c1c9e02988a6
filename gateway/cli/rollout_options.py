"""How to move, as options of a command line."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from gateway.cli.option_groups import takes_group
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


def _time(name: str, text: str) -> Any:
    return Annotated[
        Any, typer.Option(f"--{name}", parser=seconds, metavar="TIME", help=text, show_default=False)
    ]


def _name(name: str, text: str) -> Any:
    return Annotated[str | None, typer.Option(f"--{name}", metavar="NAME", help=text, show_default=False)]


_OPTIONS: dict[str, Any] = {
    "strategy": Annotated[
        Strategy | None,
        typer.Option(
            help="direct switches once the new version is verified; blue-green lets testers in first; "
            "canary goes in steps.",
            show_default=False,
        ),
    ],
    "steps": Annotated[
        Any,
        typer.Option(
            parser=steps,
            metavar="SHARE:TIME,...",
            help="Shares of new sessions in percent, each for a time, or 'hold' to wait for someone: "
            "10:60s,50:hold. Implies canary.",
            show_default=False,
        ),
    ],
    "startup": _time("startup", "Longest time to the first healthy answer."),
    "probe_interval": _time("probe-interval", "Pause between two questions for its health."),
    "probe_timeout": _time("probe-timeout", "Longest wait for the answer to one."),
    "min_healthy": _time("min-healthy", "Healthy this long before it carries a call."),
    "bake": _time("bake", "The old version stays warm this long after the switch."),
    "drain": _time("drain", "Calls of the side that goes have this long to finish."),
    "progress": _time("progress", "Longest time without any progress."),
    "tester_header": _name("tester-header", "Header by which testers choose."),
    "tester_cookie": _name("tester-cookie", "Cookie by which testers choose."),
}


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {_camel(name): value for name, value in options.items() if value is not None}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


takes_options = takes_group("asked", {name: (option, None) for name, option in _OPTIONS.items()}, _given)
"""For a command that gets in ``asked`` the options that were given, by the API's names."""
