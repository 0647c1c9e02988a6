"""Hints for names that nothing bears."""

from __future__ import annotations

import pytest

from gateway.hints import near

KNOWN = ("notes", "redis-management", "minio-management")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("note", "Did you mean 'notes'?"),
        ("redis", "Did you mean 'redis-management'?"),
        ("redis_management", "Did you mean 'redis-management' or 'minio-management'?"),
        ("zzz", "There are: minio-management, notes, redis-management."),
        ("", "There are: minio-management, notes, redis-management."),
    ],
)
def test_near_names(name: str, hint: str) -> None:
    assert near(name, KNOWN) == hint


def test_nothing_near_among_many_or_none() -> None:
    assert near("zzz", [], otherwise="Install it.") == "Install it."
    assert near("zzz", [f"plugin-{n}" for n in range(20)], otherwise="See the list.") == "See the list."
