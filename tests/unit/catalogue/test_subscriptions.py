"""``catalogues.toml``."""

from __future__ import annotations

import stat
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalogue.errors import BadCatalogues
from gateway.catalogue.subscriptions import (
    FILE,
    Subscription,
    add_subscription,
    load_subscriptions,
    parse_subscriptions,
    remove_subscription,
)
from gateway.trust.keys import generate

KEY, OTHER = generate().public, generate().public
ONE = Subscription(url="https://c.example/index.json", keys=(KEY,), index="acme")


def test_added_and_removed_again_with_comments_kept(tmp_path: Path) -> None:
    assert load_subscriptions(tmp_path) == {}
    add_subscription(tmp_path, "acme", ONE)
    file = tmp_path / FILE
    file.write_text("# mind this\n" + file.read_text())
    two = Subscription(url="https://d.example/i.json", keys=(KEY, OTHER), threshold=2)
    add_subscription(tmp_path, "b.two", two)
    assert load_subscriptions(tmp_path) == {"acme": ONE, "b.two": two}
    remove_subscription(tmp_path, "acme")
    assert load_subscriptions(tmp_path) == {"b.two": two}
    assert "# mind this" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_list_that_does_not_hold_is_neither_read_nor_written(tmp_path: Path) -> None:
    file = tmp_path / FILE
    file.write_text("catalogues = 7\n")
    with pytest.raises(BadCatalogues):
        add_subscription(tmp_path, "acme", ONE)
    assert file.read_text() == "catalogues = 7\n"


def test_a_link_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("catalogues = 1\n")
    (tmp_path / FILE).symlink_to(tmp_path / "real")
    with pytest.raises(BadCatalogues, match="link"):
        add_subscription(tmp_path, "acme", ONE)


@pytest.mark.parametrize(
    "entry",
    [
        'url = "https://x"',
        'url = "https://x"\nkeys = []',
        'url = "https://x"\nkeys = ["nothing"]',
        f'url = "https://x"\nkeys = ["{KEY.line}"]\nthreshold = 2',
        f'url = "https://x"\nkeys = ["{KEY.line}", "{KEY.line}"]\nthreshold = 2',
        f'url = "https://x"\nkeys = ["{KEY.line}"]\ntrusted = true',
        f'url = ""\nkeys = ["{KEY.line}"]',
    ],
    # Not the texts: each worker has a key of its own, and they have to agree on the names of tests.
    ids=["no key", "no keys", "bad key", "too few keys", "one key twice", "unknown field", "no address"],
)
def test_what_would_not_be_safe_is_refused(entry: str) -> None:
    with pytest.raises(BadCatalogues):
        parse_subscriptions(f"catalogues = 1\n[catalogue.acme]\n{entry}\n".encode())


@pytest.mark.parametrize("name", ["../up", ".pictures", "A", '"a b"', '""'])
def test_names_that_would_lead_elsewhere_are_refused(name: str) -> None:
    name = name if name.startswith('"') else f'"{name}"'
    text = f'catalogues = 1\n[catalogue.{name}]\nurl = "https://x"\nkeys = ["{KEY.line}"]\n'
    with pytest.raises(BadCatalogues):
        parse_subscriptions(text.encode())


@given(st.binary(max_size=100) | st.text(max_size=100).map(lambda text: text.encode(errors="ignore")))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(BadCatalogues):
        assert isinstance(parse_subscriptions(data), dict)
