"""Roles and grants: pure."""

from __future__ import annotations

import pytest

from gateway.access.roles import Role, allows, allows_somewhere, may_call, role_on
from gateway.model import Access, Caller


def caller(role: str = "", **grants: str) -> Caller:
    return Caller(user="vera", role=role, grants=tuple(grants.items()))


@pytest.mark.parametrize(
    ("role", "allowed"),
    [("viewer", 1), ("operator", 2), ("admin", 3), ("user", 0), ("", 0), ("root", 0), ("Admin", 0)],
)
def test_each_role_includes_the_ones_below(role: str, allowed: int) -> None:
    assert [allows(caller(role), needed) for needed in Role] == [at < allowed for at in range(3)]


def test_a_grant_holds_for_its_plugin_only() -> None:
    operates = caller(notes="operator")
    assert allows(operates, Role.OPERATOR, "notes")
    assert allows(operates, Role.VIEWER, "notes")
    assert not allows(operates, Role.ADMIN, "notes")
    assert not allows(operates, Role.VIEWER, "other")
    assert not allows(operates, Role.VIEWER)
    assert allows_somewhere(operates, Role.OPERATOR)
    assert not allows_somewhere(operates, Role.ADMIN)


def test_a_user_of_a_plugin_manages_nothing() -> None:
    user = caller(notes="user")
    assert not allows(user, Role.VIEWER, "notes")
    assert not allows_somewhere(user, Role.VIEWER)


def test_a_star_is_every_plugin_but_not_the_gateway() -> None:
    every = Caller(user="vera", role="", grants=(("*", "operator"),))
    assert allows(every, Role.OPERATOR, "notes")
    assert not allows(every, Role.VIEWER)


def test_what_reaches_further_counts() -> None:
    both = caller("viewer", notes="user")
    assert role_on(both, "notes") == "user"
    assert role_on(both, "other") == "viewer"
    assert role_on(caller("admin", notes="viewer"), "notes") == "admin"
    assert role_on(caller("", notes="nonsense"), "notes") == ""
    assert role_on(caller("nonsense"), "notes") == ""


@pytest.mark.parametrize(
    ("role", "reads", "writes", "administers"),
    [
        ("", False, False, False),
        ("nonsense", False, False, False),
        ("viewer", True, False, False),
        ("user", True, True, False),
        ("operator", True, True, False),
        ("admin", True, True, True),
    ],
)
def test_routes_of_plugins(role: str, reads: bool, writes: bool, administers: bool) -> None:
    for method in ("GET", "HEAD", "OPTIONS"):
        assert may_call(role, Access.USER, method) is reads
    for method in ("POST", "PUT", "PATCH", "DELETE", "WEBSOCKET", "PROPFIND"):
        assert may_call(role, Access.USER, method) is writes
        assert may_call(role, Access.PUBLIC, method)
    assert may_call(role, Access.ADMIN, "GET") is administers
