"""Rules for headers, tried with any names and values: no identity is forged, no answer is split."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from plugway.plugin.v1.http_pb2 import HttpHeader, HttpRequest, HttpResponse

from gateway.proxy.answer import complete_head, open_head
from gateway.proxy.failures import CallFailed
from gateway.proxy.head import set_context, take
from gateway.proxy.headers import named_in_connection

# What stands behind the gateway may believe these; nobody but the gateway may say them.
OURS = re.compile(
    rb"(x[-_](plugway|forwarded|envoy|original|rewrite)[-_].*|forwarded|via|x[-_]real[-_]ip|x[-_]client[-_]ip"
    rb"|true[-_]client[-_]ip|authorization|cookie|te|trailer|upgrade|proxy[-_].*|keep[-_]alive|connection"
    rb"|transfer[-_]encoding|expect)"
)
FOR_THE_HOST = {
    b"set-cookie", b"content-security-policy", b"strict-transport-security", b"clear-site-data",
    b"service-worker-allowed", b"transfer-encoding", b"connection", b"access-control-allow-origin",
}  # fmt: skip
TOKEN = st.text(alphabet="abcxyz-_!1", min_size=1, max_size=12).map(str.encode)
NAMED = st.sampled_from(
    [
        b"x-plugway-user", b"x_plugway_user", b"x-plugway_role", b"x-forwarded-for", b"x_forwarded_host",
        b"forwarded", b"via", b"x-real-ip", b"connection", b"te", b"upgrade", b"cookie", b"authorization",
        b"accept", b"content-type", b"x-request-id", b"traceparent", b"proxy-authorization", b"expect",
    ]
)  # fmt: skip
VALUE = st.binary(max_size=30).filter(lambda raw: not re.search(rb"[\r\n\0]", raw))
SENT = st.lists(st.tuples(NAMED | TOKEN, VALUE), max_size=12)


@settings(max_examples=400)
@given(SENT)
def test_no_request_forges_or_strips_an_identity(sent: list[tuple[bytes, bytes]]) -> None:
    request = HttpRequest()
    head = take(sent, request)
    set_context(request, head, {"scheme": "http", "client": ("192.0.2.7", 1)}, "/plugins/x/api", None, "x")
    assert not [header.name for header in request.headers if OURS.fullmatch(header.name)]
    assert request.context.client_address == "192.0.2.7"
    assert request.context.user == request.context.role == ""
    assert re.fullmatch(r"[A-Za-z0-9._-]{8,64}", request.context.request_id)
    dropped = named_in_connection(value for name, value in sent if name == b"connection")
    plain = [(n, v) for n, v in sent if n not in dropped and n in (b"accept", b"content-type")]
    passed = [(header.name, header.value) for header in request.headers]
    assert [pair for pair in passed if pair[0] in (b"accept", b"content-type")] == plain


ANSWERED = st.lists(
    st.tuples(
        st.sampled_from([*FOR_THE_HOST, b"Set-Cookie", b"X-Plugway-User", b"content-length", b"etag"])
        | TOKEN
        | st.binary(max_size=8),
        st.binary(max_size=20),
    ),
    max_size=8,
)


@settings(max_examples=400)
@given(st.integers(0, 1000), ANSWERED, st.sampled_from(["GET", "HEAD"]), st.integers(0, 99))
def test_no_answer_speaks_for_the_host_or_is_split(
    status: int, answered: list[tuple[bytes, bytes]], method: str, size: int
) -> None:
    headers = [HttpHeader(name=name, value=value) for name, value in answered]
    response = HttpResponse(status=status, headers=headers)
    try:
        whole = complete_head(response, "r" * 8, method, size)
    except CallFailed:
        whole = []
    try:
        begun = open_head(response, "r" * 8)[0]
    except CallFailed:
        assert not whole
        return
    assert 200 <= status <= 599
    for pairs in (whole, begun):
        fit(pairs)


def fit(pairs: list[tuple[bytes, bytes]]) -> None:
    names = [name for name, _ in pairs]
    assert all(re.fullmatch(rb"[!#$%&'*+.^_`|~0-9a-z-]+", name) for name in names)
    assert not [value for _, value in pairs if re.search(rb"[\r\n\0]", value)]
    assert names.count(b"content-length") <= 1
    own = {b"content-security-policy": 1}
    assert not [name for name in FOR_THE_HOST if names.count(name) > own.get(name, 0)]
    assert not [name for name in names if name.startswith(b"x-plugway-")]
