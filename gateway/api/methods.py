"""HEAD, OPTIONS and ``Allow`` for the whole management API, from the table of rights.

RFC 9110, 9.3.2, 9.3.7 and 15.5.6.
"""

from __future__ import annotations

from starlette.types import Message, Scope, Send

from gateway.api.rights import find_right, methods_at


class HeadAnswered(Exception):
    """Ends the work for an answer of which nothing more is sent."""


def as_get(scope: Scope) -> Scope:
    """A HEAD of what can be read is a GET whose body stays here."""
    if scope["method"] != "HEAD" or find_right("HEAD", scope["path"]) or not find_right("GET", scope["path"]):
        return scope
    return {**scope, "method": "GET"}


def without_body(send: Send) -> Send:
    """Raises :class:`HeadAnswered` where the application has more to send."""

    async def send_head(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
            return
        await send({"type": "http.response.body", "body": b""})
        if message.get("more_body"):
            raise HeadAnswered

    return send_head


def allow(path: str) -> str:
    """The value of ``Allow`` for a path; empty where the API has no such path."""
    known = methods_at(path)
    if not known:
        return ""
    return ", ".join(sorted(known | {"OPTIONS"} | ({"HEAD"} if "GET" in known else set())))


async def answer_options(path: str, send: Send) -> None:
    headers = [(b"allow", allow(path).encode())]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
