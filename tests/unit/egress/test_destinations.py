from __future__ import annotations

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.egress.destinations import BadDestination, Destination, destination, read_destination

LABEL = st.from_regex(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
NAMES = st.lists(LABEL, min_size=1, max_size=4).map(".".join)
ADDRESSES = st.ip_addresses().map(str)
PORTS = st.integers(1, 65_535)


@given(NAMES | ADDRESSES, PORTS)
def test_what_is_written_is_read_again(host: str, port: int) -> None:
    made = destination(host, port)
    assert read_destination(str(made)) == made
    assert destination(host.upper(), str(port)) == made


@given(NAMES, PORTS)
def test_a_closing_dot_makes_no_difference(host: str, port: int) -> None:
    assert destination(f"{host}.", port) == destination(host, port)


@given(st.ip_addresses(v=6), PORTS)
def test_an_address_has_one_form(address: IPv6Address, port: int) -> None:
    assert destination(address.exploded, port) == destination(f"[{address.compressed}]", port)


def test_an_ipv4_address_in_ipv6_is_that_address() -> None:
    assert destination("::ffff:10.0.0.1", 80) == Destination("10.0.0.1", 80)


@given(st.text(max_size=40))
def test_any_text_is_a_destination_or_refused(text: str) -> None:
    try:
        found = read_destination(text)
    except BadDestination:
        return
    assert found.host.isascii()
    assert not set(found.host) & set(" \r\n\t/@\\#?%")
    assert 1 <= found.port <= 65_535
    assert read_destination(str(found)) == found


def test_a_refusal_does_not_repeat_the_text() -> None:
    with pytest.raises(BadDestination) as caught:
        read_destination("user:hidden@host")
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host",
        "host:",
        ":80",
        "host:0",
        "host:65536",
        "host:-1",
        "host:+80",
        "host:٨٠",
        "host:80 ",
        "a b:80",
        "a\r\nb:80",
        "-a:80",
        "a-:80",
        "a..b:80",
        ".:80",
        "::1:80",
        "[::1%eth0]:80",
        "[127.0.0.1]:80",
        "user@host:80",
        "host/path:80",
        "*:80",
        f"{'a' * 64}:80",
        f"{'.'.join(['abc'] * 64)}:80",
        # Forms that the C library takes for an address.
        "127.1:80",
        "2130706433:80",
        "0x7f000001:80",
        "0x7f.0.0.0x1:80",
        "0177.0.0.1:80",
        "127.0.0.01:80",
    ],
)
def test_what_is_no_destination(text: str) -> None:
    with pytest.raises(BadDestination):
        read_destination(text)


def test_a_name_in_another_script_is_its_punycode() -> None:
    assert read_destination("bücher.example:443") == Destination("xn--bcher-kva.example", 443)
