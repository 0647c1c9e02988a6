"""What a caller may do: with the gateway, with one plugin, with a plugin's routes.

A role holds for everything, a grant for one plugin (or for all, as ``*``):

========  =========================================  ==========================================
          in the management API                      on a plugin's routes
========  =========================================  ==========================================
viewer    looks; sees no secret, changes nothing     ``user`` routes, with safe methods only
user      nothing (a grant only)                     ``user`` routes
operator  runs what is installed                     ``user`` routes
admin     decides what is installed, and who may     ``user`` and ``admin`` routes
========  =========================================  ==========================================
"""

from __future__ import annotations

from enum import StrEnum

from gateway.access.csrf import SAFE_METHODS
from gateway.model import Access, Caller


class Role(StrEnum):
    """Look, run what is installed, decide what is installed."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class Grant(StrEnum):
    """What a token may do with one plugin."""

    VIEWER = "viewer"
    USER = "user"
    OPERATOR = "operator"
    ADMIN = "admin"


ANY = "*"
"""Stands for every plugin in a grant."""

_MANAGES = {"viewer": 1, "operator": 2, "admin": 3}
_CALLS = {"viewer": 1, "user": 2, "operator": 3, "admin": 4}


def allows(caller: Caller, needed: Role, plugin: str = "") -> bool:
    """Whether the caller's role, or a grant for ``plugin``, is ``needed`` or above.

    An unknown role allows nothing.
    """
    rank = _MANAGES[needed.value]
    if _MANAGES.get(caller.role, 0) >= rank:
        return True
    return bool(plugin) and any(
        _MANAGES.get(grant, 0) >= rank for name, grant in caller.grants if name in (plugin, ANY)
    )


def allows_somewhere(caller: Caller, needed: Role) -> bool:
    """Whether there is any plugin with which the caller may do this."""
    return allows(caller, needed) or any(allows(caller, needed, plugin) for plugin, _ in caller.grants)


def role_on(caller: Caller, plugin: str) -> str:
    """What the caller is to the plugin's routes: the role, or a grant that reaches further; or ``""``."""
    if not caller.grants:
        return caller.role if caller.role in _CALLS else ""
    mine = [caller.role, *(grant for name, grant in caller.grants if name in (plugin, ANY))]
    best = max(mine, key=lambda role: _CALLS.get(role, 0))
    return best if best in _CALLS else ""


def may_call(role: str, access: Access, method: str) -> bool:
    """Whether :func:`role_on` suffices for a route; ``method`` is WEBSOCKET for those."""
    rank = _CALLS.get(role, 0)
    if access is Access.PUBLIC:
        return True
    if access is Access.ADMIN:
        return rank >= _CALLS["admin"]
    return rank >= _CALLS["user"] or (rank > 0 and method in SAFE_METHODS)
