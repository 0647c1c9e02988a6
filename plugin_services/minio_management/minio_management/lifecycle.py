"""Lifecycle rules of a bucket: what goes by itself, and when."""

from __future__ import annotations

from minio.commonconfig import DISABLED, ENABLED, AndOperator, Filter, Tag
from minio.commonconfig import Tags as TagSet
from minio.lifecycleconfig import (
    AbortIncompleteMultipartUpload,
    Expiration,
    LifecycleConfig,
    NoncurrentVersionExpiration,
    Rule,
)
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Conflict, Refused, new_router
from pydantic import Field, model_validator

from minio_management.dependencies import BucketName, Reading, Writing
from minio_management.s3 import Clients

router = new_router("lifecycle", "/buckets/{bucket}/lifecycle")
Days = Field(default=None, ge=1, le=36_500)


class LifecycleRule(ApiModel):
    """What happens to objects whose name begins with ``prefix`` and that have these tags."""

    id: str = Field(min_length=1, max_length=255)
    enabled: bool = True
    prefix: str = Field(default="", max_length=1024)
    tags: dict[str, str] = Field(default_factory=dict, max_length=10)
    expire_days: int | None = Days
    old_version_days: int | None = Days
    keep_old_versions: int | None = Field(default=None, ge=1, le=1000, description="Newest that stay anyway.")
    lone_markers: bool = Field(default=False, description="Remove delete markers without versions.")
    abort_upload_days: int | None = Field(
        default=None, ge=1, le=36_500, description="MinIO also does so by itself after a day."
    )
    other: bool = Field(default=False, description="Has parts that are not shown here, such as transitions.")

    @model_validator(mode="after")
    def _does_something(self) -> LifecycleRule:
        whats = (self.expire_days, self.old_version_days, self.keep_old_versions, self.abort_upload_days)
        if not (any(whats) or self.lone_markers or self.other):
            raise ValueError("a rule needs something to do: days to expire, for example")
        if self.lone_markers and self.expire_days:
            raise ValueError("a rule either expires objects or removes lone delete markers")
        return self


class Lifecycle(ApiModel):
    """All rules of a bucket."""

    rules: list[LifecycleRule] = Field(max_length=1000)


def _shown(rule: Rule) -> LifecycleRule:
    which = rule.rule_filter
    both = which.and_operator if which else None
    prefix = (both.prefix if both else which.prefix if which else None) or ""
    tags = dict((both.tags if both else None) or {})
    if which and which.tag:
        tags[which.tag.key] = which.tag.value
    expiration, old = rule.expiration, rule.noncurrent_version_expiration
    abort = rule.abort_incomplete_multipart_upload
    dated = bool(expiration and expiration.date)
    return LifecycleRule(
        id=rule.rule_id or "",
        enabled=rule.status == ENABLED,
        prefix=prefix,
        tags=tags,
        expire_days=expiration.days if expiration else None,
        lone_markers=bool(expiration and expiration.expired_object_delete_marker),
        old_version_days=old.noncurrent_days if old else None,
        keep_old_versions=old.newer_noncurrent_versions if old else None,
        abort_upload_days=abort.days_after_initiation if abort else None,
        other=dated or bool(rule.transition or rule.noncurrent_version_transition),
    )


def _rule(wanted: LifecycleRule) -> Rule:
    tags = TagSet.new_object_tags()
    tags.update(wanted.tags)
    if len(wanted.tags) > 1 or (wanted.tags and wanted.prefix):
        which = Filter(and_operator=AndOperator(prefix=wanted.prefix, tags=tags))
    elif wanted.tags:
        which = Filter(tag=Tag(*next(iter(wanted.tags.items()))))
    else:
        which = Filter(prefix=wanted.prefix)
    expiration = None
    if wanted.expire_days or wanted.lone_markers:
        expiration = Expiration(
            days=wanted.expire_days, expired_object_delete_marker=wanted.lone_markers or None
        )
    old = None
    if wanted.old_version_days or wanted.keep_old_versions:
        old = NoncurrentVersionExpiration(wanted.old_version_days, wanted.keep_old_versions)
    abort = AbortIncompleteMultipartUpload(wanted.abort_upload_days) if wanted.abort_upload_days else None
    return Rule(
        status=ENABLED if wanted.enabled else DISABLED,
        rule_filter=which,
        rule_id=wanted.id,
        expiration=expiration,
        noncurrent_version_expiration=old,
        abort_incomplete_multipart_upload=abort,
    )


def _rules(clients: Clients, bucket: str) -> list[Rule]:
    found = clients.s3.get_bucket_lifecycle(bucket)
    return list(found.rules) if found else []


@router.get("")
async def read_lifecycle(link: Reading, bucket: BucketName) -> Lifecycle:
    """The rules that are set."""
    return Lifecycle(rules=[_shown(rule) for rule in await link.run(lambda clients: _rules(clients, bucket))])


@router.put("")
async def set_lifecycle(link: Writing, bucket: BucketName, wanted: Lifecycle) -> Lifecycle:
    """Set all rules. One with ``other`` stays as the server has it."""
    names = [rule.id for rule in wanted.rules]
    if len(set(names)) != len(names):
        raise Refused("Two rules have the same name.")

    def work(clients: Clients) -> Lifecycle:
        there = {rule.rule_id: rule for rule in _rules(clients, bucket)}
        gone = [rule.id for rule in wanted.rules if rule.other and rule.id not in there]
        if gone:
            raise Conflict(f"The rule '{gone[0]}' is not there any more.", hint="Load the rules again.")
        rules = [there[rule.id] if rule.other else _rule(rule) for rule in wanted.rules]
        if rules:
            clients.s3.set_bucket_lifecycle(bucket, LifecycleConfig(rules))
        else:
            clients.s3.delete_bucket_lifecycle(bucket)
        return Lifecycle(rules=[_shown(rule) for rule in _rules(clients, bucket)])

    return await link.run(work)
