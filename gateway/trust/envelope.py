"""DSSE envelopes: a payload, its type, and signatures over both.

Signing and the check of a single signature are ``securesystemslib``'s. Which signatures count is
decided here: its ``Envelope.verify`` goes by key ids, which an envelope's author chooses freely, so
that an absent one is an error and one key under two ids counts twice. Here an id is a hint for people
and every signature is tried against the material of every key that may count.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gateway.digests import canonical_json
from gateway.trust.keys import PrivateKey, PublicKey
from gateway.trust.refusal import Refused, Rule
from gateway.trust.strict_json import NotStrictJson, read_form

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
MAX_BYTES = 4 * 2**20
"""Size of an envelope; a release of 10 000 files needs about half."""
MAX_SIGNATURES = 16

_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}|[A-Za-z0-9_-]*={0,2}")
_HINT = "Get the release's envelope again from its publisher, or sign it again: plugway sign."


@dataclass(frozen=True, slots=True)
class Signature:
    """``key_id`` is what the envelope says, true or not; empty where it says nothing."""

    key_id: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """Parsed, not verified: nothing of it may be believed yet."""

    payload: bytes
    payload_type: str
    signatures: tuple[Signature, ...]

    @property
    def signed_bytes(self) -> bytes:
        """What signatures are over: payload and type (PAE of the DSSE specification)."""
        from securesystemslib.dsse import Envelope as Dsse

        return Dsse(self.payload, self.payload_type, {}).pae()

    @property
    def claimed_keys(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(s.key_id for s in self.signatures if s.key_id))


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _SignatureForm(_Strict):
    keyid: Annotated[str, StringConstraints(max_length=256)] = ""
    sig: Annotated[str, StringConstraints(min_length=1, max_length=2048)]


class _EnvelopeForm(_Strict):
    payload: Annotated[str, StringConstraints(min_length=1)]
    payload_type: Annotated[str, StringConstraints(min_length=1, max_length=256), Field(alias="payloadType")]
    signatures: Annotated[list[_SignatureForm], Field(min_length=1, max_length=MAX_SIGNATURES)]


def parse_envelope(data: bytes) -> Envelope:
    """Read an envelope; raises :class:`Refused` under rule ``envelope`` and nothing else."""
    try:
        form = read_form(_EnvelopeForm, data, limit=MAX_BYTES)
        return Envelope(
            payload=_decode(form.payload),
            payload_type=form.payload_type,
            signatures=tuple(Signature(s.keyid, _decode(s.sig)) for s in form.signatures),
        )
    except NotStrictJson as error:
        raise _bad(str(error)) from None


def dump_envelope(envelope: Envelope) -> bytes:
    """JSON with one line break at its end."""
    document = {
        "payload": base64.b64encode(envelope.payload).decode(),
        "payloadType": envelope.payload_type,
        "signatures": [
            {"keyid": s.key_id, "sig": base64.b64encode(s.signature).decode()} for s in envelope.signatures
        ],
    }
    return canonical_json(document) + b"\n"


def sign_payload(payload: bytes, keys: Sequence[PrivateKey], payload_type: str = PAYLOAD_TYPE) -> Envelope:
    """An envelope with one signature for each different key; raises ValueError without any."""
    if not keys:
        raise ValueError("at least one key has to sign")
    return add_signatures(Envelope(payload, payload_type, ()), keys)


def add_signatures(envelope: Envelope, keys: Iterable[PrivateKey]) -> Envelope:
    """The envelope with further signatures; a key that has signed already replaces its own."""
    from securesystemslib.signer import CryptoSigner

    data = envelope.signed_bytes
    made = {}
    for key in keys:
        signed = CryptoSigner(key.key, _library_key(key.public)).sign(data)
        made[key.public.id] = Signature(key.public.id, bytes.fromhex(signed.signature))
    kept = (s for s in envelope.signatures if s.key_id not in made)
    return replace(envelope, signatures=(*kept, *made.values()))


def require_type(envelope: Envelope) -> None:
    """Raises :class:`Refused` under rule ``payload-type`` for anything but an in-toto statement."""
    if envelope.payload_type != PAYLOAD_TYPE:
        raise Refused(
            Rule.PAYLOAD_TYPE,
            f"The envelope holds {envelope.payload_type!r}, not {PAYLOAD_TYPE!r}.",
            hint=_HINT,
            keys=envelope.claimed_keys,
        )


def verifying_keys(envelope: Envelope, keys: Iterable[PublicKey]) -> tuple[PublicKey, ...]:
    """Those of ``keys`` that have signed this payload under this type, each once, in order."""
    data = envelope.signed_bytes
    different = dict.fromkeys(keys)
    return tuple(key for key in different if any(_holds(key, s, data) for s in envelope.signatures))


def _holds(key: PublicKey, signature: Signature, data: bytes) -> bool:
    from securesystemslib.exceptions import UnverifiedSignatureError
    from securesystemslib.signer import Signature as LibrarySignature

    claimed = LibrarySignature(key.id, signature.signature.hex())
    try:
        _library_key(key).verify_signature(claimed, data)
    except UnverifiedSignatureError:
        return False
    return True


def _library_key(key: PublicKey) -> SSlibKey:
    from securesystemslib.signer import SSlibKey

    return SSlibKey(key.id, "ed25519", "ed25519", {"public": key.material.hex()})


def _decode(text: str) -> bytes:
    """Base64 in either alphabet, as the DSSE specification asks for."""
    if not _BASE64.fullmatch(text):
        raise _bad("a payload or signature is not base64")
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error:
        raise _bad("a payload or signature is not base64") from None


def _bad(why: str) -> Refused:
    return Refused(Rule.ENVELOPE, f"The signature envelope cannot be read: {why}.", hint=_HINT)
