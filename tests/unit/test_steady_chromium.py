"""The way that browsers are started for tests."""

from __future__ import annotations

import subprocess
import sys

from tests import steady_chromium

_TRIES = """
import socket, sys
sys.path.insert(0, sys.argv[1])
import steady_chromium
steady_chromium.refuse_netlink()
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK):
    try:
        socket.socket(family, socket.SOCK_RAW if family == socket.AF_NETLINK else socket.SOCK_STREAM).close()
        print(family.name)
    except OSError as error:
        print(family.name, error.strerror)
"""


def test_news_of_the_machines_networks_is_refused_and_nothing_else() -> None:
    place = steady_chromium.__file__.rsplit("/", 1)[0]
    told = subprocess.run([sys.executable, "-c", _TRIES, place], capture_output=True, text=True, check=True)
    refused = "AF_NETLINK Address family not supported by protocol"
    assert told.stdout.split("\n")[:-1] == ["AF_INET", "AF_INET6", "AF_UNIX", refused]
