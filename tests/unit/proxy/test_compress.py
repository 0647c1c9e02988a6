from __future__ import annotations

import pytest
from plugway.plugin.v1.http_pb2 import HttpHeader

from gateway.model import Caller
from gateway.proxy.compress import (
    BR,
    GZIP,
    LEAST,
    NONE,
    agree,
    compressible,
    may_shrink,
    negotiated,
    strong_tags,
)
from gateway.proxy.headers import Pairs


@pytest.mark.parametrize(
    ("accept", "sized", "stream"),
    [
        (b"gzip, deflate, br, zstd", BR, GZIP),
        (b"gzip", GZIP, GZIP),
        (b"br", BR, BR),
        (b"br;q=0.5, gzip;q=0.8", GZIP, GZIP),
        (b"br;q=0.8, gzip;q=0.5", BR, BR),
        (b"br;q=0, gzip;q=0", NONE, NONE),
        (b"*", GZIP, GZIP),
        (b"gzip;q=0, *", NONE, NONE),
        (b"identity", NONE, NONE),
        (b"deflate", NONE, NONE),
        (b"gzip;q=high", NONE, NONE),
        (b"GZIP ; Q=1", GZIP, GZIP),
        (b",;,;q=1", NONE, NONE),
    ],
)
def test_the_client_chooses(accept: bytes, sized: bytes, stream: bytes) -> None:
    assert negotiated(accept) == sized
    assert negotiated(accept, sized=False) == stream


@pytest.mark.parametrize(
    ("kind", "shrinks"),
    [
        (b"application/json", True),
        (b"Text/HTML; charset=utf-8", True),
        (b"application/problem+json", True),
        (b"image/svg+xml", True),
        (b"application/x-ndjson", True),
        (b"text/event-stream", False),
        (b"text/event-stream; charset=utf-8", False),
        (b"image/png", False),
        (b"application/octet-stream", False),
        (b"video/mp4", False),
        (b"", False),
    ],
)
def test_what_shrinks(kind: bytes, shrinks: bool) -> None:
    assert compressible(kind) is shrinks


def head(*more: tuple[bytes, bytes], kind: bytes = b"text/plain", size: int = LEAST) -> Pairs:
    return [(b"content-type", kind), (b"content-length", b"%d" % size), *more]


def test_the_head_is_that_of_the_coded_answer() -> None:
    headers = head((b"etag", b'"x"'), (b"accept-ranges", b"bytes"), (b"vary", b"origin"))
    assert agree(b"gzip", 200, headers, []) == GZIP
    assert headers == [
        (b"content-type", b"text/plain"),
        (b"etag", b'W/"x"'),
        (b"vary", b"origin"),
        (b"vary", b"accept-encoding"),
        (b"content-encoding", b"gzip"),
    ]
    weak = head((b"etag", b'W/"x"'))
    agree(b"gzip", 200, weak, [])
    assert (b"etag", b'W/"x"') in weak


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (206, head()),
        (204, head()),
        (304, head()),
        (200, head(size=LEAST - 1)),
        (200, head(kind=b"image/png")),
        (200, head((b"content-encoding", b"zstd"))),
        (200, head((b"content-range", b"bytes 0-1/2"))),
        (200, head((b"content-digest", b"sha-256=:x:"))),
        (200, head((b"cache-control", b"max-age=5, No-Transform"))),
        (200, []),
    ],
    ids=["part", "empty", "same", "small", "picture", "coded", "range", "digest", "no-transform", "untyped"],
)
def test_what_stays_as_it_is(status: int, headers: Pairs) -> None:
    before = list(headers)
    assert agree(b"br, gzip", status, headers, []) == NONE
    assert headers == before


def test_a_client_that_wants_it_untouched_or_takes_no_coding_gets_it_so() -> None:
    headers = head((b"etag", b'"x"'))
    before = list(headers)
    asked = [HttpHeader(name=b"cache-control", value=b"no-transform")]
    assert agree(b"gzip", 200, headers, asked) == NONE
    assert headers == before
    assert agree(b"identity", 200, headers, []) == NONE
    assert headers == [*before, (b"vary", b"accept-encoding")]


def test_a_session_has_its_answers_shrunk_for_our_own_pages_only() -> None:
    """What an attacker's page makes a browser ask tells nothing by its length (BREACH)."""
    token, session = Caller(user="a", role="admin"), Caller(user="a", role="admin", session="s")
    ours, foreign = [(b"sec-fetch-site", b"same-origin")], [(b"sec-fetch-site", b"same-site")]
    assert may_shrink(token, foreign)
    assert may_shrink(None, [])
    assert may_shrink(session, ours)
    assert not may_shrink(session, foreign)
    assert not may_shrink(session, [])


def test_tags_that_were_made_weak_are_told_as_they_were() -> None:
    assert strong_tags(b'W/"a", "b"') == b'"a", "b"'
    assert strong_tags(b"*") == b"*"
