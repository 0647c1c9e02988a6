"""Checks of a plugin's health: that it says what is."""

from __future__ import annotations

import grpc
from grpc import aio
from grpc_health.v1 import health_pb2

from gateway.conformance.check import Group, require
from gateway.conformance.subject import UNKNOWN, Subject

group = Group()
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@group.check(
    "health.serving",
    "Health is SERVING for the names \"\", the plugin's id and the instance's id, also while it waits for "
    "settings.",
)
async def serving(subject: Subject) -> str:
    for name in subject.names:
        code = None
        try:
            status = await subject.health(name)
        except aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            code, status = error.code(), 0
        require(
            status == SERVING,
            f"Asked for {name!r}, its health is {code.name if code else words(status)}.",
            "Set the status of all three names when it listens.",
        )
    return " ".join(repr(name) for name in subject.names)


@group.check(
    "health.unknown-name",
    "Any other name answers NOT_FOUND: that is how a gateway notices that another plugin answers.",
)
async def unknown_name(subject: Subject) -> str:
    code = await subject.refused(subject.health(UNKNOWN), grpc.StatusCode.NOT_FOUND)
    require(code is not None, f"It vouches for {UNKNOWN!r}, which it cannot know.", "Answer NOT_FOUND.")
    return "NOT_FOUND"


@group.check("health.watch", "Watch says at once how it is, and again on every change.")
async def watch(subject: Subject) -> str:
    call = subject.watch(subject.manifest.plugin_id)
    try:
        first = await subject.within(call.read(), "A first answer to Watch")
    finally:
        call.cancel()
    status = 0 if first is aio.EOF else first.status
    require(status == SERVING, f"Watch began with {words(status)}; Check says SERVING.")
    return "SERVING at once"


def words(status: int) -> str:
    names: dict[int, str] = {
        value.number: value.name for value in health_pb2.HealthCheckResponse.ServingStatus.DESCRIPTOR.values
    }
    return names.get(status, str(status))
