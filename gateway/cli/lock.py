"""``plugway lock``: what an installed plugin was resolved to, every digest, who signed, what it may do."""

from __future__ import annotations

from gateway.cli.catalogue_words import permissions
from gateway.cli.client import GatewayClient, Object, plugin_path
from gateway.cli.command import JsonOption, PluginArgument, run
from gateway.cli.output import print_fields, print_json, print_line, print_table


def lock(plugin: PluginArgument, as_json: JsonOption = False) -> None:
    """Show the lock of the release in use: what it was resolved to, digests, signers, permissions.

    With --json also the lock's own document, and the one that the publisher signed.
    """

    async def act(client: GatewayClient) -> None:
        document = await client.get(plugin_path(plugin, "lock"))
        if as_json:
            print_json(document)
        else:
            _show(plugin, document)

    run(act, as_json)


def _show(plugin: str, lock: Object) -> None:
    trust = lock["trust"]
    print_fields(
        (
            ("id", plugin),
            ("version", lock["version"]),
            ("release", lock["releaseId"]),
            ("tier", lock["tier"]),
            ("source", lock["source"]),
            ("resolved", lock["resolved"]),
            ("trust", trust["refusal"] or trust["words"]),
            ("signer", trust["signer"]),
            ("keys", ", ".join(trust["keys"])),
            ("it may", permissions(lock["permissions"])),
        )
    )
    if lock["digests"]:
        print_line()
        print_table(("what", "digest"), [(one["name"], one["digest"]) for one in lock["digests"]])
