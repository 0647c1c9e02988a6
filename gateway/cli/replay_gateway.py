"""Recorded calls made again through the running gateway, with the operator's own token."""

from __future__ import annotations

import asyncio

import httpx

from gateway.cli.client import GatewayClient
from gateway.cli.exits import Exit, Failure
from gateway.replay.answering import LATE, WITHIN, Body
from gateway.replay.recording import Answer, Call
from gateway.replay.run import Unanswered, sent


class GatewayAsks:
    """``release`` names the one that is to answer; empty for whichever the gateway chooses."""

    def __init__(self, client: GatewayClient, plugin: str, release: str = "") -> None:
        self._client = client
        self._plugin = plugin
        self._release = release

    async def __call__(self, call: Call, /) -> Answer:
        path = f"/plugins/{self._plugin}/api{call.target}".encode("latin-1")
        headers = [(name, value) for name, value in sent(call) if name not in ("host", "content-length")]
        headers.append(("accept-encoding", "identity"))
        if self._release:
            headers.append(("x-plugway-release", self._release))
        body = call.body or b""
        try:
            async with asyncio.timeout(WITHIN):
                async with self._client.passed_on(call.method, path, headers, body, WITHIN) as answer:
                    return await _read(answer)
        except TimeoutError:
            raise Unanswered(LATE) from None
        except Failure as error:
            if error.code is Exit.TIMED_OUT:
                raise Unanswered(str(error)) from None
            raise


async def _read(answer: httpx.Response) -> Answer:
    body = Body()
    try:
        async for part in answer.aiter_bytes():
            body.add(part)
    except httpx.HTTPError as error:
        raise Unanswered(f"it broke off ({type(error).__name__})") from None
    return body.answer(answer.status_code, dict(answer.headers))
