"""The content of objects: up, down, and a look at its beginning."""

from __future__ import annotations

import mimetypes
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal, cast
from urllib.parse import quote

from fastapi import Header, Query, Request
from fastapi.responses import StreamingResponse
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Conflict, Refused, new_router
from pydantic import Field
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from minio_management.body import BodyReader
from minio_management.dependencies import BucketName, Key, LinksOf, Reading, Version, Writing
from minio_management.links import Link
from minio_management.s3 import Clients

router = new_router("content", "/buckets/{bucket}/object")
PART = 8 * 1024 * 1024
"""Bytes of an upload that are in memory at a time, about twice."""
PARTS = 10_000
LARGEST = 5 * 1024**4
BLOCK = 512 * 1024
PREVIEW = 256 * 1024
IMAGES = {"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"}
LARGEST_IMAGE = 16 * 1024 * 1024


class Uploaded(ApiModel):
    """An object as it is stored now."""

    key: str
    size: int
    etag: str | None
    version: str | None = Field(description="Null in a bucket without versions.")


class Preview(ApiModel):
    """The beginning of an object."""

    kind: Literal["text", "image", "none"] = Field(
        description="For an image, load the content; none: neither text nor a small image."
    )
    content_type: str
    text: str | None
    size: int
    truncated: bool


def part_size(length: int | None) -> int:
    """So large that an object of ``length`` (unknown: of up to 160 GiB) has no more parts than S3 allows."""
    if length is None:
        return 2 * PART
    return max(PART, -(-length // PARTS // PART) * PART + PART if length > PART * PARTS else PART)


@router.put("/content", openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}}})
async def upload_object(
    links: LinksOf,
    link: Writing,
    bucket: BucketName,
    key: Key,
    request: Request,
    only_new: Annotated[bool, Query(alias="onlyNew", description="Refuse where the object exists.")] = False,
    content_length: Annotated[int | None, Header(ge=0, include_in_schema=False)] = None,
) -> Uploaded:
    """Store the body as an object, part by part as it comes. An upload that is cut off leaves nothing."""
    if content_length is not None and content_length > LARGEST:
        raise Refused("An object may have 5 TiB at most.")
    if only_new:
        await _refuse_existing(link, bucket, key)
    body = BodyReader(aiter(request.stream()))
    given = request.headers.get("content-type", "")
    kind = given or mimetypes.guess_type(key)[0] or "application/octet-stream"

    def store(clients: Clients) -> Uploaded:
        length = -1 if content_length is None else content_length
        done = clients.s3.put_object(
            bucket,
            key,
            cast(Any, body),
            length,
            content_type=kind,
            part_size=part_size(content_length),
            num_parallel_uploads=1,
        )
        return Uploaded(key=key, size=body.size, etag=done.etag, version=done.version_id)

    try:
        return await link.run(store, threads=links.uploads)
    except ClientDisconnect:
        # Nobody reads this; the parts that were stored are gone already.
        raise Refused("The upload was cut off.") from None


async def _refuse_existing(link: Link, bucket: str, key: str) -> None:
    page = await link.run(lambda clients: clients.s3.page(bucket, key, "", 1, flat=True))
    if any(entry.object_name == key for entry in page.entries):
        raise Conflict("There is an object of this name already.", hint="Choose another name, or replace it.")


class _Content(StreamingResponse):
    """Closes the server's answer also when the client leaves before the end."""

    def __init__(self, link: Link, answer: Any, **keywords: Any) -> None:
        super().__init__(self._blocks(), **keywords)
        self._link, self._answer = link, answer

    async def _blocks(self) -> AsyncIterator[bytes]:
        while block := await self._link.run(lambda _: self._answer.read(BLOCK)):
            yield block

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            # The rest of a large object is not worth reading to keep the connection.
            self._answer.close()
            self._answer.release_conn()


@router.get("/content", response_class=StreamingResponse)
async def download_object(
    link: Reading,
    bucket: BucketName,
    key: Key,
    version: Version = "",
    range_: Annotated[str, Header(alias="range", max_length=100, pattern=r"^(bytes=\d*-\d*)?$")] = "",
    if_match: Annotated[str, Header(max_length=200)] = "",
) -> StreamingResponse:
    """The content as it is stored, whole or one range of bytes. Always as a file, never as a page."""
    asked: dict[str, Any] = {"Range": range_} if range_ else {}
    if if_match:
        asked["If-Match"] = if_match
    answer = await link.run(
        lambda clients: clients.s3.get_object(bucket, key, request_headers=asked, version_id=version or None)
    )
    passed = ("content-length", "content-range", "etag", "last-modified", "accept-ranges", "content-encoding")
    headers = {name: answer.headers[name] for name in passed if name in answer.headers}
    name = quote(key.rstrip("/").rsplit("/", 1)[-1], safe="")
    headers |= {
        "content-disposition": f"attachment; filename*=UTF-8''{name}",
        # What is stored is strangers' content, under the gateway's own address.
        "content-security-policy": "default-src 'none'; sandbox",
        "x-content-type-options": "nosniff",
    }
    kind = answer.headers.get("content-type", "application/octet-stream")
    return _Content(link, answer, status_code=answer.status, headers=headers, media_type=kind)


@router.get("/preview")
async def preview_object(link: Reading, bucket: BucketName, key: Key, version: Version = "") -> Preview:
    """What the content looks like: its first 256 KiB as text, or whether it is a picture to load."""
    return await link.run(lambda clients: _preview(clients, bucket, key, version or None))


def _preview(clients: Clients, bucket: str, key: str, version: str | None) -> Preview:
    about = clients.s3.stat_object(bucket, key, version_id=version)
    size, kind = about.size or 0, (about.content_type or "application/octet-stream").split(";")[0].strip()
    if kind in IMAGES and size <= LARGEST_IMAGE:
        return Preview(kind="image", content_type=kind, text=None, size=size, truncated=False)
    if not size:
        return Preview(kind="text", content_type=kind, text="", size=0, truncated=False)
    answer = clients.s3.get_object(bucket, key, length=min(size, PREVIEW), version_id=version)
    try:
        start = answer.read(decode_content=False)
    finally:
        answer.close()
        answer.release_conn()
    text = as_text(start, cut=size > len(start))
    return Preview(
        kind="none" if text is None else "text",
        content_type=kind,
        text=text,
        size=size,
        truncated=size > len(start),
    )


def as_text(start: bytes, *, cut: bool) -> str | None:
    """The bytes as UTF-8; None where they are something else. A character cut at the end is left out."""
    if b"\0" in start:
        return None
    for back in range(4 if cut else 1):
        try:
            return start[: len(start) - back].decode()
        except UnicodeDecodeError:
            continue
    return None
