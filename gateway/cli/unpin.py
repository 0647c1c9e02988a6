"""``plugway unpin``: let a pinned plugin be moved again."""

from __future__ import annotations

from gateway.cli.command import JsonOption, PluginArgument
from gateway.cli.pin import set_pin


def unpin(plugin: PluginArgument, as_json: JsonOption = False) -> None:
    """Let a pinned plugin be moved again."""
    set_pin(plugin, pinned=False, as_json=as_json)
