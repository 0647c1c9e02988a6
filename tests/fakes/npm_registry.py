"""An npm registry that signs: packuments, tarballs and keys as the public one gives them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.fakes.web import Page, Web

KEY_ID = "SHA256:test-key"


def tarball(files: Mapping[str, str | bytes], top: str = "package") -> bytes:
    """A tgz as ``npm pack`` makes it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(f"{top}/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(out.getvalue(), mtime=0)


def package(name: str, version: str, **fields: Any) -> bytes:
    """A tarball with a page of one module, and ``fields`` in its package.json."""
    document = {"name": name, "version": version, "exports": "./index.js", **fields}
    module = f"export function mount(root) {{ root.textContent = 'page {version}'; }}\n"
    return tarball({"package.json": json.dumps(document), "index.js": module})


def integrity_of(content: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()


@dataclass
class Registry:
    """Publish packages, then serve ``web``. ``base`` is where it will be reached."""

    web: Web = field(default_factory=Web)
    base: str = ""
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)

    def publish(self, name: str, version: str, content: bytes, *, sign: bool = True) -> dict[str, Any]:
        """Returns the version's ``dist``, to be spoilt by a test."""
        file = f"/{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
        integrity = integrity_of(content)
        dist: dict[str, Any] = {
            "tarball": self.base + file,
            "integrity": integrity,
            "shasum": hashlib.sha1(content, usedforsecurity=False).hexdigest(),
        }
        if sign:
            dist["signatures"] = [{"keyid": KEY_ID, "sig": self.signature(f"{name}@{version}:{integrity}")}]
        document = self.documents.setdefault(
            name, {"name": name, "dist-tags": {}, "versions": {}, "time": {}}
        )
        document["versions"][version] = {"name": name, "version": version, "dist": dist}
        document["dist-tags"]["latest"] = version
        document["time"][version] = "2026-01-01T00:00:00.000Z"
        self.web.pages[file] = Page(content)
        self.web.pages["/" + name.replace("/", "%2F")] = lambda _: Page(json.dumps(document).encode())
        return dist

    def signature(self, text: str) -> str:
        return base64.b64encode(self.key.sign(text.encode(), ec.ECDSA(SHA256()))).decode()

    def show_keys(self, expires: str | None = None) -> None:
        self.web.pages["/-/npm/v1/keys"] = Page(self.listed_keys(expires))

    def listed_keys(self, expires: str | None = None) -> bytes:
        """What it answers for its keys."""
        public = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        key = {
            "keyid": KEY_ID,
            "keytype": "ecdsa-sha2-nistp256",
            "scheme": "ecdsa-sha2-nistp256",
            "key": base64.b64encode(public).decode(),
            "expires": expires,
        }
        return json.dumps({"keys": [key]}).encode()
