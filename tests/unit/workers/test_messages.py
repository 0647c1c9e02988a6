from __future__ import annotations

import pytest

from gateway.call_limits import Limits
from gateway.model import (
    Access as RouteAccess,
)
from gateway.model import Endpoint, InstanceId, PluginId, PluginState, ReleaseId, RouteRule, TlsFiles, UiType
from gateway.registry.circuits import CircuitReport
from gateway.registry.recordings import RecordedBody, RecordedCall
from gateway.routing import Personal, Preview, Recording, Route, Target
from gateway.ui_bundles import PackedUi, UiBundle
from gateway.workers.messages import (
    LONGEST,
    Access,
    Ack,
    Beat,
    Behind,
    Circuit,
    CircuitGone,
    Counted,
    Failed,
    Garbled,
    Good,
    Hello,
    Logged,
    Measured,
    Message,
    Recorded,
    RouteCounts,
    Routes,
    Serving,
    Uncounted,
    Unrecorded,
    Unserved,
    Used,
    Watched,
    Welcome,
    decode,
    encode,
    encode_route,
    encode_routes,
    head,
)
from tests.workers import taken

NOTES = InstanceId("notes-1")


def full_route(plugin: str = "notes") -> Route:
    """No field of anything in it has its default."""
    endpoint = Endpoint(
        instance_id=NOTES,
        address="host:1",
        incarnation="7-1.5",
        tls=TlsFiles(ca="a", certificate="b", key="c", server_name="d"),
        mounted=True,
        plugin="notes",
    )
    rule = RouteRule(path_prefix="/x", access=RouteAccess.PUBLIC, methods=frozenset({"GET", "PUT"}))
    ui = UiBundle(
        digest="sha256:1",
        type=UiType.STATIC,
        entry="i.js",
        styles=("a.css",),
        files={"i.js": "f" * 64},
        packed=PackedUi(
            version=1, entry="e" * 64, modules={"i.js": "b" * 64}, styles={"a.css": "d" * 64}, why_not="why"
        ),
    )
    target = Target(
        release_id=ReleaseId("r1"), version="1.0.0", endpoints=(endpoint,), weight=20, warm=True, ui=ui,
        rules=(rule,), one_way=True, templates=("/x/{y}",),
    )  # fmt: skip
    return Route(
        plugin_id=PluginId(plugin),
        name="Notes \u00e4",
        state=PluginState.UPDATING,
        reason="why",
        retry_after=2.5,
        targets=(target,),
        limits=Limits(max_body=1, timeout=2.0, stream_idle=3.0, body_idle=4.0, max_concurrent=5),
        preview=Preview(release_id=ReleaseId("r2"), header="x-h", cookie="c"),
        personal=(Personal(user="ann", target=target, reason="away"),),
        recording=Recording(id="r", user="ann", most=5),
    )


MESSAGES: list[Message] = [
    Hello(protocol=1, name="w1", pid=5, started_at=1.5, configuration="c", serving=True),
    Welcome(configuration="c", settings={"home": "/h", "port": 1, "none": None}),
    Access(table=b"\x00\xff\xfe"),
    Used(times={"t": 1.5}),
    Routes(epoch=3, number=4, base=3, gone=(PluginId("gone"),), put=(full_route(),)),
    Watched(doubted=frozenset({NOTES}), measured={NOTES: 3}),
    Beat(free=5, lag=0.5, share=0.25, cpu=1.5, memory=7),
    Serving(),
    Ack(epoch=1, number=2),
    Behind(),
    Failed(instance=NOTES, reason="it died"),
    Good(instance=NOTES),
    Measured(instance=NOTES, span=2, calls=3, errors=1, buckets=(1, 2)),
    Unserved(refused=(("notes", "rate-limited", 3),), retried={"notes": 2}),
    Circuit(
        report=CircuitReport(
            plugin=PluginId("notes"), instance=NOTES, incarnation="1", state="open", until=2.5, times=1
        )
    ),
    CircuitGone(instance=NOTES, incarnation="1"),
    Counted(
        plugin="notes",
        version="1",
        release="r1",
        active=3,
        routes={"/x/{y}": RouteCounts(calls=(1, 2), buckets=(3,), seconds=0.5)},
    ),
    Uncounted(plugin="notes", version="1", release="r1"),
    Logged(lines=b"a line\n"),
    Recorded(
        call=RecordedCall(
            recording="r",
            at=1.5,
            took=0.5,
            user="ann",
            role="admin",
            release="r1",
            method="PUT",
            path=b"/%ff",
            query=b"a=\xff",
            headers=((b"a", b"\xff"),),
            body=RecordedBody(size=1, sha256="a", content=b"\x00\xff"),
            status=200,
            answer_headers=((b"b", b"c"),),
            answer=RecordedBody(size=9, sha256="b", content=None),
            broken="why",
        )
    ),
    Unrecorded(recording="r", calls=3),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_what_is_sent_is_what_comes(message: Message) -> None:
    assert taken(encode(message)) == message


def test_routes_that_were_encoded_before_are_put_in() -> None:
    routes = Routes(epoch=1, number=2, base=1, gone=(PluginId("gone"),))
    frame = encode_routes(routes, [encode_route(full_route("a")), encode_route(full_route("b"))])
    message = taken(frame)
    assert isinstance(message, Routes)
    assert message.put == (full_route("a"), full_route("b"))
    assert (message.epoch, message.number, message.base, message.gone) == (1, 2, 1, ("gone",))
    assert taken(encode_routes(routes, [])) == routes


def test_garbage_is_named_so() -> None:
    with pytest.raises(Garbled):
        head((LONGEST + 1).to_bytes(4, "big") + b"\0")
    with pytest.raises(Garbled):
        head(b"\0\0\0\1\xff")
    with pytest.raises(Garbled):
        decode(0, b'{"value":{"protocol":1}}')
    with pytest.raises(Garbled):
        decode(0, b"\xff\xfe")
