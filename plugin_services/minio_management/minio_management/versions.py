"""Versions of objects: list, restore."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from minio.commonconfig import CopySource
from minio.error import S3Error
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Conflict, Refused, new_router
from pydantic import Field

from minio_management.dependencies import BucketName, Key, Limit, Reading, Writing
from minio_management.object_settings import LARGEST_COPY
from minio_management.s3 import Clients

router = new_router("versions", "/buckets/{bucket}/object")


class ObjectVersion(ApiModel):
    """One version, or a mark that the object was deleted."""

    version: str = Field(description="'null' is what was stored before versions were kept.")
    latest: bool
    delete_marker: bool
    size: int
    modified: str | None
    etag: str | None


class VersionPage(ApiModel):
    """Versions of one object, the newest first."""

    versions: list[ObjectVersion]
    after: str | None = Field(description="Send it to go on; null at the end.")


class Restored(ApiModel):
    """The version that is the newest now."""

    version: str | None


@router.get("/versions")
async def list_versions(
    link: Reading,
    bucket: BucketName,
    key: Key,
    after: Annotated[str, Query(max_length=200)] = "",
    limit: Limit = 100,
) -> VersionPage:
    """Versions of an object, also of one that was deleted."""

    def work(clients: Clients) -> VersionPage:
        page = clients.s3.version_page(bucket, key, (key if after else "", after), limit)
        own = [entry for entry in page.entries if entry.object_name == key]
        # Names that begin with this one come after it.
        more = bool(page.token) and len(own) == len(page.entries)
        found = [
            ObjectVersion(
                version=entry.version_id or "null",
                latest=(entry.is_latest or "").lower() == "true",
                delete_marker=entry.is_delete_marker,
                size=entry.size or 0,
                modified=entry.last_modified.isoformat() if entry.last_modified else None,
                etag=entry.etag,
            )
            for entry in own
        ]
        found.sort(key=lambda version: version.modified or "", reverse=True)
        found.sort(key=lambda version: not version.latest)
        return VersionPage(versions=found, after=page.version or None if more else None)

    return await link.run(work)


@router.post("/restore")
async def restore_version(
    link: Writing, bucket: BucketName, key: Key, version: Annotated[str, Query(min_length=1, max_length=200)]
) -> Restored:
    """Make a copy of an older version the newest; all others stay."""

    def work(clients: Clients) -> Restored:
        try:
            about = clients.s3.stat_object(bucket, key, version_id=version)
        except S3Error as error:
            if error.code == "MethodNotAllowed":
                raise Conflict(
                    "This is the mark of a deletion: there is nothing to restore in it.",
                    hint="Choose an older version, or delete the mark to have the object back.",
                ) from None
            raise
        if (about.size or 0) > LARGEST_COPY:
            raise Refused(
                "The server copies no more than 5 GiB at once.", hint="Download it and upload it again."
            )
        done = clients.s3.copy_object(bucket, key, CopySource(bucket, key, version_id=version))
        return Restored(version=done.version_id)

    return await link.run(work)
