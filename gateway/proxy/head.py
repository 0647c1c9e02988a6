"""The head of a call: what a plugin gets to see of it, and what the gateway keeps for itself."""

from __future__ import annotations

import itertools
import re
import secrets
from typing import Any

from plugway.plugin.v1.http_pb2 import HttpRequest

from gateway.access.roles import role_on
from gateway.model import Caller
from gateway.proxy import headers as rules
from gateway.proxy.headers import named_in_connection, request_kind

_kinds = rules._request_kinds
_PASSED_ON = frozenset({rules.HOST, rules.LENGTH, rules.ACCEPT_ENCODING, rules.IF_MATCH})
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
# Zeros are no ids (W3C Trace Context, 3.2.2); ff is no version, and a later one may say more behind the same.
_IDS = rb"-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
_TRACE = re.compile(rb"00" + _IDS + rb"|(?!00|ff)[0-9a-f]{2}" + _IDS + rb"(?:-[!-~]{0,200})?")
# One unguessable prefix a process, then a number: unique without a call into the system.
_PREFIX = secrets.token_hex(6)
_number = itertools.count(1)


class Head:
    """What the gateway needs of a call's headers. ``length`` is None where it is unknown."""

    __slots__ = (
        "accept",
        "authorization",
        "chunked",
        "connection",
        "cookie",
        "host",
        "if_match",
        "length",
        "release",
        "request_id",
        "trace",
    )

    def __init__(self) -> None:
        self.accept = b""
        self.authorization: bytes | None = None
        self.cookie: bytes | None = None
        self.connection: list[bytes] | None = None
        self.length = 0
        self.chunked = False
        self.host = b""
        self.if_match = False
        self.release = b""
        self.request_id = ""
        self.trace = b""

    @property
    def trace_id(self) -> str:
        """Of the trace that the caller goes on with, or empty."""
        return self.trace[3:35].decode()


def take(headers: list[tuple[bytes, bytes]], request: HttpRequest) -> Head:
    """Copy the headers that pass into ``request``; the others are dropped or kept in the head."""
    head = Head()
    add = request.headers.add
    kinds = _kinds
    for name, value in headers:
        kind = kinds.get(name)
        if kind is None:
            kind = request_kind(name)
        if not kind:
            add(name=name, value=value)
        elif kind != rules.DROP:
            _keep(head, kind, name, value, request)
    if head.connection is not None:
        _drop_named(request, named_in_connection(head.connection))
    if not head.request_id:
        head.request_id = f"{_PREFIX}{next(_number):08x}"
    return head


def _keep(head: Head, kind: int, name: bytes, value: bytes, request: HttpRequest) -> None:
    if kind in _PASSED_ON:
        request.headers.add(name=name, value=value)
        _note(head, kind, value)
    elif kind == rules.AUTHORIZATION:
        head.authorization = value
    elif kind == rules.COOKIE:
        head.cookie = value if head.cookie is None else head.cookie + b"; " + value
    elif kind == rules.CONNECTION:
        if value.lower() not in (b"keep-alive", b"close"):
            head.connection = [*(head.connection or ()), value]
    elif kind == rules.ENCODED:
        head.chunked = True
    elif kind == rules.RELEASE:
        head.release = value
    elif kind == rules.TRACE:
        if _TRACE.fullmatch(value):
            head.trace = value
    elif kind == rules.REQUEST_ID and _REQUEST_ID.fullmatch(value):
        head.request_id = value.decode()


def _note(head: Head, kind: int, value: bytes) -> None:
    """What the plugin and the gateway both want to know."""
    if kind == rules.HOST:
        head.host = value
    elif kind == rules.LENGTH:
        head.length = int(value)
    elif kind == rules.ACCEPT_ENCODING:
        head.accept = head.accept + b"," + value if head.accept else value
    else:
        head.if_match = True


def plain_head(headers: list[tuple[bytes, bytes]]) -> Head:
    """The head of a call that goes to no plugin."""
    return take(headers, HttpRequest())


def _drop_named(request: HttpRequest, named: set[bytes]) -> None:
    kept = [(header.name, header.value) for header in request.headers if header.name not in named]
    del request.headers[:]
    for name, value in kept:
        request.headers.add(name=name, value=value)


def set_context(
    request: HttpRequest, head: Head, scope: Any, base_path: str, caller: Caller | None, plugin: str
) -> None:
    """What the gateway vouches for."""
    context = request.context
    context.request_id = head.request_id
    context.base_path = base_path
    context.scheme = scope["scheme"]
    if caller is not None:
        context.user = caller.user
        context.role = role_on(caller, plugin)
    if head.host:
        context.host = head.host.decode("latin-1")
    if head.trace:
        context.traceparent = head.trace.decode()
    client = scope.get("client")
    if client:
        context.client_address = client[0]
