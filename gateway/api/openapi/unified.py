"""The unified document: the management API's and every plugin's in one. Pure."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.api.openapi.fragment import Fragment, plugin_fragment
from gateway.api.openapi.schemas import BrokenDocument
from gateway.model import Manifest, PluginId

_log = logging.getLogger(__name__)


def fragment_or_reason(plugin: PluginId, manifest: Manifest | None) -> Fragment | str:
    """The plugin's share, or in words why it has none. Never raises: a plugin wrote what is read."""
    if manifest is None:
        return "it has not started yet, so its routes are not known"
    if manifest.openapi is None and not manifest.services:
        return "it publishes no OpenAPI document and no services"
    try:
        return plugin_fragment(plugin, manifest)
    except BrokenDocument as error:
        return str(error)
    except Exception:  # noqa: BLE001  a plugin's document must not take the others' away
        _log.exception("the OpenAPI document of %s could not be read", plugin)
        return "its OpenAPI document could not be read"


def unify(base: Mapping[str, Any], plugins: Iterable[tuple[PluginId, Fragment | str]]) -> dict[str, Any]:
    """The base with every fragment; ``x-plugway-plugins`` says which are in it and why others are not."""
    document = copy.deepcopy(dict(base))
    listed = document["x-plugway-plugins"] = []
    for plugin, fragment in plugins:
        if isinstance(fragment, str):
            listed.append({"id": plugin, "included": False, "reason": fragment})
            continue
        listed.append({"id": plugin, "included": True, "reason": fragment.left_out})
        document["paths"].update(fragment.paths)
        document.setdefault("tags", []).extend(fragment.tags)
        for section, members in fragment.components.items():
            document["components"].setdefault(section, {}).update(members)
    return document
