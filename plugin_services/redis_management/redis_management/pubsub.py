"""Publish and subscribe: which channels there are, what is said on them, and saying something."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import Query
from plugway_sdk.web.connections import ConnectionName
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refused, new_router
from pydantic import Field
from starlette.responses import StreamingResponse

from redis_management.blobs import PREVIEW, Blob, BlobInput, blob
from redis_management.dependencies import LinksOf, Node, Pattern, Reading, Writing
from redis_management.taps import EVENTS, Tap, TapResponse

router = new_router("publish and subscribe", "/pubsub")
MOST = 500
Names = Annotated[list[str] | None, Query(max_length=50)]


class Channel(ApiModel):
    """A channel that somebody listens to."""

    name: Blob
    subscribers: int


class Channels(ApiModel):
    """Some of them by name."""

    channels: list[Channel]
    total: int = Field(description="How many match.")
    patterns: int = Field(description="Patterns that somebody listens to.")


class Message(ApiModel):
    """What is to be said."""

    channel: BlobInput
    message: BlobInput


class Published(ApiModel):
    """Who was told."""

    receivers: int = Field(description="Listeners on this server.")


@router.get("/channels")
async def list_channels(reader: Reading, pattern: Pattern = "*") -> Channels:
    """Channels that somebody listens to."""
    names, patterns = await reader.run_all([("PUBSUB", "CHANNELS", pattern), ("PUBSUB", "NUMPAT")])
    shown = sorted(names)[:MOST]
    counted = await reader.run("PUBSUB", "NUMSUB", *shown) if shown else []
    channels = [
        Channel(name=blob(name, PREVIEW), subscribers=count)
        for name, count in zip(counted[::2], counted[1::2], strict=True)
    ]
    return Channels(channels=channels, total=len(names), patterns=patterns)


def message_of(raw: Any) -> dict[str, Any] | None:
    """A reply of a connection that listens, for JSON; None for what is no message."""
    if not isinstance(raw, list) or raw[0] not in (b"message", b"pmessage"):
        return None
    *_, channel, data = raw
    found: dict[str, Any] = {
        "at": time.time(),
        "channel": blob(channel, PREVIEW).model_dump(by_alias=True),
        "data": blob(data, PREVIEW).model_dump(by_alias=True),
    }
    if raw[0] == b"pmessage":
        found["pattern"] = blob(raw[1], PREVIEW).model_dump(by_alias=True)
    return found


@router.get("/messages", response_class=StreamingResponse, responses=EVENTS)
async def listen(
    links: LinksOf,
    channel: Names = None,
    pattern: Names = None,
    connection: ConnectionName = "",
    node: Node = "",
) -> TapResponse:
    """What is said on channels from now on, as server-sent events. Fast ones drop some, and say how many."""
    if not channel and not pattern:
        raise Refused("Say which channels to listen to.", hint="Give a channel or a pattern, e.g. *.")
    pools = links.pools(connection)
    commands: list[tuple[str | bytes, ...]] = []
    if channel:
        commands.append(("SUBSCRIBE", *channel))
    if pattern:
        commands.append(("PSUBSCRIBE", *pattern))
    tap = Tap(pools.connection, message_of)
    await tap.begin(pools, node, *commands, answers=len(channel or ()) + len(pattern or ()))
    return TapResponse(tap)


@router.post("/messages")
async def publish(writer: Writing, what: Message) -> Published:
    """Say something on a channel."""
    told = await writer.run("PUBLISH", what.channel.to_bytes(), what.message.to_bytes())
    return Published(receivers=told)
