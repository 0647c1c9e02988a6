"""Secrets at rest."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from gateway.model import PluginId
from gateway.registry.secrets import SecretCipher, SecretsUnreadable

NOTES, REDIS = PluginId("notes"), PluginId("redis-management")
SECRETS = {"/password": "hunter2-Ω"}


def test_round_trip_and_nothing_in_clear(tmp_path: Path) -> None:
    cipher = SecretCipher(tmp_path / "keys" / "secrets.key")
    token = cipher.encrypt(NOTES, SECRETS)
    assert "hunter2" not in token
    assert "password" not in token
    assert cipher.decrypt(NOTES, token) == SECRETS
    assert SecretCipher(tmp_path / "keys" / "secrets.key").decrypt(NOTES, token) == SECRETS


def test_constructing_makes_nothing_and_the_key_is_private(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "secrets.key"
    cipher = SecretCipher(file)
    assert not file.parent.exists()
    cipher.encrypt(NOTES, SECRETS)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["secrets.key"]


def test_a_token_is_of_no_use_to_another_plugin(tmp_path: Path) -> None:
    cipher = SecretCipher(tmp_path / "key")
    token = cipher.encrypt(NOTES, SECRETS)
    with pytest.raises(SecretsUnreadable, match="written for notes") as caught:
        cipher.decrypt(REDIS, token)
    assert "hunter2" not in str(caught.value)


def test_a_lost_key_is_said_and_not_made_anew(tmp_path: Path) -> None:
    file = tmp_path / "key"
    token = SecretCipher(file).encrypt(NOTES, SECRETS)
    file.unlink()
    with pytest.raises(SecretsUnreadable, match="missing") as caught:
        SecretCipher(file).decrypt(NOTES, token)
    assert "backup" in caught.value.hint
    assert not file.exists()


def test_another_key_is_said(tmp_path: Path) -> None:
    token = SecretCipher(tmp_path / "one").encrypt(NOTES, SECRETS)
    other = SecretCipher(tmp_path / "two")
    other.encrypt(NOTES, SECRETS)
    with pytest.raises(SecretsUnreadable, match="not the one they were written with"):
        other.decrypt(NOTES, token)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    token = SecretCipher(file).encrypt(NOTES, SECRETS)
    file.chmod(0o644)
    with pytest.raises(SecretsUnreadable) as caught:
        SecretCipher(file).decrypt(NOTES, token)
    assert "chmod 600" in caught.value.hint


def test_a_file_without_a_key_is_said(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.touch(mode=0o600)
    file.write_text("not a key\n")
    with pytest.raises(SecretsUnreadable, match="does not hold a key"):
        SecretCipher(file).encrypt(NOTES, SECRETS)


def test_keys_can_be_changed(tmp_path: Path) -> None:
    file = tmp_path / "key"
    old = SecretCipher(file).encrypt(NOTES, SECRETS)
    file.write_bytes(Fernet.generate_key() + b"\n" + file.read_bytes())
    changed = SecretCipher(file)
    assert changed.decrypt(NOTES, old) == SECRETS
    new = changed.encrypt(NOTES, SECRETS)
    file.write_bytes(file.read_bytes().splitlines()[0])
    assert SecretCipher(file).decrypt(NOTES, new) == SECRETS
