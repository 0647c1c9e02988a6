"""Which URLs the registry takes."""

from __future__ import annotations

import pytest

from gateway.registry.database import BadDatabaseUrl, database_url


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("sqlite:////var/lib/plugway.db", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:////var/lib/plugway.db", "sqlite+aiosqlite"),
        ("postgresql://gateway@db/plugway", "postgresql+asyncpg"),
        ("postgres://gateway@db/plugway", "postgresql+asyncpg"),
        ("postgresql+psycopg://gateway@db/plugway", "postgresql+asyncpg"),
    ],
)
def test_the_driver_is_ours_to_choose(given: str, driver: str) -> None:
    assert database_url(given).drivername == driver


@pytest.mark.parametrize("given", ["mysql://u:hunter2@h/d", "hunter2", "", "postgresql://u:hunter2@h:port/d"])
def test_others_are_refused_without_repeating_a_password(given: str) -> None:
    with pytest.raises(BadDatabaseUrl) as caught:
        database_url(given)
    assert "hunter2" not in str(caught.value)
    assert "postgresql://" in caught.value.hint
