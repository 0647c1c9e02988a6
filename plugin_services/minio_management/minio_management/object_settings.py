"""What belongs to one object: metadata, tags, links."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from minio.commonconfig import REPLACE, CopySource
from minio.commonconfig import Tags as TagSet
from plugway_sdk.web.connections import ConnectionName
from plugway_sdk.web.models import ApiModel, Done
from plugway_sdk.web.problems import Refused, new_router
from pydantic import Field

from minio_management.dependencies import (
    BucketName,
    Key,
    LinksOf,
    Reading,
    Tags,
    Version,
    Writing,
)  # fmt: skip
from minio_management.s3 import Clients

router = new_router("object", "/buckets/{bucket}/object")
LARGEST_COPY = 5 * 1024**3
_META = "x-amz-meta-"


class ObjectDetails(ApiModel):
    """One object with all that is known about it."""

    key: str
    size: int
    modified: str | None
    etag: str | None
    version: str | None
    content_type: str
    metadata: dict[str, str] = Field(description="Of the owner's making, without x-amz-meta-.")
    headers: dict[str, str] = Field(description="Others that the server stores, such as cache-control.")
    tags: dict[str, str]


class Metadata(ApiModel):
    """Metadata to put in the place of what there is."""

    content_type: str = Field(default="application/octet-stream", min_length=1, max_length=200)
    metadata: dict[str, str] = Field(default_factory=dict, max_length=100)


class LinkWanted(ApiModel):
    """What a link should allow, and for how long."""

    key: str = Field(min_length=1, max_length=1024)
    version: str = Field(default="", max_length=200)
    seconds: int = Field(default=3600, ge=1, le=604_800)
    method: Literal["GET", "PUT"] = "GET"


class PresignedLink(ApiModel):
    """Whoever has it may do this without logging in, until it expires."""

    url: str
    seconds: int


_STORED = ("cache-control", "content-disposition", "content-encoding", "content-language", "expires")


def _details(clients: Clients, bucket: str, key: str, version: str | None) -> ObjectDetails:
    about = clients.s3.stat_object(bucket, key, version_id=version)
    found = {name.lower(): value for name, value in dict(about.metadata or {}).items()}
    tags = clients.s3.get_object_tags(bucket, key, version_id=version)
    return ObjectDetails(
        key=key,
        size=about.size or 0,
        modified=about.last_modified.isoformat() if about.last_modified else None,
        etag=about.etag,
        version=about.version_id,
        content_type=about.content_type or "application/octet-stream",
        metadata={name.removeprefix(_META): value for name, value in found.items() if name.startswith(_META)},
        headers={name: found[name] for name in _STORED if name in found},
        tags=dict(tags or {}),
    )


@router.get("")
async def read_object(link: Reading, bucket: BucketName, key: Key, version: Version = "") -> ObjectDetails:
    """All that is known about an object."""
    return await link.run(lambda clients: _details(clients, bucket, key, version or None))


@router.put("/tags")
async def set_object_tags(
    link: Writing, bucket: BucketName, key: Key, wanted: Tags, version: Version = ""
) -> Done:
    """Set all tags of an object, ten at most."""

    def work(clients: Clients) -> None:
        if not wanted.tags:
            clients.s3.delete_object_tags(bucket, key, version_id=version or None)
            return
        tags = TagSet.new_object_tags()
        tags.update(wanted.tags)
        clients.s3.set_object_tags(bucket, key, tags, version_id=version or None)

    await link.run(work)
    return Done()


@router.put("/metadata")
async def set_metadata(link: Writing, bucket: BucketName, key: Key, wanted: Metadata) -> ObjectDetails:
    """Set content type and metadata. The server copies the object onto itself, up to 5 GiB."""

    def work(clients: Clients) -> ObjectDetails:
        about = _details(clients, bucket, key, None)
        if about.size > LARGEST_COPY:
            raise Refused("The server copies no more than 5 GiB at once.", hint="Upload the object again.")
        clients.s3.copy_object(
            bucket,
            key,
            # Of exactly what was looked at: somebody may store another meanwhile.
            CopySource(bucket, key, match_etag=about.etag),
            metadata={**about.headers, "Content-Type": wanted.content_type, **wanted.metadata},
            metadata_directive=REPLACE,
        )
        return _details(clients, bucket, key, None)

    return await link.run(work)


@router.post("/link")
async def make_link(
    links: LinksOf, bucket: BucketName, wanted: LinkWanted, connection: ConnectionName = ""
) -> PresignedLink:
    """A link to download or, where changes are allowed, to upload: it goes to the server itself."""
    link = links.writer(connection) if wanted.method == "PUT" else links.reader(connection)
    url = await link.run(
        lambda clients: clients.s3.get_presigned_url(
            wanted.method,
            bucket,
            wanted.key,
            expires=timedelta(seconds=wanted.seconds),
            version_id=wanted.version or None,
        )
    )
    return PresignedLink(url=url, seconds=wanted.seconds)
