"""Tokens in real databases, and between gateways that share one."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.access.gatekeeper import Gatekeeper
from gateway.access.tokens import Tokens
from gateway.model import Caller
from gateway.registry.secrets import SecretCipher
from gateway.registry.store import RegistryStore
from gateway.registry.token_rows import TokenNameTaken
from tests.integration.test_registry_store import administer, database_of
from tests.postgres_server import postgres_server
from tests.running import until


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'plugway.db'}"
    return await fresh(str(request.getfixturevalue("postgres")))


async def fresh(server: str) -> str:
    name = f"test_{secrets.token_hex(6)}"
    await administer(database_of(server, "postgres"), f"CREATE DATABASE {name}")
    return database_of(server, name)


def keeper() -> Gatekeeper:
    return Gatekeeper(token="t" * 30, session_key="k" * 30, session_seconds=600.0)


async def test_tokens_are_what_they_were_after_a_restart(url: str, tmp_path: Path) -> None:
    cipher = SecretCipher(tmp_path / "key")
    store = await RegistryStore.open(url, cipher)
    tokens = Tokens(store.tokens, keeper())
    await tokens.open()
    grants = {"notes": "user", "*": "viewer"}
    made, _ = await tokens.create(name="ci", role="", grants=grants, expires_at=9e9, by="admin")
    gone, _ = await tokens.create(name="gone", role="admin", grants={}, expires_at=0.0, by="admin")
    with pytest.raises(TokenNameTaken):
        await tokens.create(name="ci", role="viewer", grants={}, expires_at=0.0, by="admin")
    await tokens.revoke(gone.id)
    await store.tokens.used({made.id: 123.0, gone.id: 5.0})
    await tokens.close()
    await store.close()

    again = await RegistryStore.open(url, cipher)
    (known,) = await again.tokens.all()
    await again.close()
    assert (known.name, known.digest, known.grants) == (
        "ci",
        made.digest,
        (("*", "viewer"), ("notes", "user")),
    )
    assert (known.expires_at, known.created_by, known.used_at) == (9e9, "admin", 123.0)


async def test_postgresql_another_gateway_hears_of_a_revocation_soon(postgres: str, tmp_path: Path) -> None:
    """The older gateway serves on, though it may not write any more."""
    url, cipher = await fresh(postgres), SecretCipher(tmp_path / "key")
    stores = [await RegistryStore.open(url, cipher) for _ in range(2)]
    keepers = [keeper(), keeper()]
    older, newer = (Tokens(store.tokens, k, refresh=0.1) for store, k in zip(stores, keepers, strict=True))
    await older.open()
    await newer.open()
    _, secret = await newer.create(name="ci", role="operator", grants={}, expires_at=0.0, by="admin")

    def at_the_older() -> Caller | None:
        return keepers[0].identify_token(secret)

    await until(at_the_older, "the token to be known at the other gateway")
    await newer.revoke("ci")
    assert keepers[1].identify_token(secret) is None
    await until(lambda: at_the_older() is None, "the revocation to be known at the other gateway")
    for tokens, store in zip((older, newer), stores, strict=True):
        await tokens.close()
        await store.close()
