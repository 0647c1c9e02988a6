"""What is set on a bucket: versioning, tags, policy, quota."""

from __future__ import annotations

import json
from typing import Any, Literal

from minio.commonconfig import ENABLED
from minio.commonconfig import Tags as TagSet
from minio.error import MinioAdminException, S3Error
from minio.versioningconfig import SUSPENDED, VersioningConfig
from plugway_sdk.web.models import ApiModel, Done
from plugway_sdk.web.problems import Refused, new_router
from pydantic import Field

from minio_management.dependencies import BucketName, Reading, Tags, Writing
from minio_management.policy_documents import statements_of
from minio_management.s3 import Clients

router = new_router("bucket settings", "/buckets/{bucket}")
Preset = Literal["private", "public-read"]
Access = Literal["private", "public-read", "custom"]


class BucketDetails(ApiModel):
    """What is set; null where the server has no such thing or does not tell this access key."""

    name: str
    versioning: Literal["off", "on", "suspended"] | None
    tags: dict[str, str] | None
    access: Access | None
    policy: dict[str, Any] | None = Field(description="Empty where there is none.")
    quota: int | None = Field(description="Bytes; 0 for none.")
    locking: bool | None = Field(description="Whether objects may be locked against deletion.")


class Versioning(ApiModel):
    """Whether a change of an object keeps what was there."""

    enabled: bool


class Policy(ApiModel):
    """Who may do what: a document, or a preset."""

    policy: dict[str, Any] | None = Field(default=None, description="As AWS writes them.")
    preset: Preset | None = None


class Quota(ApiModel):
    """The most that a bucket may hold."""

    bytes: int = Field(ge=0, le=2**60, description="0 for no limit.")


def public_read(bucket: str) -> dict[str, Any]:
    """Everybody may read objects whose name they know; nobody may list them."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": ["*"]},
                "Action": ["s3:GetObject"],
                "Resource": [f"arn:aws:s3:::{bucket}/*"],
            }
        ],
    }


def access_of(policy: dict[str, Any], bucket: str) -> Access:
    if not policy.get("Statement"):
        return "private"
    return "public-read" if policy == public_read(bucket) else "custom"


def _policy(clients: Clients, bucket: str) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(clients.s3.get_bucket_policy(bucket))
    except S3Error as error:
        if error.code == "NoSuchBucketPolicy":
            return {}
        raise
    return document


def _details(clients: Clients, bucket: str) -> BucketDetails:
    # The first call tells whether the bucket is there; of the others, each may be one that is not allowed.
    state = clients.s3.get_bucket_versioning(bucket).status
    tags = _told(lambda: dict(clients.s3.get_bucket_tags(bucket) or {}))
    policy = _told(lambda: _policy(clients, bucket))
    return BucketDetails(
        name=bucket,
        versioning="on" if state == ENABLED else "suspended" if state == SUSPENDED else "off",
        tags=tags,
        policy=policy,
        access=None if policy is None else access_of(policy, bucket),
        quota=_told(lambda: _quota(clients, bucket)),
        locking=_told(lambda: _locking(clients, bucket)),
    )


def _told(ask: Any) -> Any:
    try:
        return ask()
    except (S3Error, MinioAdminException):
        return None


def _quota(clients: Clients, bucket: str) -> int:
    document = json.loads(clients.admin.bucket_quota_get(bucket))
    return int(document.get("size") or document.get("quota") or 0)


def _locking(clients: Clients, bucket: str) -> bool:
    try:
        clients.s3.get_object_lock_config(bucket)
    except S3Error as error:
        if error.code == "ObjectLockConfigurationNotFoundError":
            return False
        raise
    return True


@router.get("")
async def read_bucket(link: Reading, bucket: BucketName) -> BucketDetails:
    """What is set on a bucket."""
    return await link.run(lambda clients: _details(clients, bucket))


@router.put("/versioning")
async def set_versioning(link: Writing, bucket: BucketName, wanted: Versioning) -> Done:
    """Keep older versions from now on, or no longer; those that there are stay."""
    config = VersioningConfig(ENABLED if wanted.enabled else SUSPENDED)
    await link.run(lambda clients: clients.s3.set_bucket_versioning(bucket, config))
    return Done()


@router.put("/tags")
async def set_bucket_tags(link: Writing, bucket: BucketName, wanted: Tags) -> Done:
    """Set all tags of a bucket."""
    await link.run(lambda clients: _set_tags(clients, bucket, wanted.tags))
    return Done()


def _set_tags(clients: Clients, bucket: str, wanted: dict[str, str]) -> None:
    if not wanted:
        clients.s3.delete_bucket_tags(bucket)
        return
    tags = TagSet.new_bucket_tags()
    tags.update(wanted)
    clients.s3.set_bucket_tags(bucket, tags)


@router.put("/policy")
async def set_policy(link: Writing, bucket: BucketName, wanted: Policy) -> BucketDetails:
    """Say who may do what. A document that the server does not take is refused with its reason."""
    if (wanted.policy is None) == (wanted.preset is None):
        raise Refused("Send either a policy or a preset.")
    document = wanted.policy or {}
    if wanted.preset == "public-read":
        document = public_read(bucket)
    elif wanted.policy is not None:
        _check(document, bucket)

    def work(clients: Clients) -> BucketDetails:
        if document:
            clients.s3.set_bucket_policy(bucket, json.dumps(document))
        else:
            clients.s3.delete_bucket_policy(bucket)
        return _details(clients, bucket)

    return await link.run(work)


def _check(document: dict[str, Any], bucket: str) -> None:
    """What the server would refuse in fewer words; raises Refused."""
    if not document:
        return
    for number, statement in statements_of(document):
        missing = [
            name for name in ("Effect", "Principal", "Action", "Resource")
            if not statement.get(name)
        ]  # fmt: skip
        if missing:
            raise Refused(f"Statement {number} has no {' and no '.join(missing)}.")
        resources = statement["Resource"]
        for resource in [resources] if isinstance(resources, str) else resources:
            if not str(resource).startswith((f"arn:aws:s3:::{bucket}/", f"arn:aws:s3:::{bucket}*")) and (
                resource != f"arn:aws:s3:::{bucket}"
            ):
                raise Refused(
                    f"Statement {number} is about '{resource}', which is not in this bucket.",
                    hint=f"Resources begin with arn:aws:s3:::{bucket}",
                )


@router.put("/quota")
async def set_quota(link: Writing, bucket: BucketName, wanted: Quota) -> Done:
    """Limit what a bucket may hold; the server counts now and then, not at each upload."""
    await link.run(lambda clients: clients.admin.bucket_quota_set(bucket, wanted.bytes))
    return Done()
