"""Users of the server: list, make, enable and disable, set their policies and secret keys, delete."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Response
from plugway_sdk.web.models import ApiModel, Done
from plugway_sdk.web.problems import Conflict, NotFound, new_router
from pydantic import Field, SecretStr

from minio_management.accounts import (
    PREFIX,
    AccountName,
    After,
    Named,
    NewSecret,
    Policies,
    PolicyNames,
    Search,
    Status,
    check_policies,
    names_of,
    not_kept,
    page_of,
    secret_from,
    set_policies,
)
from minio_management.dependencies import Limit, Reading, Writing
from minio_management.links import Link
from minio_management.s3 import Clients

router = new_router("users", PREFIX)
_LENGTH = "8 to 40 characters; without it, a new one."


class User(ApiModel):
    """A user that the server itself keeps; its root user is not among them."""

    name: str
    enabled: bool
    policies: list[str] = Field(description="Attached to the user itself.")
    groups: list[str] = Field(description="Each may bring policies, too.")


class UserPage(ApiModel):
    """Some users in the order of their names."""

    users: list[User]
    after: str | None = Field(description="Send it to go on; null at the end.")
    total: int


class NewUser(ApiModel):
    """A user to make."""

    name: AccountName = Field(description="Its access key, too.", examples=["ann"])
    secret_key: SecretStr | None = Field(default=None, description=_LENGTH)
    policies: PolicyNames = Field(default_factory=list)


class WantedSecret(ApiModel):
    """A secret key to set."""

    secret_key: SecretStr | None = Field(default=None, description=_LENGTH)


def _user(name: str, entry: dict[str, Any]) -> User:
    return User(
        name=name,
        enabled=entry.get("status") == "enabled",
        policies=names_of(entry.get("policyName")),
        groups=sorted(entry.get("memberOf") or ()),
    )


def _all(clients: Clients) -> dict[str, User]:
    found: dict[str, dict[str, Any]] = json.loads(clients.admin.user_list())
    return {name: _user(name, entry) for name, entry in found.items()}


def _one(clients: Clients, name: str) -> User:
    return _user(name, json.loads(clients.admin.user_info(name)))


def _not_own(link: Link, name: str, act: str) -> None:
    if name == link.connection.access_key:
        raise Conflict(
            f"'{name}' is the user that this connection logs in as: it would {act}.",
            hint="Use another connection, or MinIO's own tool.",
        )


@router.get("/users")
async def list_users(link: Reading, search: Search = "", after: After = "", limit: Limit = 100) -> UserPage:
    """Users page by page, with their policies and groups."""
    everyone = await link.administer(_all)
    found = [user for user in everyone.values() if search in user.name]
    page, following = page_of(found, after, limit)
    return UserPage(users=page, after=following, total=len(found))


@router.post("/users", status_code=201)
async def create_user(link: Writing, new: NewUser, response: Response) -> NewSecret:
    """Make a user. Its secret key is told in the answer, and never again."""
    secret = secret_from(new.secret_key)

    def make(clients: Clients) -> None:
        # To the server, making one that there is means to set its secret key.
        if new.name in _all(clients):
            raise Conflict(f"There is a user named '{new.name}' already.", hint="Choose another name.")
        check_policies(clients, new.policies)
        clients.admin.user_add(new.name, secret)
        try:
            set_policies(clients, [], new.policies, user=new.name)
        except Exception:
            # Nobody would ever learn its secret key.
            clients.admin.user_remove(new.name)
            raise

    await link.administer(make)
    not_kept(response)
    return NewSecret(name=new.name, secret_key=secret)


@router.get("/user")
async def read_user(link: Reading, name: Named) -> User:
    """One user."""
    return await link.administer(lambda clients: _one(clients, name))


@router.put("/user/status")
async def set_user_status(link: Writing, name: Named, wanted: Status) -> Done:
    """Let a user log in, or no longer; its access keys with it."""
    _not_own(link, name, "lock itself out")

    def work(clients: Clients) -> None:
        (clients.admin.user_enable if wanted.enabled else clients.admin.user_disable)(name)

    await link.administer(work)
    return Done()


@router.put("/user/secret")
async def set_user_secret(link: Writing, name: Named, wanted: WantedSecret, response: Response) -> NewSecret:
    """Give a user another secret key; the one before no longer counts. Told in the answer only."""
    _not_own(link, name, "lose its login")
    secret = secret_from(wanted.secret_key)

    def work(clients: Clients) -> None:
        user = _all(clients).get(name)
        if user is None:
            raise NotFound(f"There is no user named '{name}'.", hint="Load the list again.")
        if not user.enabled:
            # Setting it enables the user, and for a moment would even if it were disabled again.
            raise Conflict(
                f"'{name}' is disabled, and a new secret key would enable it.", hint="Enable it first."
            )
        clients.admin.user_add(name, secret)

    await link.administer(work)
    not_kept(response)
    return NewSecret(name=name, secret_key=secret)


@router.put("/user/policies")
async def set_user_policies(link: Writing, name: Named, wanted: Policies) -> User:
    """Set all policies that are attached to a user itself."""

    def work(clients: Clients) -> User:
        set_policies(clients, _one(clients, name).policies, wanted.policies, user=name)
        return _one(clients, name)

    return await link.administer(work)


@router.delete("/user")
async def delete_user(link: Writing, name: Named) -> Done:
    """Delete a user and its access keys; groups lose it as a member."""
    _not_own(link, name, "delete itself")
    await link.administer(lambda clients: clients.admin.user_remove(name))
    return Done()
