"""Making an index from a directory of definitions. Blocking.

    catalogue.toml          name, title
    ID/plugin.toml          name, description, publisher, homepage, categories, screenshots
    ID/VERSION.json         a definition, or {"definition": ..., "permissions": ..., "notes": ...}

Screenshots are files below the directory, named relative to it; the index lies at its top.
"""

from __future__ import annotations

import hashlib
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.catalogue.index import PAYLOAD_TYPE, Index, parse_index
from gateway.catalogue.pictures import MAX_PICTURE, picture_type
from gateway.digests import canonical_json
from gateway.errors import BadInput, PlugwayError
from gateway.trust.envelope import Envelope, parse_envelope
from gateway.trust.strict_json import NotStrictJson, read_object
from gateway.trust.times import write_moment

ABOUT, PLUGIN = "catalogue.toml", "plugin.toml"
_MAX_FILE = 2**20


class BadCatalogueDirectory(BadInput):
    """The directory does not make a catalogue."""

    key, title = "bad-catalogue-directory", "The directory does not make a catalogue"


def make_payload(directory: Path, *, serial: int, issued: datetime, expires: datetime) -> bytes:
    """What is signed; raises :class:`BadCatalogueDirectory`, and what a gateway would raise on reading it.

    Stricter than a gateway: every definition has to hold.
    """
    about = _toml(directory / ABOUT)
    folders = sorted(path.parent for path in directory.glob(f"*/{PLUGIN}"))
    document = {
        "catalogue": 1,
        **about,
        "serial": serial,
        "issued": write_moment(issued),
        "expires": write_moment(expires),
        "plugins": [_plugin(directory, folder) for folder in folders],
    }
    try:
        payload = canonical_json(document)
    except (TypeError, UnicodeEncodeError) as error:
        raise BadCatalogueDirectory(f"{directory} holds what JSON cannot say: {error}.") from None
    index = parse_index(payload)
    for plugin in index.plugins.values():
        for version in plugin.versions:
            if version.problem:
                where = directory / plugin.id / f"{version.version}.json"
                raise BadCatalogueDirectory(f"{where}: {version.problem}.", hint="Correct it.")
    return payload


def next_serial(previous: bytes, now: float) -> int:
    """Above that of the index it replaces; by the clock (Unix seconds), so that a lost file does no harm."""
    if not previous:
        return int(now)
    return max(int(now), read_index_file(previous)[1].serial + 1)


def read_index_file(data: bytes) -> tuple[Envelope, Index]:
    """An index of one's own, whose signatures are not looked at."""
    envelope = parse_envelope(data)
    if envelope.payload_type != PAYLOAD_TYPE:
        raise BadCatalogueDirectory(f"The file is signed as {envelope.payload_type!r}, not as a catalogue.")
    return envelope, parse_index(envelope.payload)


def _plugin(root: Path, folder: Path) -> dict[str, Any]:
    about = _toml(folder / PLUGIN)
    files = sorted(folder.glob("*.json"))
    if not files:
        raise BadCatalogueDirectory(f"{folder} has no VERSION.json.", hint="Put a definition there.")
    return {
        "id": folder.name,
        "name": folder.name,
        **about,
        "screenshots": [_screenshot(root, entry) for entry in about.get("screenshots", [])],
        "versions": [_version(file) for file in files],
    }


def _screenshot(root: Path, entry: Any) -> dict[str, Any]:
    if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
        raise BadCatalogueDirectory(f"A screenshot in {root} has no path.")
    path = root / entry["path"]
    content = _bytes(path, MAX_PICTURE)
    try:
        picture_type(content)
    except PlugwayError as error:
        raise BadCatalogueDirectory(f"{path}: {error.detail}") from None
    return {"alt": "", **entry, "sha256": hashlib.sha256(content).hexdigest()}


def _version(file: Path) -> dict[str, Any]:
    try:
        document = read_object(_bytes(file, _MAX_FILE), limit=_MAX_FILE)
    except NotStrictJson as error:
        raise BadCatalogueDirectory(f"{file}: {error}.") from None
    if "definition" not in document:
        document = {"definition": document}
    version = file.name.removesuffix(".json")
    if isinstance(document["definition"], dict):
        document["definition"] = {"id": file.parent.name, "version": version, **document["definition"]}
    return {"version": version, **document}


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_bytes(path, _MAX_FILE).decode())
    except (UnicodeDecodeError, ValueError) as error:
        raise BadCatalogueDirectory(f"{path} is not TOML: {error}.") from None


def _bytes(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise BadCatalogueDirectory(f"{path} cannot be read: {error.strerror}.") from None
    if len(content) > limit:
        raise BadCatalogueDirectory(f"{path} is larger than {limit} bytes.")
    return content
