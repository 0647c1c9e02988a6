"""Access keys (MinIO: service accounts): more logins of one user, which may be bound and may end."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Query, Response
from plugway_sdk.web.models import ApiModel, Done
from plugway_sdk.web.problems import Conflict, new_router
from pydantic import Field

from minio_management.accounts import PREFIX, NewSecret, not_kept
from minio_management.dependencies import Limit, Reading, Writing
from minio_management.policy_documents import check_document
from minio_management.s3 import Clients

router = new_router("access keys", PREFIX)
NAME = r"^[A-Za-z][A-Za-z0-9_-]*$"
AccessKeyName = Annotated[str, Query(min_length=1, max_length=200, description="The access key.")]


class AccessKey(ApiModel):
    """An access key; its secret key was told when it was made, and is not told again."""

    access_key: str
    user: str
    label: str
    description: str
    enabled: bool
    expires: datetime | None = Field(description="Null for never.")
    bound: bool = Field(description="It has a policy of its own; otherwise it may what its user may.")


class AccessKeys(ApiModel):
    """Some access keys of a user, in their order."""

    access_keys: list[AccessKey]
    after: str | None = Field(description="Send it to go on; null at the end.")
    total: int


class AccessKeyDetails(AccessKey):
    """One access key."""

    policy: dict[str, Any] | None = Field(description="Its own; null where it has none.")


class NewAccessKey(ApiModel):
    """An access key to make, of the user that the connection logs in as."""

    label: str = Field(default="", max_length=32, pattern=f"^$|{NAME}", examples=["backup-job"])
    description: str = Field(default="", max_length=256)
    days: int | None = Field(default=None, ge=1, le=365, description="It ends after so many; null for never.")
    policy: dict[str, Any] | None = Field(
        default=None, description="Binds it: it may what both this and its user's policies allow."
    )


def _key(name: str, entry: dict[str, Any]) -> AccessKey:
    ends = entry.get("expiration") or ""
    return AccessKey(
        access_key=name,
        user=entry.get("parentUser") or "",
        label=entry.get("name") or "",
        description=entry.get("description") or "",
        enabled=entry.get("accountStatus") == "on",
        expires=None if not ends or ends.startswith(("1970-", "0001-")) else datetime.fromisoformat(ends),
        bound=not entry.get("impliedPolicy", True),
    )


@router.get("/access-keys")
async def list_access_keys(
    link: Reading,
    user: Annotated[str, Query(max_length=200, description="Whose; without it, the connection's own.")] = "",
    after: Annotated[str, Query(max_length=200)] = "",
    limit: Limit = 100,
) -> AccessKeys:
    """Access keys of one user."""

    def work(clients: Clients) -> list[dict[str, Any]]:
        return list(json.loads(clients.admin.list_service_account(user))["accounts"] or ())

    found = sorted(await link.administer(work), key=lambda entry: str(entry["accessKey"]))
    rest = [entry for entry in found if entry["accessKey"] > after]
    return AccessKeys(
        access_keys=[_key(entry["accessKey"], entry) for entry in rest[:limit]],
        after=rest[limit - 1]["accessKey"] if len(rest) > limit else None,
        total=len(found),
    )


@router.post("/access-keys", status_code=201)
async def create_access_key(link: Writing, new: NewAccessKey, response: Response) -> NewSecret:
    """Make an access key. Its secret key is told in the answer, and never again."""
    if new.policy is not None:
        check_document(new.policy)
    ends = datetime.now(UTC) + timedelta(days=new.days) if new.days else None

    def make(clients: Clients) -> dict[str, str]:
        answer = clients.admin.add_service_account(
            name=new.label or None,
            description=new.description or None,
            policy=new.policy,
            expiration=ends.strftime("%Y-%m-%dT%H:%M:%SZ") if ends else None,
        )
        made: dict[str, str] = json.loads(answer)["credentials"]
        return made

    made = await link.administer(make)
    not_kept(response)
    return NewSecret(name=made["accessKey"], secret_key=made["secretKey"])


@router.get("/access-key")
async def read_access_key(link: Reading, key: AccessKeyName) -> AccessKeyDetails:
    """One access key with its policy."""
    text = await link.administer(lambda clients: clients.admin.get_service_account(key))
    entry: dict[str, Any] = json.loads(text)
    found = _key(key, entry)
    policy = json.loads(entry.get("policy") or "null") if found.bound else None
    return AccessKeyDetails(**found.model_dump(), policy=policy)


@router.delete("/access-key")
async def delete_access_key(link: Writing, key: AccessKeyName) -> Done:
    """Delete an access key: what uses it is refused at once."""
    if key == link.connection.access_key:
        raise Conflict(
            f"'{key}' is the access key that this connection logs in with.",
            hint="Enter another one in the plugin's settings first.",
        )
    await link.administer(lambda clients: clients.admin.delete_service_account(key))
    return Done()
