"""What users, groups, policies and access keys have in common."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Protocol, TypeVar

from fastapi import Query, Response
from plugway_sdk.web.models import ApiModel
from plugway_sdk.web.problems import Refused
from pydantic import Field, SecretStr, StringConstraints

from minio_management.s3 import Clients

PREFIX = "/accounts"
"""Of all these routes: they are for administrators, also those that only look."""

AccountName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Named = Annotated[str, Query(min_length=1, max_length=200, description="Its name.")]
Search = Annotated[str, Query(max_length=200, description="Part of the name.")]
After = Annotated[str, Query(max_length=200, description="The last name of the page before.")]
PolicyNames = Annotated[list[AccountName], Field(max_length=100)]


class NewSecret(ApiModel):
    """Told this once: the server does not tell it again, and the plugin keeps it nowhere."""

    name: str = Field(description="The access key that goes with it; of a user, the user's name.")
    secret_key: str = Field(repr=False)


class Policies(ApiModel):
    """All policies that are to be attached."""

    policies: PolicyNames


class Status(ApiModel):
    """Whether it counts."""

    enabled: bool


class _HasName(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_HasName)


def page_of(found: Iterable[N], after: str, limit: int) -> tuple[list[N], str | None]:
    """Some of them in the order of their names, and where the next page begins (None at the end)."""
    rest = sorted((one for one in found if one.name > after), key=lambda one: one.name)
    return rest[:limit], rest[limit - 1].name if len(rest) > limit else None


def names_of(text: str | None) -> list[str]:
    """A list as the server writes it: with commas, sorted."""
    return sorted(name for name in (text or "").split(",") if name)


def secret_from(given: SecretStr | None) -> str:
    """What was given, or a new one: as many letters, digits and hyphens as the server takes; 240 bits."""
    return given.get_secret_value() if given else secrets.token_urlsafe(30)


def not_kept(response: Response) -> None:
    """Tell whatever the answer passes that it is not to be kept."""
    response.headers["cache-control"] = "no-store"


def known_policies(clients: Clients) -> dict[str, dict[str, Any]]:
    """Every policy of the server by name."""
    found: dict[str, dict[str, Any]] = json.loads(clients.admin.policy_list())
    return found


def check_policies(clients: Clients, wanted: Iterable[str]) -> None:
    """Raises Refused for a policy that there is not."""
    missing = sorted(set(wanted) - set(known_policies(clients)))
    if missing:
        raise Refused(f"There is no policy named '{missing[0]}'.", hint="Load the policies again.")


def set_policies(clients: Clients, now: list[str], wanted: list[str], **holder: str) -> None:
    """Attach and detach until ``holder`` (``user=`` or ``group=``) has what is wanted.

    What is new comes first: at no moment has it less than both before and after.
    """
    check_policies(clients, set(wanted) - set(now))
    steps: tuple[tuple[Callable[..., str], set[str]], ...] = (
        (clients.admin.attach_policy, set(wanted) - set(now)),
        (clients.admin.detach_policy, set(now) - set(wanted)),
    )
    for step, names in steps:
        if names:
            step(sorted(names), **holder)
