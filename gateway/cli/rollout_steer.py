"""What the commands that steer a rollout share: the request, and what is told after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.cli.client import GatewayClient, Object
from gateway.cli.exits import Exit
from gateway.cli.output import clean, print_json, print_line
from gateway.cli.rollout_find import rollout_path
from gateway.cli.rollout_watch import watch
from gateway.cli.rollout_words import heading, next_line


async def steer(
    client: GatewayClient, rollout: Object, act: str, body: Mapping[str, Any] | None = None
) -> Object:
    """Ask for ``act`` on a rollout; the rollout after it."""
    return await client.call("POST", rollout_path(str(rollout["id"]), act), dict(body or {}))


async def tell(
    client: GatewayClient,
    rollout: Object,
    text: str,
    *,
    as_json: bool,
    watched: bool = False,
    timeout: float | None = None,  # noqa: ASYNC109  an option of the command
    back: bool = False,
    agreed: bool = False,
) -> Exit:
    """Say what was done, or watch what comes of it."""
    if watched:
        return await watch(client, rollout, as_json=as_json, timeout=timeout, back=back, agreed=agreed)
    if as_json:
        print_json(rollout)
        return Exit.OK
    print_line(clean(f"{text} ({rollout['id']}: {heading(rollout)})"))
    print_line(clean(next_line(rollout)) or f"Watch it: plugway status {rollout['plugin']} --watch")
    return Exit.OK
