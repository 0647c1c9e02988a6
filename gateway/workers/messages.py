"""What the control process and its workers tell each other, and how that goes over a stream.

A frame is four bytes of length, one byte that says which message it is, and the message as JSON.
Messages are made from the types of their fields, so what is added to a route travels by itself.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from gateway.model import InstanceId, PluginId
from gateway.registry.circuits import CircuitReport
from gateway.registry.recordings import RecordedCall
from gateway.routing import Route

PROTOCOL = 4
"""Raised where an older worker would misunderstand; one of another number is replaced."""

LONGEST = 256 * 2**20
"""Bytes of one frame; a table of 1,000 plugins is about one MiB."""

_HEAD = struct.Struct(">IB")
HEAD_BYTES = _HEAD.size

T = TypeVar("T")


class _Json(BaseModel, Generic[T]):
    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", extra="ignore")
    value: T


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """A worker's first word. ``configuration`` is what it was started with, as a digest."""

    protocol: int
    name: str
    pid: int
    started_at: float
    configuration: str = ""
    serving: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """What a worker has to know before it serves."""

    configuration: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """By what callers are known, as :class:`~gateway.access.table.AccessTable` writes it."""

    table: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """A routing table, whole (``base`` is None), or what changed since the number ``base``."""

    epoch: int
    number: int
    base: int | None = None
    gone: tuple[PluginId, ...] = ()
    put: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Instances whose next good call is news, and those to be measured, each with its span's number."""

    doubted: frozenset[InstanceId] = frozenset()
    measured: Mapping[InstanceId, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """Sent several times a second, so that silence means something. A worker says how it does.

    ``free`` is how many more calls it takes, ``lag`` how late its loop is in seconds, ``share`` the part
    of the calls that it refuses for that; ``cpu`` the processor's seconds since it started, ``memory`` its
    resident bytes.
    """

    free: int = 0
    lag: float = 0.0
    share: float = 0.0
    cpu: float = 0.0
    memory: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """The worker takes calls from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """Calls follow this table from now on."""

    epoch: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A change does not follow on what the worker has: it needs the whole table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """When tokens were last used, by id (Unix seconds)."""

    times: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A call failed on an instance."""

    instance: InstanceId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Good:
    """A call succeeded on a doubted instance."""

    instance: InstanceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Calls of one instance since the last such message, of the span with this number."""

    instance: InstanceId
    span: int
    calls: int
    errors: int
    buckets: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteCounts:
    """What :class:`~gateway.proxy.counters.Counters` holds."""

    calls: tuple[int, ...]
    buckets: tuple[int, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Counts of one release since the worker started: those of its routes that changed."""

    plugin: str
    version: str
    release: str
    active: int
    routes: Mapping[str, RouteCounts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncounted:
    """The worker says nothing more of this release, which takes no calls."""

    plugin: str
    version: str
    release: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unserved:
    """Calls since the worker started that were refused, by plugin and reason, or tried again, by plugin."""

    refused: tuple[tuple[str, str, int], ...] = ()
    retried: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """Whole lines of the worker's log of calls."""

    lines: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """What the worker says of an instance."""

    report: CircuitReport


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitGone:
    """The worker says nothing more of an instance."""

    instance: InstanceId
    incarnation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A call that was written down."""

    call: RecordedCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrecorded:
    """So many calls of a recording could not be kept, or told."""

    recording: str
    calls: int


Message = (
    Hello | Welcome | Access | Routes | Watched | Beat | Serving | Ack | Behind | Failed | Good | Measured
    | Counted | Used | Unserved | Circuit | CircuitGone | Uncounted | Logged | Recorded | Unrecorded
)  # fmt: skip

_TYPES: tuple[type[Any], ...] = (
    Hello, Welcome, Access, Routes, Watched, Beat, Serving, Ack, Behind, Failed, Good, Measured, Counted,
    Used, Unserved, Circuit, CircuitGone, Uncounted, Logged, Recorded, Unrecorded,
)  # fmt: skip
_NUMBER = {kind: number for number, kind in enumerate(_TYPES)}
_JSON = [_Json[kind] for kind in _TYPES]  # type: ignore[valid-type]  # one model a message
_ROUTE = _Json[Route]


class Garbled(Exception):
    """What came is no message of this protocol."""


def encode(message: Message) -> bytes:
    """The message as a frame."""
    number = _NUMBER[type(message)]
    return _frame(number, _JSON[number].model_construct(value=message).model_dump_json().encode())


def encode_route(route: Route) -> bytes:
    """One route, for :func:`encode_routes`: made once for all workers and all later tables."""
    return _inner(_ROUTE.model_construct(value=route).model_dump_json().encode())


def encode_routes(routes: Routes, put: list[bytes]) -> bytes:
    """The frame of ``routes`` with the routes ``put`` in place of its own."""
    number = _NUMBER[Routes]
    empty = _JSON[number].model_construct(value=routes).model_dump_json().encode()
    assert empty.endswith(b'"put":[]}}')
    return _frame(number, b"".join((empty[:-3], b",".join(put), b"]}}")))


def head(data: bytes) -> tuple[int, int]:
    """Length and kind of a frame; raises :class:`Garbled`."""
    length, number = _HEAD.unpack(data)
    if length > LONGEST or number >= len(_TYPES):
        raise Garbled(f"a frame of {length} bytes of kind {number}")
    return length, number


def decode(number: int, data: bytes) -> Message:
    """The message in a frame of that kind; raises :class:`Garbled`."""
    try:
        message: Message = _JSON[number].model_validate_json(data).value
    except ValueError as error:
        raise Garbled(f"a {_TYPES[number].__name__} that cannot be read: {error}") from error
    return message


def _frame(number: int, data: bytes) -> bytes:
    return _HEAD.pack(len(data), number) + data


def _inner(data: bytes) -> bytes:
    return data[len(b'{"value":') : -1]
