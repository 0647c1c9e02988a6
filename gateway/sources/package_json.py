"""What an npm package says of itself: who it is, and which of its modules is the page."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.errors import BadInput
from gateway.page_origins import MAX_ORIGINS, BadOrigin, check_page_origin

FILE = "package.json"
_MAX_BYTES = 2**20
# In the order in which bundlers for browsers look.
_CONDITIONS = ("browser", "import", "module", "default")
_DEPTH = 8
_MODULES = (".js", ".mjs")


class BadPackage(BadInput):
    """The package's own package.json does not hold."""

    key, title = "bad-package", "The package does not hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """Facts of one ``package.json``; ``egress`` and ``origins`` are what its ``plugway`` section asks for."""

    name: str = ""
    version: str = ""
    title: str = ""
    description: str = ""
    entry: str = ""
    ui_type: str = ""
    styles: tuple[str, ...] = ()
    egress: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()


def read_package(root: Path, names: Collection[str]) -> Package:
    """Read ``package.json`` of an unpacked archive; without one, ``index.js`` is the page. Blocking."""
    if FILE not in names:
        return Package(entry=_existing("index.js", names))
    content = (root / FILE).read_bytes()
    if len(content) > _MAX_BYTES:
        raise BadPackage(f"Its {FILE} is larger than 1 MiB.")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadPackage(f"Its {FILE} is not JSON.") from error
    if not isinstance(document, dict):
        raise BadPackage(f"Its {FILE} is not a JSON object.")
    own = document.get("plugway", {})
    if not isinstance(own, dict):
        raise BadPackage(f"'plugway' in its {FILE} is not a JSON object.")
    return Package(
        name=_text(document, "name"),
        version=_text(document, "version"),
        title=_text(own, "name"),
        description=_text(document, "description")[:500],
        entry=_entry(document, own, names),
        ui_type=_text(own, "uiType"),
        styles=tuple(_existing(style, names) for style in _texts(own, "styles")),
        egress=_wanted(own, "egress"),
        origins=_origins(own),
    )


def _entry(document: Mapping[str, Any], own: Mapping[str, Any], names: Collection[str]) -> str:
    """The page's module: what the section names, else what a bundler would take."""
    candidates = [
        _text(own, "entry"),
        _exported(document.get("exports"), _DEPTH),
        _text(document, "module"),
        _text(document, "main") if document.get("type") == "module" else "",
    ]
    for candidate in candidates:
        if candidate:
            entry = _existing(candidate, names)
            if not entry.endswith(_MODULES):
                raise BadPackage(f"Its page {entry[:80]!r} is no .js or .mjs module.")
            return entry
    if "index.js" in names and document.get("type") == "module":
        return "index.js"
    raise BadPackage(
        f"Its {FILE} names no ES module.",
        hint='Name it under "exports" or "module", or as {"plugway": {"entry": "dist/index.js"}}.',
    )


def _exported(exports: Any, depth: int) -> str:
    if isinstance(exports, str):
        return exports
    if isinstance(exports, dict) and depth > 0:
        for key in (".", *_CONDITIONS):
            if key in exports and (found := _exported(exports[key], depth - 1)):
                return found
    return ""


def _existing(path: str, names: Collection[str]) -> str:
    plain = path.removeprefix("./")
    if plain not in names:
        raise BadPackage(f"It names {path[:80]!r}, but holds no such file.")
    return plain


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key, "")
    return value if isinstance(value, str) else ""


def _texts(document: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = document.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadPackage(f"'plugway.{key}' in its {FILE} is not a list of texts.")
    return tuple(value)


def _wanted(own: Mapping[str, Any], what: str) -> tuple[str, ...]:
    wanted = own.get("permissions", {})
    if not isinstance(wanted, dict) or set(wanted) - {"egress", "origins"}:
        raise BadPackage(
            f"'plugway.permissions' in its {FILE} may hold 'egress' and 'origins', and nothing else."
        )
    return _texts(wanted, what)


def _origins(own: Mapping[str, Any]) -> tuple[str, ...]:
    origins = _wanted(own, "origins")
    if len(origins) > MAX_ORIGINS:
        raise BadPackage(f"Its {FILE} names {len(origins)} origins; {MAX_ORIGINS} are the most.")
    for origin in origins:
        try:
            check_page_origin(origin)
        except BadOrigin as error:
            raise BadPackage(f"The origin {origin[:80]!r} in its {FILE} does not hold: it {error}.") from None
    return origins
