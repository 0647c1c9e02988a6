"""A publisher of a catalogue: writes indexes, signs them, and puts them on a web server."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.catalogue.index import PAYLOAD_TYPE
from gateway.digests import canonical_json
from gateway.trust.envelope import dump_envelope, sign_payload
from gateway.trust.keys import PrivateKey, generate
from gateway.trust.times import write_moment
from tests.fakes.web import Page, Web

MODULE = b"export function mount(root) { root.textContent = 'from a catalogue'; }\n"
MODULE_2 = b"export function mount(root) { root.textContent = 'newer, from a catalogue'; }\n"


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def version(plugin: str, number: str, **more: Any) -> dict[str, Any]:
    """One version, from a CDN unless its definition says otherwise."""
    definition = {
        "id": plugin,
        "version": number,
        "source": "cdn",
        "uiConfig": {"componentUrl": f"https://cdn.example/{plugin}-{number}.js"},
        "checksum": digest(MODULE),
        **more.pop("definition", {}),
    }
    return {"version": number, "definition": definition, **more}


def plugin(id_: str, *versions: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": id_, "name": id_.title(), "versions": list(versions or [version(id_, "1.0.0")]), **more}


def index(*plugins: Mapping[str, Any], serial: int = 1, days: float = 30, **more: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "catalogue": 1,
        "name": "acme",
        "title": "Acme's plugins",
        "serial": serial,
        "issued": write_moment(now - timedelta(days=60)),
        "expires": write_moment(now + timedelta(days=days)),
        "plugins": list(plugins),
        **more,
    }


def signed(
    document: Mapping[str, Any], keys: Sequence[PrivateKey], payload_type: str = PAYLOAD_TYPE
) -> bytes:
    return dump_envelope(sign_payload(canonical_json(document), keys, payload_type))


@dataclass
class Publisher:
    """Hosts ``index.json`` and whatever is put beside it."""

    key: PrivateKey = field(default_factory=generate)
    web: Web = field(default_factory=Web)
    base: str = ""

    @property
    def url(self) -> str:
        return f"{self.base}/index.json"

    def publish(self, *plugins: Mapping[str, Any], **more: Any) -> None:
        self.put(signed(index(*plugins, **more), [self.key]))

    def put(self, content: bytes, path: str = "/index.json") -> None:
        self.web.pages[path] = Page(content)

    def away(self) -> None:
        self.web.pages["/index.json"] = Page(status=502)

    def offered(self, id_: str, *numbers: str, **more: Any) -> dict[str, Any]:
        """A plugin whose modules are hosted here as well."""
        versions = []
        for at, number in enumerate(numbers):
            content = MODULE_2 if at else MODULE
            self.put(content, f"/{id_}-{number}.js")
            place = {
                "uiConfig": {"componentUrl": f"{self.base}/{id_}-{number}.js"},
                "checksum": digest(content),
            }
            versions.append(version(id_, number, definition={**place, "uiType": "static"}))
        return plugin(id_, *versions, **more)


def picture(red: int = 200, width: int = 320, height: int = 180) -> bytes:
    """A PNG of one colour and its frame."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b""
    for y in range(height):
        rows += b"\0" + b"".join(
            bytes((red, 120, 90)) if 8 < x < width - 8 and 8 < y < height - 8 else b"\x30\x38\x48"
            for x in range(width)
        )
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
