"""The keys that prove to plugins who calls, and the proof: a JWT for one plugin, one release, one minute."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LIFETIME = 60
"""Seconds that a proof holds."""

RENEW = 30
"""Seconds that it is used again; what a plugin gets holds for the rest of its life."""


@dataclass(frozen=True, kw_only=True)
class CallKey:
    """One Ed25519 key. ``since`` is the Unix time from which it signs, 0 while it waits."""

    id: str
    seed: bytes = field(repr=False)
    since: float = 0.0

    @cached_property
    def _private(self) -> Ed25519PrivateKey:
        # Imported with the first key: a start has better things to do before its plugins begin.
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @property
    def public(self) -> bytes:
        return self._private.public_key().public_bytes_raw()

    def prove(self, *, user: str, role: str, plugin: str, release: str, now: int) -> str:
        """The token: RFC 7519 with the claims that docs/contract.md lists. ``now`` is Unix time."""
        head = {"alg": "EdDSA", "typ": "plugway-call+jwt", "kid": self.id}
        claims = {
            "iss": "plugway", "sub": user, "role": role, "aud": plugin, "release": release,
            "iat": now, "exp": now + LIFETIME,
        }  # fmt: skip
        signed = f"{_json(head)}.{_json(claims)}"
        return f"{signed}.{_text(self._private.sign(signed.encode()))}"


@dataclass(frozen=True, kw_only=True)
class CallKeys:
    """``current`` signs; ``previous`` did before.

    ``next`` is known to plugins a whole period before it signs, so that no plugin has to be waited for.
    """

    current: CallKey
    next: CallKey
    previous: CallKey | None = None

    @classmethod
    def new(cls, now: float) -> CallKeys:
        return cls(current=_new(since=now), next=_new())

    def rolled(self, now: float, period: float) -> CallKeys:
        """These, or their successors where ``current`` has signed for ``period`` seconds."""
        if now - self.current.since < period:
            return self
        turned = CallKey(id=self.next.id, seed=self.next.seed, since=now)
        return CallKeys(current=turned, next=_new(), previous=self.current)

    @cached_property
    def public(self) -> tuple[tuple[str, bytes], ...]:
        """Ids and public keys, for plugins."""
        known = (self.current, self.next, self.previous)
        return tuple((key.id, key.public) for key in known if key is not None)

    def dump(self) -> dict[str, Any]:
        """As a JSON object, secrets and all."""
        return {
            "current": dump_key(self.current),
            "next": dump_key(self.next),
            "previous": dump_key(self.previous) if self.previous else None,
        }

    @classmethod
    def load(cls, document: dict[str, Any]) -> CallKeys:
        previous = document["previous"]
        return cls(
            current=load_key(document["current"]),
            next=load_key(document["next"]),
            previous=load_key(previous) if previous else None,
        )


def dump_key(key: CallKey) -> list[Any]:
    """As JSON, for another process of this gateway."""
    return [key.id, base64.b64encode(key.seed).decode(), key.since]


def load_key(document: Sequence[Any]) -> CallKey:
    """What :func:`dump_key` gave."""
    id_, seed, since = document
    return CallKey(id=str(id_), seed=base64.b64decode(seed), since=float(since))


def _new(since: float = 0.0) -> CallKey:
    return CallKey(id=secrets.token_hex(4), seed=secrets.token_bytes(32), since=since)


def _json(document: dict[str, Any]) -> str:
    return _text(json.dumps(document, separators=(",", ":")).encode())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
