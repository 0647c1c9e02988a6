"""Indexes that a bundle brings, held against the gateway's own list."""

from __future__ import annotations

import time

import pytest

from gateway.catalogue.brought import judge_brought, offering
from gateway.catalogue.errors import CatalogueRefused
from gateway.catalogue.standing import Standing
from gateway.catalogue.subscriptions import Subscription
from gateway.definition import parse_definition
from tests.fakes.catalogue import index, plugin, signed, version
from tests.signing import ONE, STRANGER

NOW = time.time()


def listed(name: str = "acme", known_as: str = "acme") -> Standing:
    wanted = Subscription(url="https://plugins.example/index.json", keys=(ONE.public,), index=known_as)
    return Standing(name=name, subscription=wanted, problem="It was not fetched yet.")


def taken(data: bytes, standing: Standing) -> Standing:
    brought = judge_brought(data, [standing], NOW)
    assert brought.standing is not None, brought.words
    return brought.standing


def test_it_is_taken_where_the_keys_of_the_list_have_signed_it() -> None:
    standing = taken(signed(index(plugin("clock"), serial=3), [ONE]), listed())
    assert standing.index is not None
    assert [*standing.index.plugins] == ["clock"]
    assert (standing.kept.seen.serial, standing.problem) == (3, "")


def test_the_name_of_one_that_was_never_fetched_is_learnt() -> None:
    standing = taken(signed(index(plugin("clock")), [ONE]), listed("mine", known_as=""))
    assert standing.subscription.index == "acme"


def test_one_of_that_name_and_another_key_is_refused() -> None:
    with pytest.raises(CatalogueRefused, match="None of the keys"):
        judge_brought(signed(index(plugin("clock")), [STRANGER]), [listed()], NOW)


@pytest.mark.parametrize("known_as", ["other", ""])
def test_one_that_nobody_here_knows_is_told_and_not_taken(known_as: str) -> None:
    brought = judge_brought(signed(index(plugin("clock")), [STRANGER]), [listed("x", known_as)], NOW)
    assert (brought.standing, brought.catalogue) == (None, "")
    assert "nobody vouches" in brought.words


def test_an_older_one_and_the_same_once_more_change_nothing() -> None:
    two = signed(index(plugin("clock"), serial=2), [ONE])
    standing = taken(two, listed())
    again = judge_brought(two, [standing], NOW)
    assert (again.standing, again.words) == (None, "It is the one that is here.")
    older = judge_brought(signed(index(plugin("clock"), serial=1), [ONE]), [standing], NOW)
    assert older.standing is None
    assert "newer: serial 2, not 1" in older.words


def test_another_with_the_serial_of_one_seen_is_refused() -> None:
    standing = taken(signed(index(plugin("clock"), serial=2), [ONE]), listed())
    with pytest.raises(CatalogueRefused, match="two different indexes"):
        judge_brought(signed(index(plugin("other"), serial=2), [ONE]), [standing], NOW)


def test_one_that_has_expired_is_not_taken() -> None:
    brought = judge_brought(signed(index(plugin("clock"), days=-1), [ONE]), [listed()], NOW)
    assert brought.standing is None
    assert "expired" in brought.words


@pytest.mark.parametrize("data", [b"", b"{}", signed({"catalogue": 1}, [ONE])], ids=["empty", "none", "form"])
def test_what_is_no_index_is_refused(data: bytes) -> None:
    with pytest.raises(CatalogueRefused):
        judge_brought(data, [listed()], NOW)


def test_carried_along_is_what_has_the_very_definition() -> None:
    offered = version("clock", "1.0.0")
    standing = taken(data := signed(index(plugin("clock", offered)), [ONE]), listed())
    definition = parse_definition(offered["definition"])
    assert offering([standing], [definition], NOW) == (data,)
    other = definition.model_copy(update={"checksum": f"sha256:{'0' * 64}"})
    assert offering([standing], [other], NOW) == ()
