from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.egress.addresses import own_addresses, read_address, refusal
from gateway.egress.destinations import destination

OWN = {ip_address("10.0.0.5"), ip_address("2001:db8::5")}


def reached(host: str, address: str) -> bool:
    return not refusal(destination(host, 80), address, lambda: OWN)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%2", "fd00:ec2::254", "100.100.100.200",
        "168.63.129.16", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1",
        "::169.254.169.254", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "240.0.0.1",
    ],
)  # fmt: skip
def test_what_no_plugin_may_reach(address: str) -> None:
    assert not reached("name.example", address)
    assert not reached(address.partition("%")[0], address), "not even where it was granted by itself"


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.9.9.9", "::1", "10.0.0.5", "2001:db8::5", "::ffff:127.0.0.1"]
)
def test_this_machine_only_where_it_is_written(address: str) -> None:
    assert not reached("name.example", address), "a name that leads here is not the operator's word"
    assert reached(address, address)


def test_localhost_is_loopback_and_nothing_else() -> None:
    assert reached("localhost", "127.0.0.1")
    assert reached("localhost", "::1")
    assert not reached("localhost", "10.0.0.5")


@pytest.mark.parametrize("address", ["10.0.0.6", "192.168.1.1", "93.184.216.34", "2001:db8::6", "fd12::1"])
def test_other_machines_are_reached_by_name(address: str) -> None:
    assert reached("name.example", address)


@given(st.ip_addresses())
def test_every_address_has_a_verdict(address: object) -> None:
    verdict = refusal(destination("name.example", 80), str(address), own_addresses)
    assert verdict == "" or verdict.startswith("it is")


def test_own_addresses_are_those_of_the_interfaces() -> None:
    assert read_address("127.0.0.1") in own_addresses()
