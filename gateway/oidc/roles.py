"""Which role a person has by what the provider says of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.errors import BadInput

_RANK = ("viewer", "user", "operator", "admin")


class BadRoleMapping(BadInput):
    """``PLUGWAY_OIDC_ROLES`` does not hold."""

    key, title = "bad-role-mapping", "The mapping of roles does not hold"


def read_mapping(text: str) -> dict[str, str]:
    """``value=role`` by comma; ``*`` is everybody. Raises :class:`BadRoleMapping`."""
    mapping: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        value, _, role = part.rpartition("=")
        if not value or role not in _RANK:
            raise BadRoleMapping(
                f"'{part}' in PLUGWAY_OIDC_ROLES is not VALUE=ROLE.", hint=f"Roles are: {', '.join(_RANK)}."
            )
        mapping[value] = role
    return mapping


def role_of(claims: Mapping[str, Any], claim: str, mapping: Mapping[str, str]) -> str:
    """The highest role of those that the claim's values have; ``""`` for none.

    ``claim`` may be a path with dots, such as ``realm_access.roles``.
    """
    found: Any = claims.get(claim)
    if found is None:
        found = claims
        for name in claim.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
    values = found if isinstance(found, list) else [found]
    roles = [mapping[value] for value in values if isinstance(value, str) and value in mapping]
    if "*" in mapping:
        roles.append(mapping["*"])
    return max(roles, key=_RANK.index, default="")
