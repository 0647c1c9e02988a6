"""Where the gateway is."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cli.connection import connection
from gateway.cli.exits import Exit, Failure


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PLUGWAY_URL", "PLUGWAY_PORT", "PLUGWAY_TOKEN", "PLUGWAY_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_defaults() -> None:
    assert connection().url == "http://127.0.0.1:8080"
    assert (connection().token, connection().origin, connection().local) == ("", "", True)


def test_the_port_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUGWAY_PORT", "9090")
    assert connection().url == "http://127.0.0.1:9090"


def test_the_token_of_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".plugway").mkdir()
    (tmp_path / ".plugway" / "admin.token").write_text("from-file\n")
    assert (connection().token, connection().origin) == ("from-file", ".plugway/admin.token")
    monkeypatch.setenv("PLUGWAY_TOKEN", "from-environment")
    monkeypatch.setenv("PLUGWAY_URL", "https://plugway.example/")
    where = connection()
    assert (where.url, where.token, where.local) == ("https://plugway.example", "from-environment", False)
    assert "from-environment" not in repr(where)


@pytest.mark.parametrize("url", ["foo", "ftp://h", "http://", "http://h:99999", "http://h:0", "http://[::1"])
def test_what_is_no_url(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PLUGWAY_URL", url)
    with pytest.raises(Failure) as caught:
        connection()
    assert caught.value.code == Exit.USAGE
