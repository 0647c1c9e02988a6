from __future__ import annotations

import pytest

from gateway.access.roles import Role, allows
from gateway.model import Caller


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("viewer", {Role.VIEWER}),
        ("operator", {Role.VIEWER, Role.OPERATOR}),
        ("admin", {Role.VIEWER, Role.OPERATOR, Role.ADMIN}),
        ("root", set()),
        ("", set()),
    ],
)
def test_each_role_includes_those_below_it(role: str, allowed: set[Role]) -> None:
    caller = Caller(user="someone", role=role)
    assert {needed for needed in Role if allows(caller, needed)} == allowed
