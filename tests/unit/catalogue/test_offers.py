"""Search, choice, and what counts as newer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.catalogue.errors import Ambiguous, NotOffered
from gateway.catalogue.index import parse_index
from gateway.catalogue.offers import Offer, catalogue_offers, choose, newer, origin, own_offers, search
from gateway.catalogue.standing import Standing
from gateway.catalogue.subscriptions import Subscription
from gateway.definition import parse_definition
from gateway.digests import canonical_json
from gateway.model import Source, Tier
from gateway.sources.base import CatalogEntry
from gateway.trust.keys import generate
from tests.fakes.catalogue import index, plugin, version

KEY = generate().public


def standing(name: str, *plugins: Any, days: float = 30) -> Standing:
    return Standing(
        name=name,
        subscription=Subscription(url="https://c.example/index.json", keys=(KEY,)),
        index=parse_index(canonical_json(index(*plugins, days=days, name=name))),
    )


def offers(*standings: Standing, now: float = 0.0) -> list[Offer]:
    own = [
        CatalogEntry(id="notes", name="Notes", version="1.1.0", source=Source.BUILT_IN, description="Short."),
        CatalogEntry(id="notes", name="Notes", version="1.0.0", source=Source.BUILT_IN),
        CatalogEntry(id="bad", name="bad", version="", source=Source.BUILT_IN, problem="no manifest"),
    ]
    return [*own_offers(own), *(offer for one in standings for offer in catalogue_offers(one, now))]


def test_own_plugins_are_one_offer_with_all_versions() -> None:
    notes, bad = offers()
    assert (notes.tier, [one.version for one in notes.versions]) == (Tier.BUILT_IN, ["1.1.0", "1.0.0"])
    assert notes.best.definition == {"id": "notes", "version": "1.1.0", "source": "built-in"}
    assert (bad.best.problem, bad.best.definition) == ("no manifest", {})


def test_every_word_has_to_be_somewhere() -> None:
    found = offers(
        standing(
            "acme",
            plugin("redis-tools", description="Looks into Redis.", publisher="Acme", categories=["data"]),
            plugin("clock", description="The time of Redis servers."),
        )
    )
    assert [offer.id for offer in search(found, words="REDIS")] == ["redis-tools", "clock"]
    assert [offer.id for offer in search(found, words="acme redis")] == ["redis-tools"]
    assert [offer.id for offer in search(found, category="data")] == ["redis-tools"]
    assert [offer.id for offer in search(found, source="built-in")] == ["bad", "notes"]
    assert [offer.id for offer in search(found, words="redis", catalogue="other")] == []
    assert [offer.id for offer in search(found, catalogue="")] == ["bad", "notes"]


def test_an_id_of_two_catalogues_is_refused_with_both_named() -> None:
    found = offers(standing("acme", plugin("clock")), standing("bolt", plugin("clock")))
    with pytest.raises(Ambiguous, match="acme and bolt"):
        choose(found, "clock")
    assert choose(found, "clock", "bolt").catalogue == "bolt"
    with pytest.raises(NotOffered, match="The catalogue nobody"):
        choose(found, "clock", "nobody")
    with pytest.raises(NotOffered) as caught:
        choose(found, "clok")
    assert "clock" in caught.value.hint


def test_what_is_shipped_is_never_replaced_by_what_a_catalogue_calls_so() -> None:
    found = offers(standing("acme", plugin("notes", version("notes", "9.0.0"))))
    assert choose(found, "notes").catalogue == ""
    built_in = parse_definition({"id": "notes"})
    assert [offer.catalogue for offer in origin(found, built_in)] == [""]


def test_yanked_versions_are_not_taken_unless_there_is_nothing_else() -> None:
    bad = version("clock", "2.0.0", yanked="loses data")
    [offer] = list(catalogue_offers(standing("acme", plugin("clock", version("clock", "1.0.0"), bad)), 0.0))
    assert offer.best.version == "1.0.0"
    [only] = list(catalogue_offers(standing("acme", plugin("clock", bad)), 0.0))
    assert only.best.yanked == "loses data"


def test_nothing_is_installed_from_what_has_expired() -> None:
    kept = standing("acme", plugin("clock"))
    assert kept.index is not None
    [offer] = list(catalogue_offers(kept, kept.index.expires.timestamp()))
    assert offer.best.definition == {}
    assert "expired" in offer.best.problem


def test_only_where_it_came_from_has_newer_versions() -> None:
    first = version("clock", "1.0.0")
    mine = standing("acme", plugin("clock", first, version("clock", "1.2.0"), version("clock", "2.0.0-rc.1")))
    other = standing("bolt", plugin("clock", version("clock", "9.0.0")))
    installed = parse_definition({**first["definition"], "name": "My clock", "lockVersion": True})
    [came_from] = origin(offers(mine, other), installed)
    assert came_from.catalogue == "acme"
    found = newer(came_from, "1.0.0")
    assert found is not None
    assert found.version == "1.2.0"
    assert newer(came_from, "1.2.0") is None
    rc = newer(came_from, "2.0.0-alpha")
    assert rc is not None
    assert rc.version == "2.0.0-rc.1"


def test_a_definition_with_another_checksum_did_not_come_from_there(tmp_path: Path) -> None:
    first = version("clock", "1.0.0")
    other = parse_definition({**first["definition"], "checksum": "sha256:" + "0" * 64})
    assert origin(offers(standing("acme", plugin("clock", first))), other) == []
