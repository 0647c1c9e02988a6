"""``plugway registry``: what it stores, and what it never prints."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from gateway.registry.image_logins import ImageLogins
from gateway.registry.secrets import SecretCipher
from tests.command import plugway


async def test_a_login_is_stored_listed_and_forgotten_without_a_gateway(tmp_path: Path) -> None:
    home = tmp_path / "home"
    env = {"PLUGWAY_HOME": str(home)}
    command = ("registry", "login", "Registry.Example:5000", "--username", "reader", "--password-stdin")
    stored = await plugway(*command, **env, stdin="hunter2\n")
    assert (stored.code, stored.out) == (0, "The login of reader for registry.example:5000 is stored.\n")
    logins = ImageLogins(home, SecretCipher(home / "keys" / "secrets.key"))
    found = await asyncio.to_thread(logins.find, "registry.example:5000")
    assert found is not None
    assert found.password == "hunter2"
    listed = await plugway("registry", "list", "--json", **env)
    assert json.loads(listed.out) == [{"host": "registry.example:5000", "username": "reader"}]
    assert "hunter2" not in stored.out + stored.err + listed.out + listed.err
    assert not [f for f in home.rglob("*") if f.is_file() and b"hunter2" in f.read_bytes()]
    gone = await plugway("registry", "logout", "registry.example:5000", **env)
    assert gone.code == 0
    assert (await plugway("registry", "list", **env)).out == "No login is stored.\n"


async def test_what_is_no_host_and_a_missing_password_end_in_words(tmp_path: Path) -> None:
    env = {"PLUGWAY_HOME": str(tmp_path / "home")}
    bad = await plugway("registry", "login", "https://x", "-u", "a", "--password-stdin", **env, stdin="b")
    assert bad.code == 2
    assert "host that is none" in bad.err
    mute = await plugway("registry", "login", "registry.example", "-u", "a", **env)
    assert mute.code == 2
    assert "--password-stdin" in mute.err
    empty = await plugway("registry", "login", "registry.example", "-u", "a", "--password-stdin", **env)
    assert empty.code == 6
    assert not (tmp_path / "home" / "registries.json").exists()
