"""``plugway rollout-defaults``: how a plugin is moved where a rollout says nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from gateway.cli.client import GatewayClient, Object, plugin_path
from gateway.cli.command import JsonOption, PluginArgument, run
from gateway.cli.output import print_json, print_table
from gateway.cli.rollout_options import takes_options
from gateway.cli.rollout_words import duration, steps_text


@takes_options
def rollout_defaults(
    plugin: PluginArgument,
    asked: Object,
    reset: Annotated[bool, typer.Option("--reset", help="Forget the plugin's own defaults first.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show or set how a plugin is moved by default.

    Without options it shows what holds, and whether the plugin has it from you or from Plugway.
    """

    async def act(client: GatewayClient) -> None:
        path = plugin_path(plugin, "rollout-defaults")
        known = await client.get(path)
        if asked or reset:
            kept = {} if reset else {name: value for name, value in known.items() if value is not None}
            known = await client.call("PUT", path, {**kept, **asked})
        if as_json:
            print_json(known)
        else:
            print_table(("default", "value", "from"), list(_rows(known)))

    run(act, as_json)


def _rows(own: Object) -> Iterator[tuple[str, str, str]]:
    # Imported here, as every other command would pay for it.
    from gateway.supervisor.rollout_request import RolloutOptions, make_plan

    plan = make_plan(RolloutOptions.model_validate(own), {})
    steps = [{"weight": step.weight, "seconds": step.seconds} for step in plan.steps]
    timing = plan.timing
    values = {
        "strategy": plan.strategy.value,
        "steps": steps_text(steps) or "none",
        "startup": duration(timing.startup),
        "probeInterval": _or_gateways(timing.probe_interval),
        "probeTimeout": _or_gateways(timing.probe_timeout),
        "minHealthy": duration(timing.min_healthy),
        "bake": duration(timing.bake),
        "drain": duration(timing.drain),
        "progress": duration(timing.progress),
        "testerHeader": plan.tester_header,
        "testerCookie": plan.tester_cookie,
    }
    for name, value in values.items():
        option = "".join(f"-{c.lower()}" if c.isupper() else c for c in name)
        yield option, value, "you" if own.get(name) is not None else "Plugway"


def _or_gateways(seconds: float | None) -> str:
    return "as the gateway" if seconds is None else duration(seconds)
