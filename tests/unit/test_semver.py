"""Versions in order."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.semver import is_prerelease, is_version, later, version_key

# The order of https://semver.org, item 11, and what surrounds it.
IN_ORDER = [
    "0.0.1",
    "0.9.10",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.2.0",
    "1.10.0",
    "2.0.0-0",
    "2.0.0",
]


def test_the_order_of_the_specification() -> None:
    shuffled = random.Random(1).sample(IN_ORDER, len(IN_ORDER))
    assert sorted(shuffled, key=version_key) == IN_ORDER


def test_build_metadata_does_not_count() -> None:
    assert version_key("1.0.0+a") == version_key("1.0.0+b.2")
    assert is_prerelease("1.0.0-rc.1+b")
    assert not is_prerelease("1.0.0+rc-1")


@pytest.mark.parametrize("text", ["", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.x", "v1.2.3", "1.2.3-", " 1.2.3"])
def test_what_is_no_version(text: str) -> None:
    assert not is_version(text)
    with pytest.raises(ValueError, match="not a version"):
        version_key(text)


@given(st.text(max_size=30))
def test_any_text_is_judged(text: str) -> None:
    if is_version(text):
        version_key(text)


def test_later_ones_come_newest_first_and_pre_releases_only_to_pre_releases() -> None:
    assert later("1.0.0", IN_ORDER) == ["2.0.0", "1.10.0", "1.2.0", "1.0.1"]
    assert later("1.0.0-rc.1", IN_ORDER) == ["2.0.0", "2.0.0-0", "1.10.0", "1.2.0", "1.0.1", "1.0.0"]
    assert later("2.0.0", IN_ORDER) == []


def test_later_ones_are_versions_each_once() -> None:
    assert later("1.0.0", ["1.0.0+b", "1.1.0", "1.1.0", "latest", "v2.0.0", "", "2"]) == ["1.1.0"]
    assert later("latest", ["1.0.0", "2.0.0"]) == []


@given(st.sampled_from(IN_ORDER), st.lists(st.sampled_from([*IN_ORDER, "latest"])))
def test_later_ones_are_just_those_above(than: str, versions: list[str]) -> None:
    found = later(than, versions)
    above = {v for v in versions if v != "latest" and IN_ORDER.index(v) > IN_ORDER.index(than)}
    assert set(found) == {v for v in above if is_prerelease(than) or not is_prerelease(v)}
    assert found == sorted(found, key=version_key, reverse=True)
