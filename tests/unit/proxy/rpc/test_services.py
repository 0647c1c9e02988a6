"""Which plugin a service is of, who may call a method, and what is said in gRPC's own words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from google.rpc import status_pb2
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import PlugwayError, Unauthenticated
from gateway.model import Access, RouteRule
from gateway.proxy.counters import CallMetrics
from gateway.proxy.failures import CallFailed
from gateway.proxy.paths import Rules
from gateway.proxy.rpc.deadline import read_timeout, write_timeout
from gateway.proxy.rpc.fields import first, last, passing
from gateway.proxy.rpc.request import is_rpc, read
from gateway.proxy.rpc.services import ServiceIndex, access
from gateway.proxy.rpc.status import AmbiguousService, UnknownService, counted_as, quoted, trailers_of
from gateway.proxy.table import RouteTable
from gateway.proxy.typed.api import TypedApi
from gateway.registry.boards import SnapshotBoard
from tests.fakes.data_plane import endpoint, route
from tests.fakes.typed_library import LIBRARY, descriptor_set

SERVICE = "raw.v1.Raw"


def index(**installed: float) -> ServiceIndex:
    table, board = RouteTable(CallMetrics(), lambda _: None), SnapshotBoard()
    routes = {}
    for name, at in installed.items():
        made = replace(route(plugin=name), services=(SERVICE, "plugway.plugin.v1.X"), installed=at)
        routes[made.plugin_id] = made
    board.publish(routes)
    table.update(board.current)
    return ServiceIndex(table.routes)


def test_the_first_that_was_installed_answers() -> None:
    both = index(aaa=2.0, zzz=1.0)
    assert both.find(SERVICE, b"").key == b"zzz"
    assert both.find(SERVICE, b"aaa").key == b"aaa"
    with pytest.raises(UnknownService, match="mmm"):
        both.find(SERVICE, b"mmm")
    with pytest.raises(AmbiguousService, match="aaa, zzz"):
        index(aaa=1.0, zzz=1.0).find(SERVICE, b"")
    with pytest.raises(UnknownService):
        both.find("plugway.plugin.v1.X", b"aaa")


@pytest.fixture(scope="module")
def library() -> TypedApi:
    return TypedApi(descriptor_set(), (LIBRARY,))


USER, ADMIN, PUBLIC = Access.USER, Access.ADMIN, Access.PUBLIC


@pytest.mark.parametrize(
    ("method", "rules", "needed"),
    [
        ("GetBook", [], USER),
        ("Plain", [("/v1", ADMIN)], USER),
        # What guards a JSON path guards the method behind it, though its own path is another.
        ("GetBook", [("/v1/books", ADMIN)], ADMIN),
        ("GetBook", [("/v1/volumes", ADMIN), ("/", PUBLIC)], ADMIN),
        ("GetBook", [("/v1/books/secret", ADMIN), ("/v1", PUBLIC)], ADMIN),
        ("GetBook", [("/v1", PUBLIC)], USER),
        ("GetBook", [("/", PUBLIC)], PUBLIC),
        ("GetBook", [("/", PUBLIC), ("/v1/books", ADMIN)], PUBLIC),
        ("GetNamed", [("/v1/shelves/1/books", ADMIN)], ADMIN),
        ("GetNamed", [("/v1/shelves/1/tapes", ADMIN)], USER),
        ("GetFile", [("/v1/files/a/b/c", ADMIN)], ADMIN),
        # A rule ends at a segment's border, and the verb is part of the last.
        ("Purge", [("/v1/books", ADMIN)], USER),
        ("Purge", [("/v1/books:purge", ADMIN)], ADMIN),
        # The author's word on the service itself.
        ("GetBook", [("/library.v1.Library", PUBLIC), ("/v1/books", ADMIN)], PUBLIC),
        ("GetBook", [("/library.v1.Library/Purge", PUBLIC), ("/v1/books", ADMIN)], ADMIN),
        ("Purge", [("/library.v1.Library/Purge", ADMIN)], ADMIN),
    ],
    ids=str,
)
def test_who_may_call_a_method(
    library: TypedApi, method: str, rules: list[tuple[str, Access]], needed: Access
) -> None:
    path = f"/{LIBRARY}/{method}".encode()
    made = Rules(tuple(RouteRule(path_prefix=prefix, access=level) for prefix, level in rules))
    assert access(made, path, library.bound.get(path, ())) is needed


def test_rules_for_other_http_methods_do_not_count(library: TypedApi) -> None:
    path = f"/{LIBRARY}/DeleteBook".encode()
    for method, needed in (("GET", USER), ("DELETE", ADMIN)):
        rule = RouteRule(path_prefix="/v1/books", access=ADMIN, methods=frozenset({method}))
        assert access(Rules((rule,)), path, library.bound[path]) is needed


@given(
    st.lists(
        st.tuples(st.lists(st.sampled_from("ab"), max_size=3), st.sampled_from(list(Access))), max_size=4
    ),
    st.lists(st.sampled_from(["a", "b", None]), min_size=1, max_size=3),
    st.lists(st.sampled_from("ab"), min_size=3, max_size=3),
)
def test_no_path_of_a_shape_needs_more_than_the_strictest(
    rules: list[tuple[list[str], Access]], shape: list[str | None], values: list[str]
) -> None:
    made = Rules(tuple(RouteRule(path_prefix="/" + "/".join(p), access=level) for p, level in rules))
    path = "/" + "/".join(one or value for one, value in zip(shape, values, strict=False))
    levels = [PUBLIC, USER, ADMIN]
    strictest = made.strictest("GET", [one.encode() if one else None for one in shape])
    assert levels.index(made.access("GET", path.encode())) <= levels.index(strictest)


@given(st.floats(min_value=0, max_value=1e8))
def test_a_deadline_on_its_way_is_never_shorter(seconds: float) -> None:
    written = write_timeout(seconds)
    back = read_timeout(written)
    assert back is not None
    assert seconds <= back <= seconds * 1.001 + 3601 * (seconds > 1e6) + 61 * (seconds > 1e5) + 2e-6


@pytest.mark.parametrize("value", [b"", b"1", b"S", b"-1S", b"123456789S", b"1s", b"1.5S"], ids=str)
def test_what_is_no_timeout(value: bytes) -> None:
    assert read_timeout(value) is None


def test_errors_in_the_words_of_grpc() -> None:
    error = PlugwayError("50 % ä\n", plugin="notes", reason="user-rate", retry_after=1.5)
    fields = dict(trailers_of(error))
    assert fields[b"grpc-message"] == b"50 %25 %C3%A4"
    assert fields[b"grpc-retry-pushback-ms"] == b"1500"
    assert quoted("a\nb") == b"a%0Ab"
    assert dict(trailers_of(Unauthenticated("x")))[b"grpc-status"] == b"16"
    assert [counted_as(said) for said in (b"0", b"16", b"17", b"x", b"")] == [200, 401, 500, 500, 500]
    assert status_pb2.Status().SerializeToString() == b""


def test_only_what_grpc_allows_passes() -> None:
    kind = (b"content-type", b"application/grpc")
    head = first([(b":status", b"200"), kind, (b"set-cookie", b"a"), (b"x-own", b"1"), (b"date", b"x")], "id")
    assert head == [kind, (b"x-own", b"1"), (b"x-request-id", b"id")]
    for bad in ([(b":status", b"404"), kind], [(b":status", b"200"), (b"content-type", b"text/html")]):
        with pytest.raises(CallFailed):
            first(bad, "id")
    for fields in (None, [], [(b"grpc-status", b"x")]):
        with pytest.raises(CallFailed):
            last(fields)
    with pytest.raises(CallFailed):
        passing([(b"x-own", b"a\r\nb")])
    assert passing([(b"plugway-refused", b"x")]) == []


def scope(path: bytes, *headers: tuple[bytes, bytes], **more: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "http_version": "2",
        "method": "POST",
        "raw_path": path,
        "headers": headers,
        **more,
    }


def test_which_calls_are_of_grpc() -> None:
    def kind(value: bytes, **more: Any) -> bool:
        return is_rpc(scope(b"/a.B/C", (b"content-type", value), **more))

    assert kind(b"application/grpc")
    assert kind(b"application/grpc+proto")
    assert not kind(b"application/grpc-web")
    assert not kind(b"application/json")
    assert not kind(b"application/grpc", http_version="1.1")
    assert not kind(b"application/grpc", method="GET")
    asked = read(scope(b"/a.b.C/Do", (b"plugway-plugin", b"notes"), (b"grpc-timeout", b"5S")))
    assert (asked.service, asked.method, asked.plugin, asked.timeout) == ("a.b.C", "Do", b"notes", 5.0)
    for path in (b"/", b"/a.B", b"/a.B/C/D", b"/a.B/C%20", b"//C", b"/a.B/"):
        with pytest.raises(UnknownService):
            read(scope(path))


def test_a_table_tells_those_who_follow() -> None:
    table, board = RouteTable(CallMetrics(), lambda _: None), SnapshotBoard()
    with table.follow() as changed:
        made = route(endpoint("unix:/nowhere"))
        board.publish({made.plugin_id: made})
        table.update(board.current)
        assert changed.is_set()
        changed.clear()
    table.update(board.current)
    assert not changed.is_set()
