"""A plugin's answer on its way to the client: whole, with trailing fields, or part by part."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

from plugway.plugin.v1.plugin_pb2 import HandleResponse

from gateway.proxy.answer import BODILESS, announced, complete_head, open_head
from gateway.proxy.call import Call
from gateway.proxy.compress import LEAST
from gateway.proxy.failures import CallFailed, Failure
from gateway.proxy.headers import Pairs
from gateway.proxy.stream import Rest, send_parts
from gateway.proxy.unconfigured import Heard, judged


async def send_answer(call: Call, answer: HandleResponse) -> None:
    """Raises :class:`CallFailed` for what HTTP does not allow, and ``BrokenOff`` where it ends too early."""
    if answer.continuation:
        await _send_stream(call, answer)
        return
    body = answer.body
    status = answer.response.status
    if call.accept and len(body) < LEAST and call.method != "HEAD":
        call.accept = b""  # Too short to be looked at.
    if call.trailers and answer.trailers and not bodiless(call, status):
        await _send_with_trailers(call, answer)
        return
    headers = complete_head(answer.response, call.head.request_id, call.method, len(body))
    await call.begin_answer(status, headers)
    if status == 503:
        call.status = judged(status, headers, body)
    if status in BODILESS:
        body = b""
    await call.send_part({"type": "http.response.body", "body": body})


async def _send_with_trailers(call: Call, answer: HandleResponse) -> None:
    headers, declared = open_head(answer.response, call.head.request_id)
    if declared is not None and declared != len(answer.body):
        raise CallFailed(Failure.GARBAGE, f"declared {declared} bytes and sent {len(answer.body)}")
    headers += announced(answer.response.headers)
    status = answer.response.status
    await call.begin_answer(status, headers, trailers=True)
    if status == 503:
        call.status = judged(status, headers, answer.body)
    await call.send_part({"type": "http.response.body", "body": answer.body})
    await call.end_answer(answer.trailers)


async def _send_stream(call: Call, answer: HandleResponse) -> None:
    headers, declared = open_head(answer.response, call.head.request_id)
    if declared is not None:
        headers.append((b"content-length", b"%d" % declared))
    idle = call.route.limits.stream_idle
    rest = Rest(call.upstream, answer)
    try:
        if bodiless(call, answer.response.status):
            await call.begin_answer(answer.response.status, headers)
            await call.send({"type": "http.response.body", "body": b""})
            return
        call.watch()
        if call.trailers:
            headers += announced(answer.response.headers)
        await call.begin_answer(answer.response.status, headers, trailers=call.trailers)
        call.outlast(headers)
        async with aclosing(rest.parts(idle)) as parts:
            await send_rest(call, headers, parts, declared, idle)
        if call.trailers:
            await call.end_answer(rest.trailers)
    finally:
        rest.close()


async def send_rest(
    call: Call, headers: Pairs, parts: AsyncIterator[bytes], declared: int | None, idle: float
) -> None:
    """The body of an answer that has begun with these headers, see :func:`send_parts`."""
    if call.status != 503:
        await send_parts(call.send_part, parts, declared, idle)
        return
    heard = Heard(call.send_part)
    await send_parts(heard.send, parts, declared, idle)
    call.status = judged(call.status, headers, heard.body)


def bodiless(call: Call, status: int) -> bool:
    """Whether the answer has no body, whatever the plugin sent."""
    return call.method == "HEAD" or status in BODILESS
