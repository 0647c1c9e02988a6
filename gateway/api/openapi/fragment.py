"""One plugin's share of the unified document. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.api.openapi import objects
from gateway.api.openapi.schemas import BrokenDocument, References
from gateway.model import Access, Manifest, PluginId
from gateway.proxy.paths import Rules

MOST_PATHS = 2000
SIGNED_IN: list[dict[str, list[str]]] = [{"token": []}, {"session": []}]
_VARIABLE = re.compile(r"\{([^{}]*)\}")
_VERSION = re.compile(r"3\.[01]\.\d+")
_COMPONENT_NAME = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """Paths and components under names that are the plugin's own."""

    paths: Mapping[str, Any]
    components: Mapping[str, Mapping[str, Any]]
    tags: Sequence[Mapping[str, str]]


def plugin_fragment(plugin: PluginId, manifest: Manifest) -> Fragment:
    """Read the plugin's document; raises :class:`BrokenDocument` where it does not hold."""
    document = objects.mapping(manifest.openapi, "the document")
    if not _VERSION.fullmatch(str(document.get("openapi", ""))):
        raise BrokenDocument(f"it is not OpenAPI 3.0 or 3.1 but {document.get('openapi')!r:.50}")
    components = objects.mapping(document.get("components", {}), "components")
    references = References(plugin, components)
    rules = Rules(manifest.routes)
    paths = objects.mapping(document.get("paths", {}), "paths")
    if len(paths) > MOST_PATHS:
        raise BrokenDocument(f"it has more than {MOST_PATHS} paths")
    merged = {
        f"/plugins/{plugin}/api{path}": _path_item(plugin, path, item, rules, references)
        for path, item in paths.items()
        if not path.startswith("x-")
    }
    _name_operations(plugin, merged)
    return Fragment(
        paths=merged,
        components=_components(components, references),
        tags=_tags(plugin, manifest, merged),
    )


def _components(components: Mapping[str, Any], references: References) -> dict[str, dict[str, Any]]:
    result: dict[str, dict[str, Any]] = {}
    for section, read in objects.COMPONENTS.items():
        for name, value in objects.mapping(components.get(section, {}), section).items():
            if not _COMPONENT_NAME.fullmatch(name):
                raise BrokenDocument(f"{name!r:.50} is no name for a component")
            try:
                result.setdefault(section, {})[references.name(name)] = read(value, references)
            except BrokenDocument as error:
                raise BrokenDocument(f"components/{section}/{name:.50}: {error}") from None
    return result


def _path_item(
    plugin: PluginId, path: str, item: Any, rules: Rules, references: References
) -> dict[str, Any]:
    if not path.startswith("/"):
        raise BrokenDocument(f"the path {path!r:.100} does not start with '/'")
    try:
        source = objects.mapping(item, "the path")
        shared = objects.parameters(source.get("parameters", []), references)
        found = [method for method in objects.METHODS if method in source]
        operations = {method: objects.operation(source[method], references) for method in found}
    except BrokenDocument as error:
        raise BrokenDocument(f"{path:.100}: {error}") from None
    for method, operation in operations.items():
        operation["parameters"] = _complete(path, shared, operation.get("parameters", []))
        if not operation["parameters"]:
            del operation["parameters"]
        tags = operation.get("tags", [])
        operation["tags"] = [f"{plugin}: {tag}" for tag in tags] or [plugin]
        _add_gateway_answers(operation, rules.access(method.upper(), path.encode()))
    return operations


def _complete(
    path: str, shared: Sequence[dict[str, Any]], own: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The parameters of an operation: its own before the path's, each once, every variable declared."""
    result: dict[tuple[str, str], dict[str, Any]] = {}
    for item in (*own, *shared):
        result.setdefault((item["in"], item["name"]), item)
    variables = sorted(set(_VARIABLE.findall(path)))
    for name in variables:
        missing = {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        result.setdefault(("path", name), missing)
    return [item for item in result.values() if item["in"] != "path" or item["name"] in variables]


def _add_gateway_answers(operation: dict[str, Any], access: Access) -> None:
    """What the gateway itself may answer in the plugin's place."""
    answers = {"502": "PluginFailed", "503": "PluginUnavailable", "504": "PluginTimedOut"}
    if access is not Access.PUBLIC:
        answers["401"] = "SignInFirst"
    if access is Access.ADMIN:
        answers["403"] = "NotAllowed"
    present = operation.setdefault("responses", {})
    if not present:
        present["default"] = {"description": "The plugin's answer."}
    for status, name in answers.items():
        present.setdefault(status, {"$ref": f"#/components/responses/{name}"})
    operation["security"] = [] if access is Access.PUBLIC else [dict(one) for one in SIGNED_IN]


def _name_operations(plugin: PluginId, paths: Mapping[str, dict[str, Any]]) -> None:
    """Ids that are unique among all plugins, and the same at every start.

    A plugin's id has no underscore, so the first one ends it.
    """
    operations = [
        (path, method, operation) for path, item in paths.items() for method, operation in item.items()
    ]
    wanted = Counter(_plain(operation.get("operationId", "")) for _, _, operation in operations)
    taken: set[str] = set()
    for path, method, operation in operations:
        name = _plain(operation.get("operationId", ""))
        if not name or wanted[name] > 1:
            name = _plain(f"{method}{path.removeprefix(f'/plugins/{plugin}/api')}")
        while name in taken:
            name += "_"
        taken.add(name)
        operation["operationId"] = f"{plugin}_{name}"


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")


def _tags(plugin: PluginId, manifest: Manifest, paths: Mapping[str, Any]) -> list[Mapping[str, str]]:
    used = {tag for item in paths.values() for operation in item.values() for tag in operation["tags"]}
    about = f"{manifest.name or plugin} {manifest.version}. {manifest.description}".strip()
    return [{"name": tag, "description": about} for tag in sorted(used)]
