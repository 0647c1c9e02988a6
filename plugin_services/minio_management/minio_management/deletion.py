"""Deleting objects: some by name, or all below a prefix, step by step."""

from __future__ import annotations

from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refused, new_router
from pydantic import Field

from minio_management.buckets import delete
from minio_management.dependencies import BucketName, Writing
from minio_management.s3 import Clients

router = new_router("deletion", "/buckets/{bucket}/objects")
STEP = 1000


class Named(ApiModel):
    """An object, or one version of it."""

    key: str = Field(min_length=1, max_length=1024)
    version: str | None = Field(default=None, max_length=200)


class Chosen(ApiModel):
    """What to delete."""

    objects: list[Named] = Field(min_length=1, max_length=1000)


class Below(ApiModel):
    """Delete all that is below a prefix."""

    prefix: str = Field(max_length=1024)
    confirm: str = Field(max_length=1024, description="The prefix once more; of a whole bucket, its name.")
    versions: bool = Field(default=False, description="Also all older versions: nothing can be restored.")


class Deleted(ApiModel):
    """What one call deleted."""

    deleted: int
    more: bool = Field(description="There is more: call again.")


@router.post("/delete")
async def delete_objects(link: Writing, bucket: BucketName, chosen: Chosen) -> Deleted:
    """Delete these. Where versions are kept, an object without a version gets a delete marker."""
    names = [(one.key, one.version) for one in chosen.objects]
    return Deleted(deleted=await link.run(lambda clients: delete(clients, bucket, names)), more=False)


@router.post("/delete-below")
async def delete_below(link: Writing, bucket: BucketName, below: Below) -> Deleted:
    """Delete up to a thousand objects below a prefix; call it until there is no more."""
    expected = below.prefix or bucket
    if below.confirm != expected:
        raise Refused(
            "What was typed is not the prefix.", hint=f"Type {expected} to delete what is below it."
        )

    def work(clients: Clients) -> Deleted:
        if below.versions:
            page = clients.s3.version_page(bucket, below.prefix, ("", ""), STEP)
        else:
            page = clients.s3.page(bucket, below.prefix, "", STEP, flat=True)
        names = [
            (entry.object_name or "", entry.version_id if below.versions else None) for entry in page.entries
        ]
        deleted = delete(clients, bucket, names) if names else 0
        return Deleted(deleted=deleted, more=bool(page.token))

    return await link.run(work)
