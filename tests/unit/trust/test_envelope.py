"""Envelopes: as the DSSE specification has them, and as other programs read and write them."""

from __future__ import annotations

import base64
import json

import pytest
from securesystemslib.dsse import Envelope as LibraryEnvelope
from securesystemslib.signer import CryptoSigner, Key, SSlibKey

from gateway.trust.envelope import (
    PAYLOAD_TYPE,
    Envelope,
    add_signatures,
    dump_envelope,
    parse_envelope,
    sign_payload,
    verifying_keys,
)
from gateway.trust.keys import parse_public
from tests.signing import ONE, STRANGER, TWO, envelope, signed


def test_what_is_signed_is_what_the_specification_says() -> None:
    """The example of the DSSE specification, protocol.md."""
    assert Envelope(b"hello world", "http://example.com/HelloWorld", ()).signed_bytes == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_the_library_reads_and_verifies_what_we_write() -> None:
    theirs = LibraryEnvelope.from_dict(json.loads(envelope(ONE, TWO)))
    keys: list[Key] = [
        SSlibKey(key.public.id, "ed25519", "ed25519", {"public": key.public.material.hex()})
        for key in (ONE, TWO)
    ]
    assert set(theirs.verify(keys, 2)) == {ONE.public.id, TWO.public.id}


def test_we_read_and_verify_what_the_library_writes() -> None:
    theirs = LibraryEnvelope(b"{}", PAYLOAD_TYPE, {})
    signer = CryptoSigner.generate_ed25519()
    theirs.sign(signer)
    ours = parse_envelope(json.dumps(theirs.to_dict()).encode())
    material = bytes.fromhex(signer.public_key.keyval["public"])
    key = parse_public("ed25519:" + base64.b64encode(material).decode())
    assert verifying_keys(ours, [ONE.public, key]) == (key,)


def test_base64_in_either_alphabet() -> None:
    document = json.loads(envelope())
    for one in (document, *document["signatures"]):
        for name in {"payload", "sig"} & one.keys():
            one[name] = one[name].replace("+", "-").replace("/", "_")
    assert parse_envelope(json.dumps(document).encode()) == signed()


def test_signatures_are_added_and_none_is_lost() -> None:
    alone = signed(ONE)
    unnamed = Envelope(
        alone.payload,
        alone.payload_type,
        tuple(type(s)("", s.signature) for s in (*alone.signatures, *signed(STRANGER).signatures)),
    )
    more = add_signatures(unnamed, [TWO, TWO])
    assert len(more.signatures) == 3
    assert verifying_keys(more, [STRANGER.public, TWO.public, ONE.public]) == (
        STRANGER.public,
        TWO.public,
        ONE.public,
    )
    assert add_signatures(more, [TWO]) == more
    assert parse_envelope(dump_envelope(more)) == more


def test_nobody_and_nothing() -> None:
    with pytest.raises(ValueError, match="at least one key"):
        sign_payload(b"x", [])
    assert verifying_keys(signed(), []) == ()
