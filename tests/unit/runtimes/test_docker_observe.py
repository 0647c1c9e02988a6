from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.home import Home
from gateway.model import InstanceState, TlsFiles
from gateway.runtimes import docker_names as names
from gateway.runtimes.docker_observe import observe, seconds

TLS = TlsFiles(ca="ca", certificate="cert", key="key", server_name="notes.1")


def document(**state: Any) -> dict[str, Any]:
    return {
        "Id": "0123456789abcdef",
        "Config": {
            "Labels": {names.INSTANCE: "notes.1", names.PLUGIN: "notes", names.RELEASE: "notes-1"},
        },
        "HostConfig": {"Memory": 64 * 2**20},
        "NetworkSettings": {"Ports": {}},
        "State": {
            "Status": "exited",
            "ExitCode": 0,
            "OOMKilled": False,
            "StartedAt": "2026-01-02T03:04:05.123456789Z",
            **state,
        },
    }


def test_a_running_container_is_reached_by_its_socket(tmp_path: Path) -> None:
    home = Home(tmp_path)
    found = observe(document(Status="running"), home, None, "")
    assert found.state is InstanceState.RUNNING
    assert found.endpoint is not None
    assert found.endpoint.address.startswith(f"unix:{home.run_root}/")
    assert found.endpoint.incarnation.startswith("0123456789ab-")


def test_with_tls_it_is_reached_by_its_published_port(tmp_path: Path) -> None:
    running = document(Status="running")
    assert observe(running, Home(tmp_path), TLS, "").endpoint is None
    running["NetworkSettings"]["Ports"] = {"7700/tcp": [{"HostIp": "127.0.0.1", "HostPort": "41000"}]}
    endpoint = observe(running, Home(tmp_path), TLS, "").endpoint
    assert endpoint is not None
    assert (endpoint.address, endpoint.tls) == ("127.0.0.1:41000", TLS)


@pytest.mark.parametrize(
    ("state", "code", "signal", "words"),
    [
        ({"ExitCode": 2}, 2, None, "exit code 2"),
        ({"ExitCode": 137}, None, 9, "SIGKILL"),
        ({"ExitCode": 137, "OOMKilled": True}, 137, None, "out of memory"),
        ({"Status": "created", "ExitCode": 0}, None, None, "never started"),
        ({"Status": "dead", "ExitCode": 255}, 255, None, "exit code 255"),
    ],
)
def test_how_it_ended(
    tmp_path: Path, state: dict[str, Any], code: int | None, signal: int | None, words: str
) -> None:
    found = observe(document(**state), Home(tmp_path), None, "bye")
    assert found.exit is not None
    assert (found.exit.code, found.exit.signal) == (code, signal)
    assert words in found.exit.reason
    assert found.endpoint is None


def test_time_stamps() -> None:
    assert seconds("1970-01-01T00:00:02.5Z") == 2.5
    assert seconds("0001-01-01T00:00:00Z") == 0.0
    assert seconds("") == 0.0
