"""Proofs of who calls, as a gateway makes them, for tests."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from plugway.plugin.v1 import plugin_pb2

RELEASE = "under-test"
"""The release that a plugin in the harness is."""


class ProofMaker:
    """One key, and the tokens that it signs for one plugin."""

    def __init__(self, plugin: str) -> None:
        self._plugin = plugin
        self._private = Ed25519PrivateKey.generate()

    @property
    def key(self) -> plugin_pb2.CallKey:
        return plugin_pb2.CallKey(id="test", public_key=self._private.public_key().public_bytes_raw())

    def token(self, user: str, role: str, **claims: Any) -> str:
        """``claims`` replace those that a gateway would set; ``""`` without a user."""
        if not user:
            return ""
        now = int(time.time())
        said = {"iss": "plugway", "sub": user, "role": role, "aud": self._plugin, "release": RELEASE}
        said |= {"iat": now, "exp": now + 60, **claims}  # type: ignore[dict-item]  # numbers beside words
        signed = f"{_json({'alg': 'EdDSA', 'typ': 'plugway-call+jwt', 'kid': 'test'})}.{_json(said)}"
        return f"{signed}.{_text(self._private.sign(signed.encode()))}"


def _json(document: Any) -> str:
    return _text(json.dumps(document).encode())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
