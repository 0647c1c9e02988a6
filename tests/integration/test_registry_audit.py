"""The audit log in real databases: it grows, and that is all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.registry.audit_chain import check_chain
from gateway.registry.secrets import SecretCipher
from gateway.registry.store import RegistryStore
from tests.integration.test_registry_tokens import fresh
from tests.postgres_server import postgres_server


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'plugway.db'}"
    return await fresh(str(request.getfixturevalue("postgres")))


async def test_entries_are_a_chain_in_the_order_they_came(url: str, tmp_path: Path) -> None:
    for _ in range(2):
        store = await RegistryStore.open(url, SecretCipher(tmp_path / "key"))
        await asyncio.gather(*(store.audit.append({"act": f"a{n}", "odd": "\x00é\ud800"}) for n in range(10)))
        entries = [entry async for entry in store.audit.all()]
        assert [entry["seq"] for entry in entries] == [*range(1, len(entries) + 1)]
        assert check_chain(entries).problem == ""
        newest = await store.audit.newest(0, 3)
        assert newest == entries[::-1][:3]
        assert await store.audit.newest(newest[-1]["seq"], 3) == entries[::-1][3:6]
        await store.close()
    assert len(entries) == 20


async def test_more_than_a_part_is_exported_without_a_gap(tmp_path: Path) -> None:
    store = await RegistryStore.open(f"sqlite:///{tmp_path / 'plugway.db'}", SecretCipher(tmp_path / "key"))
    for number in range(1001):
        await store.audit.append({"act": str(number)})
    assert check_chain([entry async for entry in store.audit.all()]).entries == 1001
    await store.close()


CHANGES = [
    "UPDATE audit SET entry = '{}' WHERE seq = 2",
    "UPDATE audit SET at = 0",
    "DELETE FROM audit WHERE seq = 3",
    "DELETE FROM audit",
    "INSERT INTO audit (seq, at, entry) VALUES (2, 0, '{}')",
    "INSERT OR REPLACE INTO audit (seq, at, entry) VALUES (2, 0, '{}')",
    "TRUNCATE audit",
]


@pytest.mark.parametrize("statement", CHANGES)
async def test_the_database_refuses_to_change_it(url: str, tmp_path: Path, statement: str) -> None:
    only = {"TRUNCATE": "postgresql", "INSERT OR": "sqlite"}
    if any(statement.startswith(word) and not url.startswith(kind) for word, kind in only.items()):
        # Not a statement of this database; the other runs it.
        return
    store = await RegistryStore.open(url, SecretCipher(tmp_path / "key"))
    for number in range(3):
        await store.audit.append({"act": str(number)})
    driver = url.replace("sqlite:", "sqlite+aiosqlite:").replace("postgresql:", "postgresql+asyncpg:")
    engine = create_async_engine(driver)
    with pytest.raises(DBAPIError):
        async with engine.begin() as connection:
            await connection.execute(text(statement))
    await engine.dispose()
    checked = check_chain([entry async for entry in store.audit.all()])
    assert (checked.problem, checked.entries) == ("", 3)
    await store.close()
