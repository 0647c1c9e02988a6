"""``plugway limits``: how a plugin may be called."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from gateway.cli.client import GatewayClient, Object, plugin_path
from gateway.cli.command import JsonOption, PluginArgument, run
from gateway.cli.limit_words import as_text, parse_count, parse_rate, parse_route
from gateway.cli.output import print_json, print_table


def _rate(name: str, text: str) -> Any:
    return Annotated[
        Any, typer.Option(name, parser=parse_rate, metavar="N/s|N/m|N/h|none", help=text, show_default=False)
    ]


def _count(name: str, text: str) -> Any:
    return Annotated[
        Any, typer.Option(name, parser=parse_count, metavar="N|none", help=text, show_default=False)
    ]


Burst = Annotated[int | None, typer.Option("--burst", min=1, help="Calls at once.", show_default=False)]
UserBurst = Annotated[
    int | None, typer.Option("--user-burst", min=1, help="The same for each user.", show_default=False)
]
Routes = Annotated[
    list[str] | None,
    typer.Option(
        "--route",
        metavar="'METHOD /PATH LIMITS'",
        help="Limits of one route, as in 'POST /import 2/s burst=5 concurrent=1'; 'none' lifts them.",
        show_default=False,
    ),
]


def limits(
    plugin: PluginArgument,
    rate: _rate("--rate", "Calls of everybody together.") = None,  # type: ignore[valid-type]
    burst: Burst = None,
    concurrent: _count("--concurrent", "Calls that run at once.") = None,  # type: ignore[valid-type]
    per_user: _rate("--per-user", "Calls of each user.") = None,  # type: ignore[valid-type]
    user_burst: UserBurst = None,
    user_concurrent: _count("--user-concurrent", "Calls of each user at once.") = None,  # type: ignore[valid-type]
    route: Routes = None,
    reset: Annotated[bool, typer.Option("--reset", help="Forget what was set before.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show or set how often, and by how many at once, a plugin may be called.

    What you set stays beside what was set before; 'none' takes it back. Callers over a limit get 429
    and when to come again. Where you say nothing, the plugin's manifest may ask for less than it would get.
    """
    asked = {
        "rate": _with_burst(rate, burst, "--burst"),
        "concurrent": concurrent,
        "userRate": _with_burst(per_user, user_burst, "--user-burst"),
        "userConcurrent": user_concurrent,
    }
    asked = {name: value for name, value in asked.items() if value is not None}
    routes = [parse_route(text) for text in route or ()]

    async def act(client: GatewayClient) -> None:
        path = plugin_path(plugin, "limits")
        view = await client.get(path)
        if asked or routes or reset:
            view = await client.call("PUT", path, _changed(view, asked, routes, reset=reset))
        if as_json:
            print_json(view)
        else:
            print_table(("limit", "value", "from"), list(_rows(view)))

    run(act, as_json)


def _with_burst(rate: Any, burst: int | None, name: str) -> Any:
    if burst is None:
        return rate
    if not isinstance(rate, dict):
        raise typer.BadParameter(f"{name} needs the rate that it belongs to.")
    return {**rate, "burst": burst}


def _changed(view: Object, asked: Object, routes: list[Object], *, reset: bool) -> Object:
    """The operator's whole word after this change.

    ``"none"`` takes back. A route replaces the one of the same name; one that is lifted stays in the word
    only to overrule what the plugin suggests.
    """
    own = {} if reset else view["own"]
    suggested = {_name(route) for route in view["suggested"]["routes"]}
    named = {_name(route) for route in routes}
    kept = [route for route in own.get("routes", ()) if _name(route) not in named]
    said = {**own, **asked}
    said["routes"] = [*(r for r in routes if not r.pop("lifted", False) or _name(r) in suggested), *kept]
    return {name: value for name, value in said.items() if value is not None and value != "none"}


def _name(route: Object) -> tuple[str, tuple[str, ...]]:
    return route["path"], tuple(sorted(route["methods"]))


def _rows(view: Object) -> Iterator[tuple[str, str, str]]:
    holds, own, suggested = view["effective"], view["own"], view["suggested"]
    names = {
        "rate": "rate",
        "concurrent": "concurrent",
        "userRate": "per-user",
        "userConcurrent": "user-concurrent",
    }
    for name, shown in names.items():
        said = (
            "you" if own[name] is not None else "the plugin" if holds[name] == suggested[name] else "Plugway"
        )
        yield shown, as_text(holds[name]), said if holds[name] is not None else "Plugway"
    mine = {_name(route) for route in own["routes"]}
    for route in holds["routes"]:
        name = " ".join([*route["methods"], route["path"]])
        said = "you" if _name(route) in mine else "the plugin"
        words = [as_text(route["rate"])] if route["rate"] else []
        words += [f"{route['concurrent']} at once"] if route["concurrent"] else []
        yield name, ", ".join(words) or "none", said
