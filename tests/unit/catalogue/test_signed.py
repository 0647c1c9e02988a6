"""Which indexes are believed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalogue.errors import CatalogueRefused
from gateway.catalogue.signed import Expected, Seen, open_index, require_fresh, require_successor
from gateway.digests import canonical_json
from gateway.trust.envelope import PAYLOAD_TYPE, Envelope, Signature, dump_envelope, sign_payload
from gateway.trust.keys import generate
from tests.fakes.catalogue import index, plugin, signed

KEY, OTHER, THIRD = generate(), generate(), generate()
GOOD = signed(index(plugin("clock")), [KEY])


def expected(*keys: object, threshold: int = 1, **more: object) -> Expected:
    return Expected(keys=[k.public for k in keys or (KEY,)], threshold=threshold, **more)  # type: ignore[attr-defined,arg-type]


def refused(data: bytes, wanted: Expected) -> str:
    with pytest.raises(CatalogueRefused) as caught:
        open_index(data, wanted)
    assert caught.value.hint
    return caught.value.reason


def test_an_index_that_is_signed_with_the_key_is_read() -> None:
    found, payload = open_index(GOOD, expected())
    assert found.plugins.keys() == {"clock"}
    assert json.loads(payload)["name"] == "acme"


def test_another_key_does_not_count() -> None:
    assert refused(GOOD, expected(OTHER)) == "signature"


def test_a_changed_payload_is_refused() -> None:
    document = json.loads(GOOD)
    other = json.loads(signed(index(plugin("clock"), serial=2), [OTHER]))
    assert refused(json.dumps(document | {"payload": other["payload"]}).encode(), expected()) == "signature"


def test_a_signature_over_another_type_is_none() -> None:
    release = signed(index(plugin("clock")), [KEY], PAYLOAD_TYPE)
    assert refused(release, expected()) == "unreadable"
    # Nor does it become one by changing the word.
    swapped = {**json.loads(release), "payloadType": json.loads(GOOD)["payloadType"]}
    assert refused(json.dumps(swapped).encode(), expected()) == "signature"


def test_a_threshold_counts_keys_and_not_signatures() -> None:
    payload = canonical_json(index(plugin("clock")))
    kind = json.loads(GOOD)["payloadType"]
    twice = sign_payload(payload, [KEY], kind)
    one = twice.signatures[0]
    twice = Envelope(payload, kind, (one, Signature("another-name", one.signature)))
    assert refused(dump_envelope(twice), expected(KEY, OTHER, threshold=2)) == "threshold"
    both = dump_envelope(sign_payload(payload, [KEY, OTHER], kind))
    assert open_index(both, expected(KEY, OTHER, THIRD, threshold=2))[0].serial == 1


def test_rollback_replacement_and_another_name_are_refused() -> None:
    found, _ = open_index(GOOD, expected())
    for wanted, reason in (
        (expected(seen=Seen(serial=2, sha256="x")), "rollback"),
        (expected(seen=Seen(serial=1, sha256="x")), "replaced"),
        (expected(name="acme-beta"), "other-name"),
    ):
        with pytest.raises(CatalogueRefused) as caught:
            require_successor(found, "y", wanted)
        assert caught.value.reason == reason
    require_successor(found, "y", expected(seen=Seen(serial=1, sha256="y"), name="acme"))
    require_successor(found, "y", expected(seen=Seen(serial=0, sha256="x")))


def test_an_index_past_its_time_is_not_fresh() -> None:
    found, _ = open_index(GOOD, expected())
    require_fresh(found, datetime.now(UTC))
    require_fresh(found, found.expires - timedelta(seconds=1))
    with pytest.raises(CatalogueRefused) as caught:
        require_fresh(found, found.expires)
    assert caught.value.reason == "expired"


@given(st.data())
def test_no_change_of_a_byte_is_let_through(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(GOOD) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != GOOD[at]))
    changed = GOOD[:at] + bytes([byte]) + GOOD[at + 1 :]
    try:
        _, payload = open_index(changed, expected())
    except CatalogueRefused:
        return
    # White space, the key's id and unused bits of base64 are not signed; what they hold is the same.
    assert payload == open_index(GOOD, expected())[1]
