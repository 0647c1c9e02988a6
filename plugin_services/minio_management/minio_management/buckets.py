"""Buckets: list, create, delete."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Annotated, Any

from fastapi import Query
from minio.commonconfig import ENABLED
from minio.deleteobjects import DeleteObject
from minio.error import MinioAdminException
from minio.versioningconfig import VersioningConfig
from plugway_sdk.web.models import ApiModel, Done
from plugway_sdk.web.problems import Conflict, NotFound, Refused, new_router
from pydantic import Field

from minio_management.dependencies import BucketName, Limit, Reading, Writing
from minio_management.s3 import Clients

router = new_router("buckets", "/buckets")
EMPTYING = 1000
"""Objects that one call deletes when a bucket goes with all that is in it."""


class Bucket(ApiModel):
    """A bucket; sizes are from the server's last look through its disks, null where it does not tell."""

    name: str
    created: str | None
    size: int | None = Field(description="Bytes.")
    objects: int | None
    versioning: bool | None
    locking: bool | None
    quota: int | None = Field(description="Bytes; 0 for none.")
    tags: dict[str, str] | None


class BucketPage(ApiModel):
    """Some buckets in the order of their names."""

    buckets: list[Bucket]
    after: str | None = Field(description="Send it to go on; null at the end.")
    total: int


class NewBucket(ApiModel):
    """A bucket to make."""

    name: str = Field(min_length=3, max_length=63, examples=["photos"])
    versioning: bool = False
    locking: bool = Field(default=False, description="Objects may be locked against deletion; for ever.")


class BucketRemoval(ApiModel):
    """How far the removal of a bucket with its content is."""

    deleted: int = Field(description="Objects and versions that this call deleted.")
    finished: bool = Field(description="The bucket is gone; otherwise call again.")


def all_buckets(clients: Clients) -> list[Bucket]:
    """Every bucket that this access key sees.

    The administrative call knows more of each, but of a new one a few seconds late; and it is not there
    with another S3 server, or where this access key may not ask.
    """
    known: dict[str, Bucket] = {}
    with suppress(MinioAdminException, ValueError):
        document: dict[str, Any] = json.loads(clients.admin.account_info())
        known = {bucket.name: bucket for bucket in map(_known, document.get("Buckets") or ())}
    return [
        known.get(bucket.name) or _named(bucket)
        for bucket in sorted(clients.s3.list_buckets(), key=lambda bucket: bucket.name)
    ]


def _named(bucket: Any) -> Bucket:
    return Bucket(
        name=bucket.name,
        created=bucket.creation_date.isoformat() if bucket.creation_date else None,
        size=None,
        objects=None,
        versioning=None,
        locking=None,
        quota=None,
        tags=None,
    )


def _known(entry: dict[str, Any]) -> Bucket:
    details = entry.get("details") or {}
    return Bucket(
        name=entry["name"],
        created=entry.get("created"),
        size=entry.get("size"),
        objects=entry.get("objects"),
        versioning=details.get("versioning"),
        locking=details.get("locking"),
        quota=(details.get("quota") or {}).get("size") or (details.get("quota") or {}).get("quota") or 0,
        tags=(details.get("tags") or {}).get("tagSet") or details.get("tags") or {},
    )


@router.get("")
async def list_buckets(
    link: Reading,
    search: Annotated[str, Query(max_length=63, description="Part of the name.")] = "",
    after: Annotated[str, Query(max_length=63)] = "",
    limit: Limit = 200,
) -> BucketPage:
    """Buckets page by page, with size and number of objects."""
    found = [bucket for bucket in await link.run(all_buckets) if search in bucket.name]
    page = [bucket for bucket in found if bucket.name > after][:limit]
    last = page[-1].name if page else None
    more = last is not None and last != found[-1].name
    return BucketPage(buckets=page, after=last if more else None, total=len(found))


@router.post("", status_code=201)
async def create_bucket(link: Writing, new: NewBucket) -> Done:
    """Make a bucket."""

    def make(clients: Clients) -> None:
        clients.s3.make_bucket(new.name, object_lock=new.locking)
        if new.versioning and not new.locking:
            clients.s3.set_bucket_versioning(new.name, VersioningConfig(ENABLED))

    await link.run(make)
    return Done()


@router.delete("/{bucket}")
async def delete_bucket(link: Writing, bucket: BucketName) -> Done:
    """Delete a bucket that is empty."""
    await link.run(lambda clients: clients.s3.remove_bucket(bucket))
    return Done()


@router.post("/{bucket}/remove")
async def remove_bucket_with_content(
    link: Writing,
    bucket: BucketName,
    confirm: Annotated[str, Query(max_length=63, description="The bucket's name once more.")],
) -> BucketRemoval:
    """Delete all objects and versions, step by step, and then the bucket: call it until it is finished."""
    if confirm != bucket:
        raise Refused("The name typed is not the bucket's.", hint=f"Type {bucket} to delete it.")
    return await link.run(lambda clients: _empty(clients, bucket))


def _empty(clients: Clients, bucket: str) -> BucketRemoval:
    page = clients.s3.version_page(bucket, "", ("", ""), EMPTYING)
    deleted = delete(clients, bucket, [(entry.object_name or "", entry.version_id) for entry in page.entries])
    if page.token:
        return BucketRemoval(deleted=deleted, finished=False)
    clients.s3.remove_bucket(bucket)
    return BucketRemoval(deleted=deleted, finished=True)


def delete(clients: Clients, bucket: str, names: list[tuple[str, str | None]]) -> int:
    """Delete objects, or versions of them; returns how many. Raises Conflict for what the server keeps."""
    wanted = [DeleteObject(name, version) for name, version in names]
    failed = list(clients.s3.remove_objects(bucket, wanted))
    if not failed:
        return len(wanted)
    first = failed[0]
    if first.code == "NoSuchBucket":
        raise NotFound("There is no such bucket.", hint="Load the list again.")
    raise Conflict(
        f"{len(failed)} of {len(wanted)} were not deleted; the first is '{first.name}': {first.message}",
        hint="They may be locked (retention, legal hold), or this access key may not delete them.",
    )
