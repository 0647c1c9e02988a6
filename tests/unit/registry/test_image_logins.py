"""Logins to registries: encrypted at rest, bound to their host, and docker's own where that is asked for."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest

from gateway.errors import BadInput
from gateway.model import Login
from gateway.registry.image_logins import FILE, ImageLogins, LoginsUnreadable
from gateway.registry.secrets import SecretCipher, SecretsUnreadable

HOST, LOGIN = "registry.example:5000", Login(username="reader", password="p:w ü")


def store(home: Path, docker: Path | None = None) -> ImageLogins:
    return ImageLogins(home, SecretCipher(home / "keys" / "secrets.key"), docker)


def test_a_login_is_kept_encrypted_and_for_its_owner_only(tmp_path: Path) -> None:
    store(tmp_path).put(HOST, LOGIN)
    assert store(tmp_path).find(HOST) == LOGIN
    assert store(tmp_path).find("other.example") is None
    assert store(tmp_path).users() == {HOST: "reader"}
    text = (tmp_path / FILE).read_text()
    assert "reader" not in text
    assert "p:w" not in text
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert "p:w" not in repr(LOGIN)
    assert store(tmp_path).remove(HOST)
    assert not store(tmp_path).remove(HOST)
    assert store(tmp_path).find(HOST) is None


def test_a_login_cannot_be_given_to_another_host_in_the_file(tmp_path: Path) -> None:
    store(tmp_path).put(HOST, LOGIN)
    tokens = json.loads((tmp_path / FILE).read_text())
    (tmp_path / FILE).write_text(json.dumps({"evil.example": tokens[HOST]}))
    with pytest.raises(SecretsUnreadable) as caught:
        store(tmp_path).find("evil.example")
    assert "p:w" not in f"{caught.value.problem()}"


@pytest.mark.parametrize("text", ["[]", "{", '{"registry.example:5000": 1}', " " * (2**20 + 1)])
def test_a_damaged_file_is_told_and_nothing_is_guessed(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(LoginsUnreadable):
        store(tmp_path).find(HOST)
    with pytest.raises(LoginsUnreadable):
        store(tmp_path).put(HOST, LOGIN)
    assert (tmp_path / FILE).read_text() == text


@pytest.mark.parametrize(
    ("user", "password"), [("", "x"), ("a", ""), ("a:b", "x"), ("a", "x\n"), ("a\0", "x")]
)
def test_what_http_cannot_carry_is_refused(tmp_path: Path, user: str, password: str) -> None:
    with pytest.raises(BadInput):
        store(tmp_path).put(HOST, Login(username=user, password=password))
    assert not (tmp_path / FILE).exists()


def test_dockers_logins_are_read_where_the_operator_says_so(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    auths = {HOST: "reader:p:w ü", "https://index.hub.example/v1/": "hub:x"}
    encoded = {host: {"auth": base64.b64encode(text.encode()).decode()} for host, text in auths.items()}
    config.write_text(json.dumps({"auths": {**encoded, "empty.example": {}, "bad.example": {"auth": "%"}}}))
    assert store(tmp_path).find(HOST) is None
    logins = store(tmp_path, config)
    assert logins.find(HOST) == LOGIN
    assert logins.find("hub.example") == Login(username="hub", password="x")
    assert logins.find("empty.example") is None
    with pytest.raises(LoginsUnreadable, match="damaged"):
        logins.find("bad.example")
    logins.put(HOST, Login(username="ours", password="y"))
    assert logins.find(HOST) == Login(username="ours", password="y")


@pytest.mark.parametrize("helper", [{"credsStore": "desktop"}, {"credHelpers": {HOST: "ecr-login"}}])
def test_a_credential_helper_is_named_as_what_it_is(tmp_path: Path, helper: dict[str, object]) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps(helper))
    with pytest.raises(LoginsUnreadable, match="helper program"):
        store(tmp_path, config).find(HOST)
