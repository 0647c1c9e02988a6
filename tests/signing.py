"""Signed releases for tests: real keys, real envelopes, and the facts that fit them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.model import Permissions, PluginId, ReleaseId, Source, UiType
from gateway.trust.envelope import Envelope, dump_envelope, sign_payload
from gateway.trust.facts import Facts
from gateway.trust.keys import PrivateKey, generate
from gateway.trust.policy import Policy
from gateway.trust.statement import ReleaseLock, make_statement

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ONE, TWO, STRANGER = generate(), generate(), generate()
IMAGE = "sha256:" + "1" * 64
OTHER = "sha256:" + "2" * 64


def lock(**changes: Any) -> ReleaseLock:
    told: dict[str, Any] = {
        "plugin": "acme-notes",
        "version": "1.2.0",
        "ui_type": UiType.STATIC,
        "permissions": {"egress": ["api.acme.example:443"], "volumes": ["data"]},
        "signed_at": NOW - DAY,
    }
    return ReleaseLock.model_validate(told | changes)


def signed(
    *keys: PrivateKey, subjects: Mapping[str, str] | None = None, said: ReleaseLock | None = None
) -> Envelope:
    payload = make_statement({"image": IMAGE} if subjects is None else subjects, said or lock())
    return sign_payload(payload, keys or (ONE,))


def envelope(*keys: PrivateKey, **more: Any) -> bytes:
    return dump_envelope(signed(*keys, **more))


def facts(**changes: Any) -> Facts:
    told: dict[str, Any] = {
        "plugin": PluginId("acme-notes"),
        "version": "1.2.0",
        "source": Source.OCI,
        "release": ReleaseId("acme-notes-0123456789ab"),
        "subjects": {"image": IMAGE},
        "permissions": Permissions(egress=("api.acme.example:443",), volumes=("data",)),
        "ui_type": UiType.STATIC,
    }
    return Facts(**(told | changes))


def signer(*keys: PrivateKey | dict[str, Any], **changes: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "plugins": ["acme-*"],
        "permissions": {"egress": ["*.acme.example:443"]},
        "keys": [key if isinstance(key, dict) else {"public": key.public.line} for key in keys or (ONE,)],
    }
    return told | changes


def policy(acme: dict[str, Any] | None = None, **changes: Any) -> Policy:
    return Policy.model_validate({"signers": {"acme": acme or signer()}} | changes)
