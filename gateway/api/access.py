"""Which role a route needs."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, Request

from gateway.access.roles import Role, allows
from gateway.api.guard import caller_of
from gateway.errors import Forbidden


class RoleTooLow(Forbidden):
    """The caller is known, but the role does not allow this."""

    key, title = "role-too-low", "Not allowed for this role"


def needs(role: Role) -> Any:
    """A route dependency that refuses callers below ``role``; marks the route for the OpenAPI document."""

    async def check(request: Request) -> None:
        caller = caller_of(request.scope)
        if not allows(caller, role):
            raise RoleTooLow(
                f"This needs the role '{role.value}'; '{caller.user}' has '{caller.role}'.",
                hint="Ask an administrator.",
            )

    check.needed_role = role  # type: ignore[attr-defined]  # read back by the test that walks all routes
    return Depends(check)
