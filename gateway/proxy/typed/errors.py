"""Answers that are no success: a gRPC status with its details as an RFC 9457 problem. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from gateway.errors import BadInput, PlugwayError, Unavailable
from gateway.proxy.typed.binding import BadRequestBody
from gateway.proxy.typed.values import BadValue

STATUSES = {
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.UNKNOWN: 500,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DATA_LOSS: 500,
    grpc.StatusCode.UNAUTHENTICATED: 401,
}
"""As Envoy and google/rpc/code.proto map them."""

_BY_NUMBER = {int(code.value[0]): code for code in grpc.StatusCode}


class TypedRefusal(BadInput):
    """The call does not fit its method; like INVALID_ARGUMENT it is 400."""

    key, title, status = "rpc-invalid-argument", "The call does not fit the service", 400


class ServicesUnknown(Unavailable):
    key, title = "services-unknown", "The plugin's services are not known"


class StatusProblem(PlugwayError):
    """What a service answered in place of its message."""

    key, title, status = "rpc", "The service refused the call", 500

    def __init__(self, code: grpc.StatusCode, detail: str, *, plugin: str, **more: Any) -> None:
        super().__init__(detail, plugin=plugin, reason=more.pop("reason", "") or code.name, **more)
        self.code = code
        self.details: list[Any] = []
        self.status = STATUSES.get(code, 500)  # type: ignore[misc]  # one class for all statuses

    def problem(self) -> dict[str, Any]:
        document = super().problem()
        slug = self.code.name.lower().replace("_", "-")
        document["type"] = f"urn:plugway:problem:rpc-{slug}"
        document["title"] = self.code.name.replace("_", " ").capitalize()
        document["code"] = self.code.name
        if self.details:
            document["details"] = self.details
        return document


def not_fitting(error: BadValue, plugin: str) -> TypedRefusal:
    """A value that the request's message does not take."""
    if isinstance(error, BadRequestBody) and not error.path:
        return TypedRefusal(f"The body {error.words}.", plugin=plugin, reason="INVALID_ARGUMENT")
    pointer = error.pointer
    return TypedRefusal(
        f"{pointer or 'The body'} {error.words}.",
        plugin=plugin,
        reason="INVALID_ARGUMENT",
        fields={pointer: error.words},
    )


def status_problem(
    number: int, words: str, details: bytes, plugin: str, show: Callable[[Any], Any]
) -> StatusProblem:
    """``details`` is the ``grpc-status-details-bin`` of the answer, ``show`` makes JSON of an ``Any``.

    The words of UNKNOWN stay in the plugin's log: libraries put the text of stray exceptions there.
    """
    code = _BY_NUMBER.get(number, grpc.StatusCode.UNKNOWN)
    if code is grpc.StatusCode.UNKNOWN:
        return StatusProblem(code, f"The plugin {plugin} failed; its log says why.", plugin=plugin)
    problem = StatusProblem(code, words or f"The service answered {code.name}.", plugin=plugin)
    if details:
        _add_details(problem, details, show)
    return problem


def _add_details(problem: StatusProblem, data: bytes, show: Callable[[Any], Any]) -> None:
    from google.rpc import error_details_pb2 as known
    from google.rpc import status_pb2

    try:
        status = status_pb2.Status.FromString(data)
        for one in status.details:
            problem.details.append(show(one))
            if one.Is(known.BadRequest.DESCRIPTOR):
                _fields(problem, known.BadRequest.FromString(one.value))
            elif one.Is(known.RetryInfo.DESCRIPTOR):
                delay = known.RetryInfo.FromString(one.value).retry_delay
                problem.retry_after = max(0.0, delay.seconds + delay.nanos / 1e9)
            elif one.Is(known.ErrorInfo.DESCRIPTOR):
                problem.reason = known.ErrorInfo.FromString(one.value).reason or problem.reason
            elif one.Is(known.LocalizedMessage.DESCRIPTOR):
                problem.hint = known.LocalizedMessage.FromString(one.value).message
        json.dumps(problem.details)
    except (DecodeError, ValueError, TypeError, RecursionError):
        # Details that cannot be read take nothing from the status itself.
        problem.details = []


def _fields(problem: StatusProblem, bad: Any) -> None:
    for violation in bad.field_violations:
        pointer = "/" + violation.field.replace(".", "/") if violation.field else ""
        problem.fields[pointer] = violation.description
