from __future__ import annotations

import base64
import hashlib
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.registry.recordings import CLEARED, RecordedBody, RecordedCall
from gateway.supervisor.clearing import Clearing, is_secret

SECRET = 'pa"ss wörd/4711'
TOKEN = "plugway_zoyD4NweYCX1-K4fWGZ5RqP5E_fOTzv6jZJ1pCKTPhQ"


def body(content: bytes) -> RecordedBody:
    return RecordedBody(size=len(content), sha256=hashlib.sha256(content).hexdigest(), content=content)


def call(
    *, path: bytes = b"/", query: bytes = b"", kind: bytes = b"application/json", asked: bytes = b"",
    answered: bytes = b"", headers: tuple[tuple[bytes, bytes], ...] = (),
) -> RecordedCall:  # fmt: skip
    content = ((b"content-type", kind),)
    return RecordedCall(
        recording="r", at=1.0, took=0.1, user="ann", role="admin", release="r1", method="POST", path=path,
        query=query, headers=(*content, *headers), body=body(asked), status=200, answer_headers=content,
        answer=body(answered),
    )  # fmt: skip


@given(
    secret=st.text(st.characters(codec="utf-8"), min_size=4, max_size=20).filter(
        lambda text: text not in json.dumps({"value": "", "at": [CLEARED]})
    ),
    way=st.sampled_from(["plain", "json", "ascii", "query", "base64", "raw"]),
)
def test_a_secret_setting_is_nowhere_however_it_is_written(secret: str, way: str) -> None:
    encoded = base64.b64encode(secret.encode())
    content = {
        "plain": f"a {secret} b".encode(),
        "json": json.dumps({"value": secret}, ensure_ascii=False).encode(),
        "ascii": json.dumps({"value": secret}).encode(),
        "query": b"x=" + quote(secret, safe="").encode(),
        "base64": b'{"value": "' + encoded + b'"}',
        "raw": b"\xff\x00" + secret.encode() + b"\xff",
    }[way]
    line = Clearing([secret]).line(call(answered=content, kind=b"text/plain"))
    kept = line["answer"]["body"]
    assert line["cleared"] == ["answer"]
    if way == "raw":
        assert not {"text", "base64"} & kept.keys()
        assert kept["sha256"] == "", "nor by its digest"
        return
    assert CLEARED in kept["text"]
    assert secret not in kept["text"].replace(CLEARED, "")
    assert encoded.decode() not in kept["text"]
    assert kept["sha256"] == hashlib.sha256(kept["text"].encode()).hexdigest()


def test_a_short_secret_is_cleared_where_it_is_all_of_a_value_and_words_stay() -> None:
    line = Clearing(["on"]).line(call(asked=b'{"mode": "on", "words": "on and on"}', query=b"a=on&b=one"))
    assert json.loads(line["request"]["body"]["text"]) == {"mode": CLEARED, "words": "on and on"}
    assert line["request"]["query"] == "a=[cleared]&b=one"
    assert line["cleared"] == ["query", "body"]


def test_what_is_secret_by_its_name_or_its_look_is_cleared() -> None:
    proof = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"
    headers = (
        (b"x-api-key", b"one"), (b"x-note", f"Bearer {TOKEN}".encode()), (b"x-proof", proof.encode()),
        (b"accept", b"*/*"),
    )  # fmt: skip
    asked = {"user": {"newPassword": "two", "name": "bob"}, "list": [{"client_secret": "three"}]}
    line = Clearing([]).line(
        call(
            asked=json.dumps(asked).encode(), headers=headers, query=b"X-Amz-Signature=four&page=2",
            path=f"/open/{TOKEN}".encode(),
        )
    )  # fmt: skip
    text = json.dumps(line)
    for secret in ("one", "two", "three", "four", TOKEN, TOKEN[8:], proof):
        assert f'"{secret}' not in text, secret
        assert secret not in text or secret == "one", secret
    assert dict(line["request"]["headers"])["accept"] == "*/*"
    assert json.loads(line["request"]["body"]["text"])["user"]["name"] == "bob"
    assert line["request"]["query"] == "X-Amz-Signature=[cleared]&page=2"
    assert line["cleared"] == ["path", "query", "headers", "body"]


def test_a_form_is_cleared_by_its_names() -> None:
    form = b"application/x-www-form-urlencoded"
    line = Clearing([]).line(call(asked=b"name=ann&password=hush&csrf_token=x", kind=form))
    assert line["request"]["body"]["text"] == "name=ann&password=[cleared]&csrf_token=[cleared]"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"a": 1.0, "nextToken": "p2",  "secretKeyRef": "x", "b": [null, true]}', b"application/json"),
        (b'{"password": 5, "broken', b"application/json"),
        (b"a=b&&c=%ff+d", b"application/x-www-form-urlencoded"),
        (b"plugway_calls_refused_by_the_gateway_in_seconds_total 3", b"text/plain"),
        (bytes(range(256)), b"image/png"),
        (b"", b""),
    ],
    ids=["json", "broken-json", "form", "metrics", "bytes", "nothing"],
)
def test_what_holds_no_secret_stays_as_it_is_byte_by_byte(content: bytes, kind: bytes) -> None:
    line = Clearing([SECRET]).line(call(asked=content, kind=kind, query=b"a=b&&c=%ff+d", path=b"/a%2fb"))
    kept = line["request"]["body"]
    text = kept.get("text")
    assert (base64.b64decode(kept["base64"]) if text is None else text.encode()) == content
    assert (line["request"]["query"], line["request"]["path"]) == ("a=b&&c=%ff+d", "/a%2fb")
    assert "cleared" not in line


def test_names() -> None:
    for name in ("password", "X-API-Key", "apiKey", "clientSecret", "secretKey", "access_token", "X-Token",
                 "private-key", "Authorization", "db.password", "sessionToken"):  # fmt: skip
        assert is_secret(name), name
    for name in (
        "nextToken",
        "page_token",
        "tokens",
        "accessKey",
        "secretName",
        "etag",
        "passwordPolicy",
        "signed",
    ):
        assert not is_secret(name), name
