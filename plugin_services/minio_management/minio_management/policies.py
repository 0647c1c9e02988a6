"""Policies of the server, which users and groups have attached: list, look, make, change, delete."""

from __future__ import annotations

import json
from typing import Any

from plugway_sdk.web.models import ApiModel, Done
from plugway_sdk.web.problems import Conflict, NotFound, new_router
from pydantic import Field

from minio_management.accounts import PREFIX, AccountName, After, Named, Search, known_policies, page_of
from minio_management.dependencies import Limit, Reading, Writing
from minio_management.policy_documents import check_document
from minio_management.s3 import Clients

router = new_router("policies", PREFIX)
BUILT_IN = frozenset(("consoleAdmin", "diagnostics", "readonly", "readwrite", "writeonly"))
"""The server brings them back at its next start."""


class PolicyEntry(ApiModel):
    """A policy in a list."""

    name: str
    built_in: bool = Field(description="Comes with the server, and stays as it is.")
    statements: int


class PolicyPage(ApiModel):
    """Some policies in the order of their names."""

    policies: list[PolicyEntry]
    after: str | None = Field(description="Send it to go on; null at the end.")
    total: int


class PolicyDetails(ApiModel):
    """What a policy says, and who has it attached."""

    name: str
    built_in: bool
    document: dict[str, Any] = Field(description="As AWS writes them.")
    users: list[str]
    groups: list[str]


class PolicyDocument(ApiModel):
    """What a policy is to say."""

    document: dict[str, Any] = Field(description="As AWS writes them.")


class NewPolicy(PolicyDocument):
    """A policy to make."""

    name: AccountName = Field(examples=["photos-read"])


def _holders(clients: Clients, name: str) -> tuple[list[str], list[str]]:
    found: dict[str, Any] = json.loads(clients.admin.get_policy_entities([], [], [name]))
    entries = [entry for entry in found.get("policyMappings") or () if entry.get("policy") == name]
    entry = entries[0] if entries else {}
    return sorted(entry.get("users") or ()), sorted(entry.get("groups") or ())


def _details(clients: Clients, name: str) -> PolicyDetails:
    document: dict[str, Any] = json.loads(clients.admin.policy_info(name))
    users, groups = _holders(clients, name)
    return PolicyDetails(name=name, built_in=name in BUILT_IN, document=document, users=users, groups=groups)


def _changeable(clients: Clients, name: str) -> None:
    """Raises NotFound or Conflict; of one that there is not, the server says that it was deleted."""
    if name in BUILT_IN:
        raise Conflict(f"'{name}' comes with MinIO and stays as it is.", hint="Make one of your own like it.")
    if name not in known_policies(clients):
        raise NotFound(f"There is no policy named '{name}'.", hint="Load the list again.")


@router.get("/policies")
async def list_policies(
    link: Reading, search: Search = "", after: After = "", limit: Limit = 100
) -> PolicyPage:
    """Policies page by page."""
    known = await link.administer(known_policies)
    found = [
        PolicyEntry(name=name, built_in=name in BUILT_IN, statements=len(document.get("Statement") or ()))
        for name, document in known.items()
        if search in name
    ]
    page, following = page_of(found, after, limit)
    return PolicyPage(policies=page, after=following, total=len(found))


@router.post("/policies", status_code=201)
async def create_policy(link: Writing, new: NewPolicy) -> PolicyDetails:
    """Make a policy. One that the server does not take is refused with its reason."""
    check_document(new.document)

    def make(clients: Clients) -> PolicyDetails:
        # To the server, making one that there is means to replace it.
        if new.name in known_policies(clients):
            raise Conflict(f"There is a policy named '{new.name}' already.", hint="Choose another name.")
        clients.admin.policy_add(new.name, policy=new.document)
        return _details(clients, new.name)

    return await link.administer(make)


@router.get("/policy")
async def read_policy(link: Reading, name: Named) -> PolicyDetails:
    """What a policy says, and who has it."""
    return await link.administer(lambda clients: _details(clients, name))


@router.put("/policy")
async def change_policy(link: Writing, name: Named, wanted: PolicyDocument) -> PolicyDetails:
    """Replace what a policy says; at once, for everybody who has it."""
    check_document(wanted.document)

    def work(clients: Clients) -> PolicyDetails:
        _changeable(clients, name)
        clients.admin.policy_add(name, policy=wanted.document)
        return _details(clients, name)

    return await link.administer(work)


@router.delete("/policy")
async def delete_policy(link: Writing, name: Named) -> Done:
    """Delete a policy that nobody has attached."""

    def work(clients: Clients) -> None:
        _changeable(clients, name)
        users, groups = _holders(clients, name)
        if users or groups:
            holders = [*(f"user {user}" for user in users), *(f"group {group}" for group in groups)]
            more = f" and {len(holders) - 3} more" if len(holders) > 3 else ""
            raise Conflict(
                f"'{name}' is attached to {', '.join(holders[:3])}{more}.", hint="Detach it from them first."
            )
        clients.admin.policy_remove(name)

    await link.administer(work)
    return Done()
