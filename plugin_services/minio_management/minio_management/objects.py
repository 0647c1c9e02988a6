"""Objects of a bucket by prefix, page by page."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from minio.datatypes import Object
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import new_router
from pydantic import Field

from minio_management.dependencies import BucketName, Limit, Reading
from minio_management.s3 import Clients

router = new_router("objects", "/buckets/{bucket}/objects")
COUNTED = 10
"""Pages of a thousand that one call counts."""

Prefix = Annotated[str, Query(max_length=1024, description="What the names begin with.")]
Token = Annotated[str, Query(max_length=4096, description="Where to go on, as the page before says.")]


class StoredObject(ApiModel):
    """One object."""

    key: str
    size: int = Field(description="Bytes.")
    modified: str | None
    etag: str | None
    storage_class: str | None


class ObjectPage(ApiModel):
    """Some objects, in the order of their names."""

    folders: list[str] = Field(description="Prefixes that end with '/', in the place of what is below them.")
    objects: list[StoredObject]
    token: str | None = Field(description="Send it to go on; null at the end.")


class Count(ApiModel):
    """What a part of a bucket holds."""

    objects: int
    size: int = Field(description="Bytes.")
    token: str | None = Field(description="Send it to count on; null when all were counted.")


def stored(entry: Object) -> StoredObject:
    return StoredObject(
        key=entry.object_name or "",
        size=entry.size or 0,
        modified=entry.last_modified.isoformat() if entry.last_modified else None,
        etag=entry.etag,
        storage_class=entry.storage_class,
    )


def is_folder(entry: Object) -> bool:
    return entry.size is None and not entry.is_delete_marker


@router.get("")
async def list_objects(
    link: Reading,
    bucket: BucketName,
    prefix: Prefix = "",
    token: Token = "",
    limit: Limit = 200,
    flat: Annotated[bool, Query(description="All that is below, without folders.")] = False,
) -> ObjectPage:
    """Objects and folders below a prefix. The server looks for no more than one page of them."""
    page = await link.run(lambda clients: clients.s3.page(bucket, prefix, token, limit, flat=flat))
    return ObjectPage(
        folders=[entry.object_name or "" for entry in page.entries if is_folder(entry)],
        objects=[stored(entry) for entry in page.entries if not is_folder(entry)],
        token=page.token or None,
    )


@router.get("/count")
async def count_objects(link: Reading, bucket: BucketName, prefix: Prefix = "", token: Token = "") -> Count:
    """Count what is below a prefix, ten thousand at a time; add up what the calls give."""

    def work(clients: Clients) -> Count:
        objects = size = 0
        place = token
        for _ in range(COUNTED):
            page = clients.s3.page(bucket, prefix, place, 1000, flat=True)
            objects += len(page.entries)
            size += sum(entry.size or 0 for entry in page.entries)
            place = page.token
            if not place:
                break
        return Count(objects=objects, size=size, token=place or None)

    return await link.run(work)
