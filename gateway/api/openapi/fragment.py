"""One plugin's share of the unified document. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from gateway.api.openapi import objects
from gateway.api.openapi.bounds import check_size, check_writable
from gateway.api.openapi.gateway_answers import Follow, add_answers
from gateway.api.openapi.loops import check_loops
from gateway.api.openapi.path_table import PathTable
from gateway.api.openapi.schemas import BrokenDocument, References
from gateway.api.openapi.typed import TypedDocument, typed_document
from gateway.contract.errors import GarbageAnswer
from gateway.model import Access, Manifest, PluginId
from gateway.proxy.paths import Rules, has_dot_segments

MOST_PATHS = 2000
SIGNED_IN: list[dict[str, list[str]]] = [{"token": []}, {"session": []}]
_MOST_NOTES = 10
_VARIABLE = re.compile(r"\{([^{}]*)\}")
_VERSION = re.compile(r"3\.[01]\.\d+")
_NOT_IN_PATHS = re.compile(r"[\x00-\x20?#\\]")
_COMPONENT_NAME = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """Paths and components under names that are the plugin's own."""

    paths: Mapping[str, Any]
    components: Mapping[str, Mapping[str, Any]]
    tags: Sequence[Mapping[str, str]]
    left_out: str = ""


def plugin_fragment(plugin: PluginId, manifest: Manifest) -> Fragment:
    """What the plugin offers over HTTP; of a part that does not hold ``left_out`` says why.

    Raises :class:`BrokenDocument` where nothing is left.
    """
    left_out: list[str] = []
    http, typed = _Part(), TypedDocument()
    if manifest.openapi is not None:
        try:
            http = _http_part(plugin, manifest)
        except BrokenDocument as error:
            left_out.append(f"its OpenAPI document does not hold: {error}")
    if manifest.services and manifest.descriptor_set:
        try:
            typed = typed_document(plugin, manifest, http.schema_names)
        except (BrokenDocument, GarbageAnswer) as error:
            left_out.append(f"its services are not described: {error}")
    left_out += typed.left_out[:_MOST_NOTES]
    if not http.table.items and not typed.operations and left_out:
        raise BrokenDocument("; ".join(left_out))
    _add_typed(plugin, manifest, typed, http)
    if typed.schemas:
        http.components.setdefault("schemas", {}).update(typed.schemas)
    items = http.table.items
    fragment = Fragment(
        paths={f"/plugins/{plugin}/api{path}": item for path, item in items.items()},
        components=http.components,
        tags=_tags(plugin, manifest, items, typed.tags),
        left_out="; ".join(left_out),
    )
    check_writable([fragment.paths, fragment.components, fragment.tags])
    return fragment


@dataclass(slots=True)
class _Part:
    """What is read of the plugin's own document."""

    table: PathTable = field(default_factory=PathTable)
    components: dict[str, dict[str, Any]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    @property
    def schema_names(self) -> set[str]:
        return set(self.components.get("schemas", ()))


def _http_part(plugin: PluginId, manifest: Manifest) -> _Part:
    document = objects.mapping(manifest.openapi, "the document")
    if not _VERSION.fullmatch(str(document.get("openapi", ""))):
        raise BrokenDocument(f"it is not OpenAPI 3.0 or 3.1 but {document.get('openapi')!r:.50}")
    check_size(document)
    components = objects.mapping(document.get("components", {}), "components")
    references = References(plugin, components)
    part = _Part(components=_components(components, references))
    rules = Rules(manifest.routes)
    paths = objects.mapping(document.get("paths", {}), "paths")
    if len(paths) > MOST_PATHS:
        raise BrokenDocument(f"it has more than {MOST_PATHS} paths")
    for path, item in paths.items():
        if not path.startswith("x-"):
            for method, operation in _path_item(plugin, path, item, references).items():
                access = rules.access(method.upper(), path.encode())
                add_answers(operation, access, _follow(part.components.get("responses", {})))
                operation["security"] = _security(access)
                part.table.add(path, method, operation)
    part.names = _name_operations(plugin, part.table.items)
    return part


def _follow(known: Mapping[str, Any]) -> Follow:
    def follow(response: Mapping[str, Any]) -> Mapping[str, Any]:
        for _ in range(8):
            if "$ref" not in response:
                return response
            response = known[response["$ref"].rpartition("/")[2]]
        raise BrokenDocument("a reference leads nowhere")

    return follow


def _add_typed(plugin: PluginId, manifest: Manifest, typed: TypedDocument, part: _Part) -> None:
    """They go before the plugin's HTTP routes, as they do in calls."""
    rules = Rules(manifest.routes)
    for one in typed.operations:
        access = rules.access(one.method.upper(), one.path.encode())
        id_ = _free(_plain(one.name), part.names)
        part.names.add(id_)
        operation = {**one.operation, "operationId": f"{plugin}_{id_}", "security": _security(access)}
        part.table.add(one.path, one.method, operation)


def _security(access: Access) -> list[dict[str, list[str]]]:
    return [] if access is Access.PUBLIC else [dict(one) for one in SIGNED_IN]


def _components(components: Mapping[str, Any], references: References) -> dict[str, dict[str, Any]]:
    result: dict[str, dict[str, Any]] = {}
    for section, read in objects.COMPONENTS.items():
        for name, value in objects.mapping(components.get(section, {}), section).items():
            if not _COMPONENT_NAME.fullmatch(name):
                raise BrokenDocument(f"{name!r:.50} is no name for a component")
            try:
                result.setdefault(section, {})[references.name(name)] = read(value, references)
                if section != "schemas":
                    references.follow(value, section)
            except BrokenDocument as error:
                raise BrokenDocument(f"components/{section}/{name:.50}: {error}") from None
    check_loops(result.get("schemas", {}))
    return result


def _path_item(plugin: PluginId, path: str, item: Any, references: References) -> dict[str, Any]:
    # Dots would lead a client from the plugin's paths to others of this gateway.
    if not path.startswith("/") or _NOT_IN_PATHS.search(path) or has_dot_segments(path.encode()):
        raise BrokenDocument(f"{path!r:.100} is no path")
    try:
        source = objects.mapping(item, "the path")
        shared = objects.parameters(source.get("parameters", []), references)
        found = [method for method in objects.METHODS if method in source]
        operations = {method: objects.operation(source[method], references) for method in found}
    except BrokenDocument as error:
        raise BrokenDocument(f"{path:.100}: {error}") from None
    for operation in operations.values():
        operation["parameters"] = _complete(path, shared, operation.get("parameters", []))
        if not operation["parameters"]:
            del operation["parameters"]
        tags = operation.get("tags", [])
        operation["tags"] = [f"{plugin}: {tag}" for tag in tags] or [plugin]
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


def _name_operations(plugin: PluginId, paths: Mapping[str, dict[str, Any]]) -> set[str]:
    """Ids that are unique among all plugins, and the same at every start; returns what is taken.

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
            name = _plain(f"{method}{path}")
        name = _free(name, taken)
        taken.add(name)
        operation["operationId"] = f"{plugin}_{name}"
    return taken


def _free(name: str, taken: Set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")


def _tags(
    plugin: PluginId, manifest: Manifest, paths: Mapping[str, Any], said: Mapping[str, str]
) -> list[Mapping[str, str]]:
    used = {tag for item in paths.values() for operation in item.values() for tag in operation["tags"]}
    about = f"{manifest.name or plugin} {manifest.version}. {manifest.description}".strip()
    return [{"name": tag, "description": said.get(tag) or about} for tag in sorted(used)]
