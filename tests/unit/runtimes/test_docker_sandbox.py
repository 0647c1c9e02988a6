"""What is read out of an engine's description of a container; one from a real engine is in tests/contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.runtimes.docker_sandbox import sandbox_of

ENGINE = ("name=seccomp,profile=default",)
OURS = (Path("/home/pw"),)
SECCOMP = "system calls filtered (seccomp)"
SOCKET = "no container socket, nothing of this machine"


def document(**host: Any) -> dict[str, Any]:
    """A container as this gateway makes them, with these changes to it."""
    whole = {
        "Runtime": "runc",
        "NetworkMode": "none",
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "CapAdd": None,
        "Privileged": False,
        "SecurityOpt": ["no-new-privileges"],
        "Memory": 64 * 2**20,
        "MemorySwap": 64 * 2**20,
        "CpuPeriod": 10_000,
        "CpuQuota": 5_000,
        "PidsLimit": 50,
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "5m"}},
        "Tmpfs": {"/tmp": "rw,noexec,nosuid"},
        "Init": True,
        "IpcMode": "private",
        "PidMode": "",
    }
    mounts = [{"Type": "bind", "Source": "/home/pw/run/x/io"}]
    return {"Config": {"User": "65532:65532"}, "HostConfig": {**whole, **host}, "Mounts": mounts}


def test_a_whole_one() -> None:
    found = sandbox_of(document(), ENGINE, OURS)
    assert (found.level, found.network, found.lacks) == ("docker", "none", ())
    assert {"memory limit 64 MiB", "limit of 0.5 CPU", "at most 50 processes"} <= set(found.holds)


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ({"CpuPeriod": 0, "CpuQuota": 150_000}, "limit of 1.5 CPU"),
        ({"CpuPeriod": 0, "CpuQuota": 0, "NanoCpus": 250_000_000}, "limit of 0.25 CPU"),
    ],
)
def test_a_limit_of_processors_in_the_engines_other_words(host: dict[str, int], words: str) -> None:
    assert words in sandbox_of(document(**host), ENGINE, OURS).holds


@pytest.mark.parametrize(
    ("change", "lacks"),
    [
        ({"ReadonlyRootfs": False}, "read-only root file system"),
        ({"CapDrop": ["NET_RAW"]}, "no capabilities"),
        ({"CapAdd": ["SYS_ADMIN"]}, "no capabilities"),
        ({"SecurityOpt": ["no-new-privileges:false"]}, "no new privileges"),
        ({"SecurityOpt": None}, "no new privileges"),
        ({"SecurityOpt": ["no-new-privileges", "seccomp=unconfined"]}, SECCOMP),
        ({"SecurityOpt": ["no-new-privileges", "seccomp:unconfined"]}, SECCOMP),
        ({"Memory": 0, "MemorySwap": 0}, "memory limit"),
        ({"MemorySwap": -1}, "no swap beyond it"),
        ({"MemorySwap": 128 * 2**20}, "no swap beyond it"),
        ({"CpuQuota": 0}, "CPU limit"),
        ({"CpuQuota": -1}, "CPU limit"),
        ({"PidsLimit": None}, "limit of processes"),
        ({"PidsLimit": -1}, "limit of processes"),
        ({"LogConfig": {"Type": "json-file", "Config": {}}}, "log size limited"),
        ({"Tmpfs": {"/tmp": "rw,exec"}}, "no program in /tmp runs"),
        ({"Init": None}, "init"),
        ({"PidMode": "host"}, "namespaces of its own"),
        ({"IpcMode": "container:abc"}, "namespaces of its own"),
        ({"Devices": [{"PathOnHost": "/dev/kvm"}]}, SOCKET),
    ],
)
def test_what_lacks_is_told(change: dict[str, Any], lacks: str) -> None:
    assert lacks in sandbox_of(document(**change), ENGINE, OURS).lacks


@pytest.mark.parametrize("user", ["", "0", "root", "0:0", "root:65532"])
def test_root_is_root_however_it_is_written(user: str) -> None:
    loose = {**document(), "Config": {"User": user}}
    assert "non-root user" in sandbox_of(loose, ENGINE, OURS).lacks


@pytest.mark.parametrize("source", ["/var/run/docker.sock", "/", "/home", "/home/pw-other/x"])
def test_what_is_mounted_from_elsewhere_is_told(source: str) -> None:
    loose = {**document(), "Mounts": [{"Type": "bind", "Source": source}]}
    assert SOCKET in sandbox_of(loose, ENGINE, OURS).lacks


@pytest.mark.parametrize("engine", [(), ("name=seccomp,profile=unconfined",), ("name=apparmor",)])
def test_an_engine_without_a_filter_is_not_taken_for_one_with(engine: tuple[str, ...]) -> None:
    assert SECCOMP in sandbox_of(document(), engine, OURS).lacks


def test_apparmor_counts_where_the_engine_has_it() -> None:
    engine = (*ENGINE, "name=apparmor")
    assert "AppArmor profile" in sandbox_of(document(), engine, OURS).lacks
    profiled = {**document(), "AppArmorProfile": "docker-default"}
    assert "AppArmor profile" in sandbox_of(profiled, engine, OURS).holds


@pytest.mark.parametrize(
    ("mode", "network"),
    [("none", "none"), ("default", "bridge default"), ("host", "this machine's"), ("mine", "bridge mine")],
)
def test_networks(mode: str, network: str) -> None:
    assert sandbox_of(document(NetworkMode=mode), ENGINE, OURS).network == network


def test_gvisor_is_a_level_of_its_own() -> None:
    assert sandbox_of(document(Runtime="runsc"), ENGINE, OURS).level == "runsc"


def test_privileged_is_nothing_of_all_this() -> None:
    lacks = sandbox_of(document(Privileged=True), ENGINE, OURS).lacks
    assert {"no capabilities", SECCOMP} <= set(lacks)
