"""What a caller's role allows. Each role includes the ones below it."""

from __future__ import annotations

from enum import StrEnum

from gateway.model import Caller


class Role(StrEnum):
    """Look, run what is installed, decide what is installed."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


_RANK = {Role.VIEWER.value: 1, Role.OPERATOR.value: 2, Role.ADMIN.value: 3}


def allows(caller: Caller, needed: Role) -> bool:
    """Whether the caller's role is ``needed`` or above; an unknown role allows nothing."""
    return _RANK.get(caller.role, 0) >= _RANK[needed.value]
