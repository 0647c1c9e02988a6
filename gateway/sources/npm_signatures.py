"""Signatures that an npm registry puts on its versions: ECDSA P-256 over ``name@version:integrity``."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from gateway.errors import BadInput
from gateway.sources.base import SourceUnreadable

_SCHEME = "ecdsa-sha2-nistp256"


class BadRegistrySignature(BadInput):
    """The registry's signature does not fit what the registry says."""

    key, title = "bad-registry-signature", "The registry's signature does not hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A public key of a registry. ``expires`` is ISO 8601, or "" where it does not."""

    id: str
    public: ec.EllipticCurvePublicKey
    expires: str = ""


def read_keys(content: bytes) -> tuple[Key, ...]:
    """The keys of a registry's answer that are of the one known kind; raises :class:`SourceUnreadable`."""
    try:
        listed = json.loads(content)["keys"]
        return tuple(key for said in listed if (key := _key(said)) is not None)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SourceUnreadable("The npm registry's list of keys cannot be read.") from error


def _key(said: Mapping[str, str | None]) -> Key | None:
    if said["scheme"] != _SCHEME:
        return None
    try:
        public = load_der_public_key(base64.b64decode(said["key"] or "", validate=True))
    except UnsupportedAlgorithm:
        return None
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        return None
    return Key(id=str(said["keyid"]), public=public, expires=str(said.get("expires") or ""))


def signing_key(
    text: str, signatures: Sequence[Mapping[str, str]], keys: Sequence[Key], published: str
) -> str:
    """The id of the key whose signature of ``text`` holds; raises :class:`BadRegistrySignature`.

    A key that has expired counts for what was ``published`` (ISO 8601) before.
    """
    known = {key.id: key for key in keys}
    for signature in signatures:
        key = known.get(signature.get("keyid", ""))
        if key is None or not _in_time(key, published):
            continue
        try:
            key.public.verify(
                base64.b64decode(signature.get("sig", ""), validate=True),
                text.encode(),
                ec.ECDSA(SHA256()),
            )
        except (InvalidSignature, ValueError):
            raise BadRegistrySignature(
                f"The signature of {text.rpartition(':')[0]} by the registry's key {key.id} does not hold.",
                hint="Do not install it; somebody on the way may have changed what the registry says.",
            ) from None
        return key.id
    raise BadRegistrySignature(
        f"{text.rpartition(':')[0]} is signed, but by no key that the registry publishes as valid.",
        hint="Ask the registry's operator which keys it signs with.",
    )


def _in_time(key: Key, published: str) -> bool:
    if not key.expires:
        return True
    try:
        return datetime.fromisoformat(published) < datetime.fromisoformat(key.expires)
    except (ValueError, TypeError):
        return False
