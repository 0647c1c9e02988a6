"""Whether this caller may make this request of the management API."""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import Request
from starlette.types import Scope as AsgiScope

from gateway.access.roles import allows, allows_somewhere
from gateway.api.ports import Store
from gateway.api.rights import Asked, Right, Scope
from gateway.errors import Forbidden, Internal
from gateway.model import Caller

ASKED = "plugway.asked"


class RoleTooLow(Forbidden):
    """The caller is known, but neither role nor grants allow this."""

    key, title = "role-too-low", "Not allowed for this role"


def check_right(asked: Asked, caller: Caller, scope: AsgiScope, store: Store) -> None:
    """Raises :class:`RoleTooLow`."""
    right = asked.right
    if right.role is None or _allowed(asked, right, caller, scope, store):
        return
    has = f"has '{caller.role}'" if caller.role else "has no role"
    grants = ", ".join(f"{grant} of {plugin}" for plugin, grant in caller.grants)
    raise RoleTooLow(
        f"This needs the role '{right.role.value}'; '{caller.user}' {has}{grants and f' and is {grants}'}.",
        hint="Ask an administrator.",
    )


def _allowed(asked: Asked, right: Right, caller: Caller, scope: AsgiScope, store: Store) -> bool:
    assert right.role is not None
    if right.scope is Scope.ANY:
        return allows_somewhere(caller, right.role)
    return allows(caller, right.role, _plugin(asked, caller, scope, store))


def _plugin(asked: Asked, caller: Caller, scope: AsgiScope, store: Store) -> str:
    """The plugin that the request is about; ``""`` where it is about more, or nobody knows."""
    kind = asked.right.scope
    if not caller.grants:
        return ""
    if kind is Scope.PLUGIN:
        return asked.parameters["id"]
    if kind is Scope.ROLLOUT:
        known = (record for record in store.rollouts() if record.id == asked.parameters["id"])
        return next((record.plugin_id for record in known), "")
    if kind is Scope.ASKED:
        # Repeated, it could mean another plugin to the route than to this check.
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        asked_for = query.get("plugin", [])
        return asked_for[0] if len(asked_for) == 1 else ""
    return ""


async def ruled(request: Request) -> None:
    """Answers for a route that the table of rights does not know: it is closed to everybody."""
    if ASKED not in request.scope:
        raise Internal("This route has no entry in the table of rights.")
