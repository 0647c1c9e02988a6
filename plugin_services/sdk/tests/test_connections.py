"""Connections by name, the read-only switch and words for failures: what plugins for servers share."""

from __future__ import annotations

import pytest
from plugway_sdk.unreachable import why_unreachable
from plugway_sdk.web.connection_settings import (
    Address,
    CaCertificate,
    ConnectionSettings,
    SettingsModel,
    split_address,
)
from plugway_sdk.web.connections import Connections, NoSuchConnection, ReadOnly
from plugway_sdk.web.problems import NotConfigured
from pydantic import ValidationError

FORM = "must look like http://host:port"


class Connection(SettingsModel):
    read_only: bool = False
    ca_certificate: CaCertificate = ""


def connections(**values: object) -> Connections[Connection]:
    settings = ConnectionSettings[Connection].model_validate(values)
    return Connections(settings, "Thing", NotConfigured)


def test_a_call_is_about_the_named_the_default_or_the_first_connection() -> None:
    both = {"b": {}, "a": {}}
    assert connections(connections=both).pick("")[0] == "a"
    assert connections(connections=both, defaultConnection="b").pick("")[0] == "b"
    assert connections(connections=both).pick("b")[0] == "b"
    with pytest.raises(NoSuchConnection, match="no connection named 'c'") as none:
        connections(connections=both).pick("c")
    assert none.value.hint == "There are: a, b."
    with pytest.raises(NotConfigured, match="which Thing to manage"):
        connections().pick("")


def test_the_switch_stops_changes_of_its_connection_only() -> None:
    mixed = connections(connections={"a": {"readOnly": True}, "b": {}})
    assert mixed.pick("a")[1].read_only
    assert mixed.pick_writable("b")[0] == "b"
    with pytest.raises(ReadOnly, match="'a' is set to read only"):
        mixed.pick_writable("")


def test_settings_that_cannot_hold_are_refused() -> None:
    for values, words in (
        ({"connections": {"a": {}}, "defaultConnection": "b"}, "no connection named 'b'"),
        ({"connections": {"A": {}}}, "match pattern"),
        ({"connections": {"a": {"caCertificate": "x"}}}, "PEM form"),
        ({"connection": {}}, "not permitted"),
    ):
        with pytest.raises(ValidationError, match=words):
            connections(**values)


def test_an_address_is_split_and_never_repeated() -> None:
    assert split_address(" http://[::1]:80/x ", ("http",), FORM)[:2] == ("::1", 80)
    assert str(Address("::1", 80, tls=False)) == "[::1]:80"
    for url in (
        "ftp://hidden",
        "http://",
        "http://h:99999",
        "http://h?hidden",
        "http://h#hidden",
        "http://[hidden",
    ):
        with pytest.raises(ValueError, match=FORM):
            split_address(url, ("http",), FORM)
    with pytest.raises(ValueError, match="fields of their own") as told:
        split_address("http://me:hidden@h", ("http",), FORM)
    assert "hidden" not in str(told.value)


def test_the_cause_is_found_in_what_led_to_the_error_and_own_words_come_first() -> None:
    def failed() -> Exception:
        try:
            try:
                raise ConnectionError("[Errno 111] Connection refused")
            except ConnectionError as inner:
                raise RuntimeError("all attempts failed") from inner
        except RuntimeError as outer:
            return outer

    assert why_unreachable(failed()) == ": nothing listens there"
    assert why_unreachable(failed(), (("attempts", "own words"),)) == ": own words"
    assert why_unreachable(RuntimeError("something else")) == ""
