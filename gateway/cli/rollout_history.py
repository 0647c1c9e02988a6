"""What ``plugway status`` shows of a plugin's releases and rollouts."""

from __future__ import annotations

from gateway.cli.client import GatewayClient, Object, plugin_path
from gateway.cli.output import ago, clean, print_line, print_table
from gateway.cli.rollout_find import rollouts_of, under_way
from gateway.cli.rollout_words import entry_line, heading, new, next_line, old, side_line

_SHOWN = 5


async def add_history(client: GatewayClient, plugin: Object) -> Object:
    """The plugin with its ``releases``, its ``rollouts``, and the ``rollout`` under way or null."""
    id_ = str(plugin["id"])
    rollouts = await rollouts_of(client, id_)
    releases = (await client.get(plugin_path(id_, "releases")))["releases"]
    return {**plugin, "rollout": under_way(rollouts), "rollouts": rollouts, "releases": releases}


def print_history(plugin: Object) -> None:
    if live := plugin["rollout"]:
        print_line()
        _print_live(live)
    print_line()
    print_table(
        ("release", "version", "now", "added"),
        [
            (r["id"], r["version"], "yes" if r["current"] else "", ago(r["addedAt"]))
            for r in plugin["releases"]
        ],
    )
    past = [rollout for rollout in plugin["rollouts"] if not rollout["live"]]
    if not past:
        return
    print_line()
    print_table(
        ("rollout", "from", "to", "ended", "ago", "reason"),
        [(r["id"], old(r), new(r), r["phase"], ago(r["updatedAt"]), r["reason"]) for r in past[:_SHOWN]],
    )
    if len(past) > _SHOWN:
        print_line(f"{len(past) - _SHOWN} earlier ones: plugway status {plugin['id']} --json")


def _print_live(rollout: Object) -> None:
    print_line(clean(f"rollout under way  {rollout['id']}: {heading(rollout)}"))
    for entry in rollout["timeline"]:
        print_line(clean(f"  {entry_line(rollout, entry)}"))
    if rollout["secondsLeft"] is not None:
        print_line(f"  {rollout['secondsLeft']:.0f} s left in this phase")
    print_line(clean(f"  {side_line(rollout)}"))
    if todo := next_line(rollout):
        print_line(clean(f"  {todo}"))
