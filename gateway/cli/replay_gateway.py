"""Recorded calls made again through the running gateway, with the operator's own token."""

from __future__ import annotations

import asyncio
import hashlib

import httpx

from gateway.cli.client import GatewayClient
from gateway.cli.exits import Exit, Failure
from gateway.replay.recording import Answer, Call
from gateway.replay.run import Unanswered, sent

_MOST = 8 * 2**20
_WITHIN = 60.0


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
            async with asyncio.timeout(_WITHIN):
                async with self._client.passed_on(call.method, path, headers, body, _WITHIN) as answer:
                    return await _read(answer)
        except TimeoutError:
            raise Unanswered(f"it did not come to its end within {_WITHIN:g} s") from None
        except Failure as error:
            if error.code is Exit.TIMED_OUT:
                raise Unanswered(str(error)) from None
            raise


async def _read(answer: httpx.Response) -> Answer:
    digest, parts, size = hashlib.sha256(), [], 0
    try:
        async for part in answer.aiter_bytes():
            size += len(part)
            digest.update(part)
            if size <= _MOST:
                parts.append(part)
    except httpx.HTTPError as error:
        raise Unanswered(f"it broke off ({type(error).__name__})") from None
    return Answer(
        status=answer.status_code, headers=dict(answer.headers), size=size, sha256=digest.hexdigest(),
        content=b"".join(parts) if size <= _MOST else None,
    )  # fmt: skip
